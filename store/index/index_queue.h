#ifndef STORE_INDEX_INDEX_QUEUE_H
#define STORE_INDEX_INDEX_QUEUE_H

/*
 * index_queue: the rows of the queue, in and out, and finding them.
 *
 * A record is numbers of fixed places, the lengths of its texts, then the texts; the command that
 * queues a message holds its records just so (commit/command_queue.h). What is read comes from a
 * disk: readers check everything, and what they give points into the bytes they were given.
 */

#include "store/index/index_lookup.h"
#include "store/store_queue.h"

enum {
    RECORD_QUEUE_TEXTS_MAX = 7,
    RECORD_QUEUE_FIXED_MAX = 48,
    /* The longest, of a text that is a byte too long: such a record is written and then refused. */
    RECORD_QUEUE_MAX = RECORD_QUEUE_FIXED_MAX + RECORD_QUEUE_TEXTS_MAX * (STORE_QUEUE_TEXT_MAX + 3),
};

/* Encoders fill `at` (room for RECORD_QUEUE_MAX) and return how many bytes that are. Decoders
 * refuse a text that is too long, or empty where none may be, and an unknown flag or mark. */
size_t record_envelope_write(char *at, const struct store_queue_envelope *envelope);
MUST_USE bool record_envelope_read(struct span value, struct store_queue_envelope *envelope_r);
/* Without id and number, which are in the key. */
size_t record_recipient_write(char *at, const struct store_queue_recipient *recipient);
MUST_USE bool record_recipient_read(struct span value, struct store_queue_recipient *recipient_r);
/* Of a command, not of a row. */
size_t record_update_write(char *at, const struct store_queue_update *update);
MUST_USE bool record_update_read(struct span value, struct store_queue_update *update_r);

/* Spans are valid until the next write, or until the transaction is parked. */
MUST_USE bool index_envelope_get(struct index_txn *txn, store_queue_id id,
                                 struct store_queue_envelope *envelope_r);
MUST_USE bool index_recipient_get(struct index_txn *txn, store_queue_id id, uint32_t number,
                                  struct store_queue_recipient *recipient_r);
/* Those from this one on, of any message. */
size_t index_recipients(struct index_txn *txn, store_queue_id id, uint32_t number,
                        struct store_queue_recipient *rows, size_t max);
/* Whether any recipient of the message is left. */
MUST_USE bool index_queue_has(struct index_txn *txn, store_queue_id id);

/* The row, and the one that says when it is due. `before`: as it was, NULL when it is new. */
void index_recipient_write(struct index_txn *txn, const struct store_queue_recipient *before,
                           const struct store_queue_recipient *recipient);
void index_recipient_delete(struct index_txn *txn, const struct store_queue_recipient *recipient);

#endif
