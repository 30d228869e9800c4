#include "core/service/imap_log.h"

#include <unistd.h>

#include "core/base/log.h"
#include "core/base/number.h"

static const struct log_shape imap_log_login = {
    "imap-login", "login",
    "Login: user=<{user}>, method={method}, rip={rip}, lip={lip}, mpid={mpid}(?, {security}), "
    "session=<{session}>",
    LOG_INFO};

static const struct log_shape imap_log_failed = {
    "imap-login", "login-failed",
    "Disconnected: {reason} (auth failed, {attempts} attempts in {seconds} secs): "
    "user=<{user}>, method={method}, rip={rip}, lip={lip}(?, {security}), session=<{session}>",
    LOG_INFO};

static const struct log_shape imap_log_no_login = {
    "imap-login", "no-login",
    "Disconnected: {reason} (no auth attempts in {seconds} secs): user=<>, rip={rip}, "
    "lip={lip}(?, {security}), session=<{session}>",
    LOG_INFO};

static const struct log_shape imap_log_ended = {
    "imap", "disconnected",
    "({user})<{mpid}><{session}>: Disconnected: {reason} in={in} out={out} deleted=0 "
    "expunged={expunged} trashed=0 hdr_count={hdr_count} body_count={body_count}",
    LOG_INFO};

/* One word for a session, in all its lines. */
static struct span session_word(const struct imap_note *note, char *at)
{
    size_t len = number_write_hex(at, note->peer->connection, 8);

    len += number_write_hex(at + len, note->peer->port, 4);
    return (struct span){at, len};
}

static void imap_log_login_end(const struct imap_note *note, struct span session)
{
    struct span security = span_str(note->peer->is_tls ? "TLS" : "");
    const struct log_fact facts[] = {
        LOG_TEXT("reason", span_str(note->reason)),
        LOG_NUMBER("attempts", note->attempts),
        LOG_NUMBER("seconds", note->duration_s),
        LOG_TEXT("user", note->user),
        LOG_TEXT("method", span_str(note->method)),
        LOG_TEXT("rip", span_str(note->peer->address)),
        LOG_TEXT("lip", span_str(note->peer->local_address)),
        LOG_TEXT_IF("security", security),
        LOG_TEXT("session", session),
    };

    log_write(note->attempts > 0 ? &imap_log_failed : &imap_log_no_login, facts, COUNT_OF(facts));
}

void imap_log_note(const struct imap_note *note)
{
    char text[32];
    struct span session = session_word(note, text);
    struct span security = span_str(note->peer->is_tls ? "TLS" : "");

    switch (note->kind) {
    case IMAP_NOTE_LOGIN:
        LOG(&imap_log_login, LOG_TEXT("user", note->user),
            LOG_TEXT("method", span_str(note->method)),
            LOG_TEXT("rip", span_str(note->peer->address)),
            LOG_TEXT("lip", span_str(note->peer->local_address)), LOG_NUMBER("mpid", getpid()),
            LOG_TEXT_IF("security", security), LOG_TEXT("session", session));
        break;
    case IMAP_NOTE_LOGIN_ENDED:
        imap_log_login_end(note, session);
        break;
    case IMAP_NOTE_SESSION_ENDED:
        LOG(&imap_log_ended, LOG_TEXT("user", note->user), LOG_NUMBER("mpid", getpid()),
            LOG_TEXT("session", session), LOG_TEXT("reason", span_str(note->reason)),
            LOG_NUMBER("in", note->in_bytes), LOG_NUMBER("out", note->out_bytes),
            LOG_NUMBER("expunged", note->expunged), LOG_NUMBER("hdr_count", note->fetched_headers),
            LOG_NUMBER("body_count", note->fetched_bodies));
        break;
    }
}
