#ifndef CORE_RELAY_RELAY_LOG_H
#define CORE_RELAY_RELAY_LOG_H

/* relay_log: what becomes of queued mail, in Postfix's words. */

#include "core/relay/relay_mail.h"

void relay_log_active(const struct relay_message *message);
void relay_log_removed(const struct relay_message *message);
void relay_log_expired(const struct relay_message *message);

/* A recipient's outcome: status=sent, deferred, bounced. `relay` is name[address]:port, or "none".
 * `sent_us` is when its connection was begun, ready_us when it could send; both 0: there was none.
 */
void relay_log_outcome(const struct relay_mail *mail, unsigned index, const char *relay,
                       int64_t begun_us, int64_t ready_us);

/* A notification was queued as `id`; what: "non-delivery", "delay", "delivery status". */
void relay_log_bounce(const struct relay_message *message, const char *what, struct span id);

#endif
