#ifndef CORE_SERVICE_SMTP_QUEUE_H
#define CORE_SERVICE_SMTP_QUEUE_H

/*
 * smtp_queue: the recipients of a mail who are elsewhere, gathered until its change is complete.
 * One thread at a time. The zero value is empty.
 */

#include "proto/smtp/smtp_requests.h"
#include "store/store_queue.h"

struct smtp_queue {
    struct store_queue_recipient *recipients;
    unsigned count, size;
    struct chain texts; /* addresses that are in nobody else's memory */
};

/* A recipient, who is not ours. */
void smtp_queue_add(struct smtp_queue *q, const struct smtp_recipient *rcpt);

/* Somebody elsewhere to whom an alias leads: a local part without quotes, and a domain. */
void smtp_queue_add_alias(struct smtp_queue *q, const struct smtp_recipient *rcpt,
                          struct span local, struct span domain);

/* Into the change, with the mail's envelope; nothing when nobody is elsewhere. */
void smtp_queue_fill(const struct smtp_queue *q, const struct smtp_store_request *mail,
                     struct store_change *change, unsigned message);
void smtp_queue_free(struct smtp_queue *q);

#endif
