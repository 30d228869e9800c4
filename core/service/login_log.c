#include "core/service/login_log.h"

#include <unistd.h>

#include "core/base/log.h"
#include "core/base/number.h"

/* The lines of a protocol's login. */
struct login_shapes {
    struct log_shape login, failed, none;
};

#define LOGIN_SHAPES(daemon)                                                                       \
    {                                                                                              \
        {daemon, "login",                                                                          \
         "Login: user=<{user}>, method={method}, rip={rip}, lip={lip}, mpid={mpid}"                \
         "(?, {security}), session=<{session}>",                                                   \
         LOG_INFO},                                                                                \
            {daemon, "login-failed",                                                               \
             "Disconnected: {reason} (auth failed, {attempts} attempts in {seconds} secs): "       \
             "user=<{user}>, method={method}, rip={rip}, lip={lip}(?, {security}), "               \
             "session=<{session}>",                                                                \
             LOG_INFO, true},                                                                      \
        {                                                                                          \
            daemon, "no-login",                                                                    \
                "Disconnected: {reason} (no auth attempts in {seconds} secs): user=<>, "           \
                "rip={rip}, lip={lip}(?, {security}), session=<{session}>",                        \
                LOG_INFO, true                                                                     \
        }                                                                                          \
    }

static const struct login_shapes login_shapes[] = {
    [LOGIN_LOG_IMAP] = LOGIN_SHAPES("imap-login"),
    [LOGIN_LOG_POP3] = LOGIN_SHAPES("pop3-login"),
};

struct span login_log_session(const struct session_peer *peer, char at[LOGIN_LOG_SESSION_MAX])
{
    size_t len = number_write_hex(at, peer->connection, 8);

    len += number_write_hex(at + len, peer->port, 4);
    return (struct span){at, len};
}

static struct span security_of(const struct login_log_note *note)
{
    return note->is_tls ? SPAN("TLS") : SPAN("");
}

void login_log_login(const struct login_log_note *note)
{
    char text[LOGIN_LOG_SESSION_MAX];

    LOG(&login_shapes[note->protocol].login, LOG_TEXT("user", note->user),
        LOG_TEXT("method", span_str(note->method)), LOG_TEXT("rip", span_str(note->peer->address)),
        LOG_TEXT("lip", span_str(note->peer->local_address)), LOG_NUMBER("mpid", getpid()),
        LOG_TEXT_IF("security", security_of(note)),
        LOG_TEXT("session", login_log_session(note->peer, text)));
}

void login_log_ended(const struct login_log_note *note)
{
    const struct login_shapes *shapes = &login_shapes[note->protocol];
    char text[LOGIN_LOG_SESSION_MAX];
    const struct log_fact facts[] = {
        LOG_TEXT("reason", span_str(note->reason)),
        LOG_NUMBER("attempts", note->attempts),
        LOG_NUMBER("seconds", note->duration_s),
        LOG_TEXT("user", note->user),
        LOG_TEXT("method", span_str(note->method)),
        LOG_TEXT("rip", span_str(note->peer->address)),
        LOG_TEXT("lip", span_str(note->peer->local_address)),
        LOG_TEXT_IF("security", security_of(note)),
        LOG_TEXT("session", login_log_session(note->peer, text)),
    };

    log_write(note->attempts > 0 ? &shapes->failed : &shapes->none, facts, COUNT_OF(facts));
}
