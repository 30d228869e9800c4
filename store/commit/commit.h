#ifndef STORE_COMMIT_COMMIT_H
#define STORE_COMMIT_COMMIT_H

/*
 * commit: the committer. Takes all waiting changes, writes them as one batch, syncs once, tells who
 * waits for durability, hands the batch to the applier. While one batch syncs the next gathers.
 */

#include "core/base/attr.h"
#include "store/commit/command.h"

struct committer;
struct applier;

struct committer_config {
    struct journal *journal;
    struct applier *applier; /* gets each durable batch with its changes */
    bool manual;
    size_t waiting_max; /* bytes that may wait unsynced; more: STORE_FULL */
};
/* NULL when there is no thread for it. */
MUST_USE struct committer *committer_open(const struct committer_config *config);
/* Any thread. Takes the change, sets its `bytes`. Ends it at once with STORE_FULL when too much
 * waits, with STORE_INVALID when no segment could hold it, with STORE_OK when it has no records. */
void committer_submit(struct committer *c, struct store_change *change);
bool committer_step(struct committer *c); /* manual: one batch; false when nothing waits */
/* manual: what the thread does after a second without work: a NOP batch behind the last real one,
 * so that the hash chain covers it too. */
void committer_idle(struct committer *c);
uint64_t committer_durable_seq(const struct committer *c); /* any thread: last synced batch */
/* How long the batch that is being written has been on its way; 0: none is. Any thread. */
uint64_t committer_busy_ns(const struct committer *c);
size_t committer_waiting_bytes(const struct committer *c);
void committer_numbers(const struct committer *c, struct store_numbers *numbers_r);
void committer_close(struct committer **c); /* finishes what was submitted */

/* apply: the applier, the only writer of the index. */
struct index;
struct applier_config {
    struct index *index;
    struct journal *journal;
    bool manual;
    void (*touched)(void *context, store_mailbox mailbox);
    bool (*is_watched)(void *context);
    void (*say)(void *context, const char *text);
    void *context;
};
/* Reads where the index stands; NULL when it cannot. Recovery comes next, then the start. */
MUST_USE struct applier *applier_open(const struct applier_config *config);
MUST_USE bool applier_start(struct applier *a); /* its thread, unless manual */
/* Takes a durable batch: `batch` is copied (its records too), `changes` is the list whose records
 * it holds, in order. Whoever waited for durability alone was told before (done is NULL in its
 * change): from here on the changes are the applier's. The log's own empty batches take a seq but
 * never come here, and committer_durable_seq() does not count them. Never blocks. Committer thread.
 */
void applier_push(struct applier *a, const struct journal_batch *batch,
                  struct store_change *changes);
bool applier_step(struct applier *a); /* manual: one transaction */
uint64_t applier_applied_seq(const struct applier *a);
/* Waits until the batch is applied (runs applier_step() itself in manual mode). */
void applier_wait(struct applier *a, uint64_t seq);
void applier_close(struct applier **a); /* applies what was pushed */

/* Recovery, before anything is pushed, on the opening thread: applies a batch whose record spans
 * are valid during the call only, in transactions of some thousand records; _end commits the last.
 * STORE_FULL when the disk is. */
MUST_USE enum store_status applier_replay(struct applier *a, const struct journal_batch *batch);
MUST_USE enum store_status applier_replay_end(struct applier *a);

/* True when the index lags too far behind the log, or its disk is full: new changes must wait.
 * Any thread. */
bool applier_is_behind(const struct applier *a);
struct journal_mark applier_mark(struct applier *a); /* of the last committed transaction */
void applier_numbers(struct applier *a, struct store_numbers *numbers_r);

/* Takes up to `max` numbers of big files that nothing points at any more since a batch up to
 * `seq_max` (views opened before it may still read them). Any thread. */
unsigned applier_dead_bigs(struct applier *a, uint64_t seq_max, uint64_t *ids_r, unsigned max);

#endif
