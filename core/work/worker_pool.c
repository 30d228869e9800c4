#include "core/work/worker_pool.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/log.h"
#include "core/base/thread.h"
#include "core/work/job.h"

enum {
    WORK_PRIORITIES = 2,
    WORK_LATER_SHARE = 4, /* while both wait, one job in so many is a later one */
};

struct job_queue {
    struct job *first, *last;
};

struct worker_pool {
    pthread_mutex_t lock; /* of all but the threads */
    pthread_cond_t more;
    struct job_queue queues[WORK_PRIORITIES];
    unsigned waiting, idle;
    unsigned soon_in_row; /* jobs taken past a waiting later one */
    bool closing;

    struct thread **threads;
    unsigned thread_count;
};

static void queue_add(struct job_queue *q, struct job *job)
{
    job->next = NULL;
    if (q->first == NULL)
        q->first = job;
    else
        q->last->next = job;
    q->last = job;
}

static struct job *queue_take(struct job_queue *q)
{
    struct job *job = q->first;

    q->first = job->next;
    return job;
}

static enum work_priority priority_next(struct worker_pool *pool)
{
    bool soon = pool->queues[WORK_SOON].first != NULL;
    bool later = pool->queues[WORK_LATER].first != NULL;

    if (soon && later && ++pool->soon_in_row < WORK_LATER_SHARE)
        return WORK_SOON;
    if (later)
        pool->soon_in_row = 0;
    return later ? WORK_LATER : WORK_SOON;
}

/* The caller holds the lock, and something waits. */
static struct job *job_take(struct worker_pool *pool)
{
    ensure(pool->waiting > 0);
    pool->waiting--;
    return queue_take(&pool->queues[priority_next(pool)]);
}

/* The next job, or NULL when the pool closes and all is done. */
static struct job *job_wait(struct worker_pool *pool)
{
    struct job *job = NULL;

    pthread_mutex_lock(&pool->lock);
    while (pool->waiting == 0 && !pool->closing) {
        pool->idle++;
        pthread_cond_wait(&pool->more, &pool->lock);
        pool->idle--;
    }
    if (pool->waiting > 0)
        job = job_take(pool);
    pthread_mutex_unlock(&pool->lock);
    return job;
}

static void worker_run(void *context)
{
    struct worker_pool *pool = context;
    struct job *job;

    while ((job = job_wait(pool)) != NULL) {
        job->run(job);
        log_flush();
    }
}

struct worker_pool *worker_pool_open(unsigned threads)
{
    return worker_pool_open_named(threads, "worker");
}

struct worker_pool *worker_pool_open_named(unsigned threads, const char *name)
{
    struct worker_pool *pool = xcalloc(1, sizeof(*pool));

    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->more, NULL);
    pool->threads = xcalloc(threads, sizeof(struct thread *));
    for (; pool->thread_count < threads; pool->thread_count++) {
        char numbered[32];
        struct thread *t;

        (void)snprintf(numbered, sizeof(numbered), "%s-%u", name, pool->thread_count);
        t = thread_start(numbered, worker_run, pool);
        if (t == NULL) {
            worker_pool_close(&pool);
            return NULL;
        }
        pool->threads[pool->thread_count] = t;
    }
    return pool;
}

void worker_pool_submit(struct worker_pool *pool, struct job *job, enum work_priority priority)
{
    bool wake;

    pthread_mutex_lock(&pool->lock);
    queue_add(&pool->queues[priority], job);
    pool->waiting++;
    wake = pool->idle > 0;
    pthread_mutex_unlock(&pool->lock);
    if (wake)
        pthread_cond_signal(&pool->more);
}

unsigned worker_pool_waiting(struct worker_pool *pool)
{
    unsigned waiting;

    pthread_mutex_lock(&pool->lock);
    waiting = pool->waiting;
    pthread_mutex_unlock(&pool->lock);
    return waiting;
}

bool worker_pool_step(struct worker_pool *pool)
{
    struct job *job = NULL;

    pthread_mutex_lock(&pool->lock);
    if (pool->waiting > 0)
        job = job_take(pool);
    pthread_mutex_unlock(&pool->lock);
    if (job != NULL)
        job->run(job);
    return job != NULL;
}

void worker_pool_close(struct worker_pool **pool_r)
{
    struct worker_pool *pool = *pool_r;

    *pool_r = NULL;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->more);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->thread_count; i++)
        thread_join(&pool->threads[i]);
    while (worker_pool_step(pool))
        ; /* a pool without threads */
    pthread_cond_destroy(&pool->more);
    pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
}
