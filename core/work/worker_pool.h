#ifndef CORE_WORK_WORKER_POOL_H
#define CORE_WORK_WORKER_POOL_H

/*
 * worker_pool: threads that run jobs. Two priorities: WORK_SOON before WORK_LATER, with a share for
 * the latter so that it never starves. The queue is bounded by its callers: each connection has at
 * most one job out.
 *
 * Owners take turns, whoever has how many jobs waiting, and the long jobs (WORK_LATER) of one owner
 * have at most a quarter of the threads (HOSTILE X05). Owners are told apart by six bits of a hash,
 * so that now and then two share a turn.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"

struct job;
struct worker_pool;

enum work_priority {
    WORK_SOON,
    WORK_LATER
};

/* threads == 0: nothing runs by itself, worker_pool_step() runs the jobs (simulator, tests). NULL
 * when a thread could not be started. */
MUST_USE struct worker_pool *worker_pool_open(unsigned threads);
/* The same; the threads are called name-0, name-1, ... */
MUST_USE struct worker_pool *worker_pool_open_named(unsigned threads, const char *name);
void worker_pool_submit(struct worker_pool *pool, struct job *job, enum work_priority priority);

/* The same for an owner: any number, the same for all jobs of one user. Without an owner each job
 * is somebody else's. */
void worker_pool_submit_for(struct worker_pool *pool, struct job *job, enum work_priority priority,
                            uint64_t owner);
unsigned worker_pool_waiting(struct worker_pool *pool); /* jobs not yet begun */

struct worker_pool_numbers {
    unsigned threads, running, waiting;
    uint64_t jobs, wait_ns; /* begun so far, and what all together waited before that */
};
void worker_pool_numbers(struct worker_pool *pool, struct worker_pool_numbers *numbers_r);

/* Runs one waiting job on the calling thread; false when there is none. */
bool worker_pool_step(struct worker_pool *pool);

/* Runs what is queued, then ends the threads. */
void worker_pool_close(struct worker_pool **pool);

#endif
