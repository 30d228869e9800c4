#ifndef CORE_SERVICE_SMTP_STORE_H
#define CORE_SERVICE_SMTP_STORE_H

/* smtp_store: a message on its way from a session into the store. */

#include "core/service/service.h"

enum {
    SMTP_STORE_HERE_BYTES = 64 * 1024, /* shorter messages are prepared on the reactor: a hop costs
                                          more than they do */
    SMTP_STORE_HERE_RCPTS = 16,
    SMTP_DELIVERIES_MAX = 10000, /* mailboxes that one message may go to */
};

/* REQUEST_SMTP_BODY: takes a block of a long body. Worker. */
enum service_outcome smtp_body_run(struct service *s, struct request *r, struct job *job);

/* REQUEST_SMTP_STORE: delivers to all targets of all recipients in one change, and answers when it
 * cannot be lost any more. In SMTP one recipient that can't be had refuses the message; in LMTP
 * each has its own verdict. */
enum service_outcome smtp_store_run(struct service *s, struct request *r, struct job *job);
enum service_where smtp_store_where(const struct request *r);

#endif
