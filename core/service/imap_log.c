#include "core/service/imap_log.h"

#include <unistd.h>

#include "core/base/log.h"
#include "core/service/login_log.h"

static const struct log_shape imap_log_session = {
    "imap", "disconnected",
    "({user})<{mpid}><{session}>: Disconnected: {reason} in={in} out={out} deleted=0 "
    "expunged={expunged} trashed=0 hdr_count={hdr_count} body_count={body_count}",
    LOG_INFO};

static void imap_log_ended(const struct imap_note *note)
{
    char text[LOGIN_LOG_SESSION_MAX];

    LOG(&imap_log_session, LOG_TEXT("user", note->user), LOG_NUMBER("mpid", getpid()),
        LOG_TEXT("session", login_log_session(note->peer, text)),
        LOG_TEXT("reason", span_str(note->reason)), LOG_NUMBER("in", note->in_bytes),
        LOG_NUMBER("out", note->out_bytes), LOG_NUMBER("expunged", note->expunged),
        LOG_NUMBER("hdr_count", note->fetched_headers),
        LOG_NUMBER("body_count", note->fetched_bodies));
}

void imap_log_note(const struct imap_note *note)
{
    const struct login_log_note login = {.protocol = LOGIN_LOG_IMAP,
                                         .peer = note->peer,
                                         .is_tls = note->tls != NULL,
                                         .user = note->user,
                                         .method = note->method,
                                         .reason = note->reason,
                                         .attempts = note->attempts,
                                         .duration_s = note->duration_s};

    switch (note->kind) {
    case IMAP_NOTE_LOGIN:
        login_log_login(&login);
        break;
    case IMAP_NOTE_LOGIN_ENDED:
        login_log_ended(&login);
        break;
    case IMAP_NOTE_SESSION_ENDED:
        imap_log_ended(note);
        break;
    }
}
