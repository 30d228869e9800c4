#ifndef STORE_COMMIT_APPLY_TXN_H
#define STORE_COMMIT_APPLY_TXN_H

/*
 * apply_txn: batches of the log become one transaction of the index, the mark with them. Used by
 * recovery and by the applier's thread, one after the other.
 */

#include "store/commit/effect.h"

enum {
    APPLY_RECORDS_MAX = 8192, /* in one transaction: LMDB's list of dirty pages is bounded */
};

struct apply_txn {
    struct index *index;
    struct apply_cache cache;
    struct effect effect;
    struct index_txn *txn;    /* NULL between transactions */
    struct journal_mark mark; /* of the last batch in it */
    size_t weight;            /* rows that it will write, about; counted like records */
    /* After the commit: mailboxes that sessions may want to look at. */
    store_mailbox *touched;
    unsigned touched_count;
};

void apply_txn_init(struct apply_txn *t, struct index *index,
                    void (*say)(void *context, const char *text), void *context);
void apply_txn_free(struct apply_txn *t);

/* What a batch will cost, in the unit of APPLY_RECORDS_MAX. */
size_t apply_weight(const struct journal_batch *batch);

/* Adds a batch, beginning a transaction if there is none. After an error the transaction is gone.
 * `changes` as applier_push() has them, NULL in recovery. */
MUST_USE enum store_status apply_txn_add(struct apply_txn *t, const struct journal_batch *batch,
                                         struct store_change *changes);
/* Ends it durably. `effect.dead_bigs` and `touched` then say what was left behind. */
MUST_USE enum store_status apply_txn_commit(struct apply_txn *t);

#endif
