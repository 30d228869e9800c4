#include "core/service/pop3_log.h"

#include <unistd.h>

#include "core/base/log.h"
#include "core/service/login_log.h"

static const struct log_shape pop3_log_session = {
    "pop3", "disconnected",
    "({user})<{mpid}><{session}>: Disconnected: {reason} top={top_count}/{top_bytes}, "
    "retr={retr_count}/{retr_bytes}, del={deleted}/{messages}, size={size}",
    LOG_INFO};

static void pop3_log_ended(const struct pop3_note *note)
{
    char text[LOGIN_LOG_SESSION_MAX];

    LOG(&pop3_log_session, LOG_TEXT("user", note->user), LOG_NUMBER("mpid", getpid()),
        LOG_TEXT("session", login_log_session(note->peer, text)),
        LOG_TEXT("reason", span_str(note->reason)), LOG_NUMBER("top_count", note->top_count),
        LOG_NUMBER("top_bytes", note->top_bytes), LOG_NUMBER("retr_count", note->retr_count),
        LOG_NUMBER("retr_bytes", note->retr_bytes), LOG_NUMBER("deleted", note->deleted),
        LOG_NUMBER("messages", note->messages), LOG_NUMBER("size", note->octets));
}

void pop3_log_note(const struct pop3_note *note)
{
    const struct login_log_note login = {.protocol = LOGIN_LOG_POP3,
                                         .peer = note->peer,
                                         .is_tls = note->tls != NULL,
                                         .user = note->user,
                                         .method = note->method,
                                         .reason = note->reason,
                                         .attempts = note->attempts,
                                         .duration_s = note->duration_s};

    switch (note->kind) {
    case POP3_NOTE_LOGIN:
        login_log_login(&login);
        break;
    case POP3_NOTE_LOGIN_ENDED:
        login_log_ended(&login);
        break;
    case POP3_NOTE_SESSION_ENDED:
        pop3_log_ended(note);
        break;
    }
}
