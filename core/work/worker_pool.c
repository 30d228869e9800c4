#include "core/work/worker_pool.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "core/base/log.h"
#include "core/base/thread.h"
#include "core/work/job.h"

enum {
    WORK_PRIORITIES = 2,
    WORK_LATER_SHARE = 4, /* while both wait, one job in so many is a later one */
    WORK_LANE_BITS = 6,
    WORK_LANES = 1 << WORK_LANE_BITS, /* owners that are told apart */
    WORK_OWNER_PART = 4, /* one of so many threads may run later jobs of one owner, one at least */
};

struct job_queue {
    struct job *first, *last;
};

/* The jobs of one priority: a queue for each lane, and whose turn it is. */
struct lanes {
    struct job_queue queues[WORK_LANES];
    uint64_t waiting; /* lanes that have jobs */
    uint64_t full;    /* lanes that have their share of the threads */
    unsigned running[WORK_LANES];
    unsigned next;
};

/* A job in hand. */
struct taken {
    struct job *job; /* NULL: none */
    enum work_priority priority;
    unsigned lane;
};

struct worker_pool {
    pthread_mutex_t lock; /* of all but the threads */
    pthread_cond_t more;
    struct lanes lanes[WORK_PRIORITIES];
    unsigned waiting, running, idle;
    uint64_t jobs;                /* begun so far */
    uint64_t wait_ns, counted_ns; /* what jobs waited in all, until then */
    unsigned later_max;           /* running for one lane */
    unsigned soon_in_row;         /* jobs taken past a waiting later one */
    unsigned strangers;           /* jobs without an owner so far */
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

/* ---- choosing, with the lock held ---- */

static uint64_t lanes_ready(const struct lanes *l)
{
    return l->waiting & ~l->full;
}

static bool has_ready(const struct worker_pool *pool)
{
    return (lanes_ready(&pool->lanes[WORK_SOON]) | lanes_ready(&pool->lanes[WORK_LATER])) != 0;
}

static enum work_priority priority_next(struct worker_pool *pool)
{
    bool soon = lanes_ready(&pool->lanes[WORK_SOON]) != 0;
    bool later = lanes_ready(&pool->lanes[WORK_LATER]) != 0;

    if (soon && later && ++pool->soon_in_row < WORK_LATER_SHARE)
        return WORK_SOON;
    if (later)
        pool->soon_in_row = 0;
    return later ? WORK_LATER : WORK_SOON;
}

/* The first lane from l->next on that is ready; one is. */
static unsigned lane_next(struct lanes *l)
{
    uint64_t ready = lanes_ready(l);
    uint64_t ahead = ready & ~UINT64_C(0) << l->next;
    unsigned lane = (unsigned)__builtin_ctzll(ahead != 0 ? ahead : ready);

    l->next = (lane + 1) % WORK_LANES;
    return lane;
}

/* Jobs carry no time: what all together waited is how many waited how long. */
static void count_waiting(struct worker_pool *pool)
{
    uint64_t now_ns = clock_monotonic_ns();

    pool->wait_ns += pool->waiting * (now_ns - pool->counted_ns);
    pool->counted_ns = now_ns;
}

static struct taken job_take(struct worker_pool *pool)
{
    enum work_priority priority = priority_next(pool);
    struct lanes *l = &pool->lanes[priority];
    unsigned lane = lane_next(l);
    struct taken taken = {queue_take(&l->queues[lane]), priority, lane};

    count_waiting(pool);
    pool->waiting--;
    pool->running++;
    pool->jobs++;
    if (l->queues[lane].first == NULL)
        l->waiting &= ~(UINT64_C(1) << lane);
    if (++l->running[lane] >= pool->later_max && priority == WORK_LATER)
        l->full |= UINT64_C(1) << lane;
    return taken;
}

static void job_done(struct worker_pool *pool, const struct taken *taken)
{
    struct lanes *l = &pool->lanes[taken->priority];

    ensure(l->running[taken->lane] > 0);
    l->running[taken->lane]--;
    pool->running--;
    l->full &= ~(UINT64_C(1) << taken->lane);
}

/* ---- the threads ---- */

/* The job in hand is done; the next one, or none when the pool closes and all is done. */
static void job_next(struct worker_pool *pool, struct taken *taken)
{
    pthread_mutex_lock(&pool->lock);
    if (taken->job != NULL)
        job_done(pool, taken);
    taken->job = NULL;
    while (!has_ready(pool) && !(pool->closing && pool->waiting == 0)) {
        pool->idle++;
        pthread_cond_wait(&pool->more, &pool->lock);
        pool->idle--;
    }
    if (has_ready(pool))
        *taken = job_take(pool);
    /* A lane that was full may have jobs for others too; and at the end all must hear of it. */
    if (pool->idle > 0 && (has_ready(pool) || pool->closing))
        pthread_cond_broadcast(&pool->more);
    pthread_mutex_unlock(&pool->lock);
}

static void worker_run(void *context)
{
    struct worker_pool *pool = context;
    struct taken taken = {0};

    for (job_next(pool, &taken); taken.job != NULL; job_next(pool, &taken)) {
        taken.job->run(taken.job);
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
    pool->later_max = threads < 2 * WORK_OWNER_PART ? 1 : threads / WORK_OWNER_PART;
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

/* With the lock held; gives it back. */
static void submit_to(struct worker_pool *pool, struct job *job, enum work_priority priority,
                      unsigned lane)
{
    bool wake;

    queue_add(&pool->lanes[priority].queues[lane], job);
    pool->lanes[priority].waiting |= UINT64_C(1) << lane;
    count_waiting(pool);
    pool->waiting++;
    wake = pool->idle > 0;
    pthread_mutex_unlock(&pool->lock);
    if (wake)
        pthread_cond_signal(&pool->more);
}

/* Numbers in a row and hashes alike are spread by Fibonacci's hash. */
void worker_pool_submit_for(struct worker_pool *pool, struct job *job, enum work_priority priority,
                            uint64_t owner)
{
    unsigned lane = (unsigned)(owner * UINT64_C(0x9e3779b97f4a7c15) >> (64 - WORK_LANE_BITS));

    pthread_mutex_lock(&pool->lock);
    submit_to(pool, job, priority, lane);
}

void worker_pool_submit(struct worker_pool *pool, struct job *job, enum work_priority priority)
{
    pthread_mutex_lock(&pool->lock);
    submit_to(pool, job, priority, pool->strangers++ % WORK_LANES);
}

unsigned worker_pool_waiting(struct worker_pool *pool)
{
    unsigned waiting;

    pthread_mutex_lock(&pool->lock);
    waiting = pool->waiting;
    pthread_mutex_unlock(&pool->lock);
    return waiting;
}

void worker_pool_numbers(struct worker_pool *pool, struct worker_pool_numbers *numbers_r)
{
    pthread_mutex_lock(&pool->lock);
    count_waiting(pool);
    *numbers_r = (struct worker_pool_numbers){.threads = pool->thread_count,
                                              .running = pool->running,
                                              .waiting = pool->waiting,
                                              .jobs = pool->jobs,
                                              .wait_ns = pool->wait_ns};
    pthread_mutex_unlock(&pool->lock);
}

bool worker_pool_step(struct worker_pool *pool)
{
    struct taken taken = {0};

    pthread_mutex_lock(&pool->lock);
    if (has_ready(pool))
        taken = job_take(pool);
    pthread_mutex_unlock(&pool->lock);
    if (taken.job == NULL)
        return false;
    taken.job->run(taken.job);
    pthread_mutex_lock(&pool->lock);
    job_done(pool, &taken);
    pthread_mutex_unlock(&pool->lock);
    return true;
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
