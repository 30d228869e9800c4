#ifndef CORE_SERVICE_QUEUE_ID_H
#define CORE_SERVICE_QUEUE_ID_H

/*
 * queue_id: names of mails, 13 upper-case hex digits that look like Postfix's: microseconds since
 * 1970, made to rise by at least one each time. So they sort by time, do not repeat in a process,
 * and do not repeat in the next one unless the clock was set back. Any thread.
 */

#include <stdint.h>

#include "proto/smtp/smtp_requests.h"

void queue_id_next(int64_t now_us, char id[SMTP_QUEUE_ID_MAX]);

#endif
