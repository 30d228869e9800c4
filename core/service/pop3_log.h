#ifndef CORE_SERVICE_POP3_LOG_H
#define CORE_SERVICE_POP3_LOG_H

/* pop3_log: what POP3 sessions have to say, in the shapes of Dovecot's lines. Any thread. */

#include "proto/pop3/pop3_session.h"

void pop3_log_note(const struct pop3_note *note);

#endif
