#ifndef CORE_SERVICE_SMTP_LOG_H
#define CORE_SERVICE_SMTP_LOG_H

/*
 * smtp_log: what happens to clients and mails, in Postfix's words, for the tools that read them
 * (pflogsumm, fail2ban, logcheck). Any thread.
 */

#include "proto/smtp/smtp_session.h"

enum {
    SMTP_LOG_DELAY_MAX = 32, /* bytes of one number of seconds, with a NUL */
};

void smtp_log_note(const struct smtp_note *note);

/* Seconds as the log has them: two significant digits, at most two decimals, none that is 0; a
 * clock that was set back makes 0. Returns the length. */
size_t smtp_log_delay(int64_t us, char text[SMTP_LOG_DELAY_MAX]);

#endif
