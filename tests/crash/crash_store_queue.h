#ifndef TESTS_CRASH_CRASH_STORE_QUEUE_H
#define TESTS_CRASH_CRASH_STORE_QUEUE_H

/* crash_store_queue: rows of the store's queue as the model has them. */

#include "store/store_queue.h"
#include "tests/crash/crash_store_model.h"

/* The message whose number the envelope tells; false when its other fields are not that one's. */
bool queue_message_is(const struct store_queue_message *queued, uint32_t *message_r);
/* False when a text is none that the load makes. */
bool queue_recipient_is(const struct store_queue_recipient *recipient, uint32_t message,
                        struct model_queued *queued_r);

#endif
