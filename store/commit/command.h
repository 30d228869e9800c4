#ifndef STORE_COMMIT_COMMAND_H
#define STORE_COMMIT_COMMAND_H

/*
 * command: a change on its way through committer and applier.
 *
 * store_change.c fills one; store_submit() queues it at the committer; the committer writes its
 * records as part of one batch and syncs; the applier gives them their effect. One owner at a time.
 */

#include "store/blob/journal.h"
#include "store/store.h"

struct store_change {
    struct store_change *next; /* queue of the committer, then of the applier */
    struct store *store;
    struct journal_record *records; /* in order; spans point into what the change owns */
    unsigned count, size;
    struct store_result *results; /* one for each call of the caller's; filled by the applier */
    unsigned result_count;
    unsigned *result_of;      /* for each record in turn, for each of its items: which result */
    enum store_status status; /* what became of it; the applier's word */
    enum store_ack ack;
    store_done_fn *done;
    void *context;
    size_t bytes;    /* what it will take in the log: for budgets */
    size_t messages; /* that its copies touch, which no byte in the log shows */
    void *owned;     /* arguments, drafts, META: store_change.c's */
};

/* Calls done() (if it was not yet) and frees. Committer or applier. */
void store_change_end(struct store_change *change, enum store_status status);

/* Takes back what the applier said about it, before it tries again. Applier. */
void store_change_reset(struct store_change *change);

/* Frees drafts and META once they are durable; lengths in the records stay. The applier does it as
 * the change arrives, so that a long queue in front of the index holds no message bytes. */
void store_change_drop_bodies(struct store_change *change);

#endif
