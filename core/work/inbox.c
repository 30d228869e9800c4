#include "core/work/inbox.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/work/job.h"

/*
 * Jobs are pushed on a stack; the reader takes the whole stack at once and turns it round. So there
 * is one contended word, no memory to manage and no ABA trouble: nobody pops a single job.
 *
 * Sleeping is the classic pair of flags: the writer stores `top` and then looks at `sleeping`, the
 * reader stores `sleeping` and then looks at `top`. At least one of them must see the other's
 * store, or a job would lie there while the reader sleeps. Only sequential consistency orders a
 * store before a later load of another word, hence no weaker order on these four.
 */
struct inbox {
    _Atomic(struct job *) top;
    atomic_bool sleeping;
    void (*wake)(void *context);
    void *context;
};

struct inbox *inbox_open(void (*wake)(void *context), void *context)
{
    struct inbox *inbox = xcalloc(1, sizeof(*inbox));

    inbox->wake = wake;
    inbox->context = context;
    return inbox;
}

void inbox_close(struct inbox **inbox)
{
    ensure(atomic_load(&(*inbox)->top) == NULL);
    free(*inbox);
    *inbox = NULL;
}

void inbox_post(struct inbox *inbox, struct job *job)
{
    struct job *top = atomic_load_explicit(&inbox->top, memory_order_relaxed);

    do {
        job->next = top;
    } while (!atomic_compare_exchange_weak(&inbox->top, &top, job));
    /* From here on the job is the reader's. */
    if (atomic_load(&inbox->sleeping) && atomic_exchange(&inbox->sleeping, false))
        inbox->wake(inbox->context);
}

static struct job *turn_round(struct job *newest)
{
    struct job *oldest = NULL;

    while (newest != NULL) {
        struct job *next = newest->next;

        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

unsigned inbox_drain(struct inbox *inbox)
{
    struct job *job;
    unsigned count = 0;

    inbox_awake(inbox);
    if (atomic_load_explicit(&inbox->top, memory_order_relaxed) == NULL)
        return 0;
    job = turn_round(atomic_exchange_explicit(&inbox->top, NULL, memory_order_acquire));
    while (job != NULL) {
        struct job *next = job->next;

        job->home(job);
        job = next;
        count++;
    }
    return count;
}

bool inbox_sleep(struct inbox *inbox)
{
    atomic_store(&inbox->sleeping, true);
    if (atomic_load(&inbox->top) == NULL)
        return true;
    inbox_awake(inbox);
    return false;
}

/* The reader will look once more before it sleeps, so a late sight of this does no harm. */
void inbox_awake(struct inbox *inbox)
{
    atomic_store_explicit(&inbox->sleeping, false, memory_order_relaxed);
}
