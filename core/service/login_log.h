#ifndef CORE_SERVICE_LOGIN_LOG_H
#define CORE_SERVICE_LOGIN_LOG_H

/*
 * login_log: logins and connections that never came to one, in the shapes of Dovecot's lines, which
 * fail2ban and other readers of logs know; the same for IMAP and POP3. Any thread.
 */

#include <stdbool.h>

#include "proto/session.h"

enum {
    LOGIN_LOG_SESSION_MAX = 32, /* bytes of a session's word */
};

enum login_log_protocol {
    LOGIN_LOG_IMAP,
    LOGIN_LOG_POP3,
};

struct login_log_note {
    enum login_log_protocol protocol;
    const struct session_peer *peer;
    bool is_tls;
    struct span user;   /* the account; of an end: the name that was tried last */
    const char *method; /* "PLAIN"; "" when none was tried */
    const char *reason; /* of an end: "Connection closed", ... */
    unsigned attempts;  /* logins that failed */
    int64_t duration_s; /* since the greeting */
};

void login_log_login(const struct login_log_note *note);
void login_log_ended(const struct login_log_note *note); /* a session that never logged in */

/* One word for a session, in all its lines; written to `at`. */
struct span login_log_session(const struct session_peer *peer, char at[LOGIN_LOG_SESSION_MAX]);

#endif
