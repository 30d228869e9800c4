#ifndef CORE_SERVICE_IMAP_LOG_H
#define CORE_SERVICE_IMAP_LOG_H

/*
 * imap_log: what IMAP sessions have to say, in the shapes of Dovecot's lines, which fail2ban and
 * other readers of logs know. Any thread.
 */

#include "proto/imap/imap_session.h"

void imap_log_note(const struct imap_note *note);

#endif
