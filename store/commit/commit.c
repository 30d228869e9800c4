#include "store/commit/commit.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "core/base/thread.h"
#include "store/blob/journal.h"

enum {
    BATCH_CHANGES_MAX = 1024,
    BATCH_BYTES_MAX = 4 << 20, /* unless a single change is larger */
    BATCH_MESSAGES_MAX = 8192, /* copied; the same: a batch is applied in one transaction */
    WAITING_MAX = 64 << 20,    /* unless configured */
    IDLE_S = 1,                /* until a NOP covers the last batch */
    SEGMENT_WAIT_MS = 2000,    /* for the housekeeper; then STORE_FULL */
    COMPANY_SLICE_US = 100,    /* without a new change, and nobody is waited for any more */
    COMPANY_US_MAX = 1000,
    RIDE_US = 5000,       /* that changes nobody waits for may wait for company */
    RIDE_BYTES = 1 << 20, /* of them that do */
};

enum sleep { /* futex */
    AWAKE,
    ASLEEP, /* any change wakes it */
    RIDING, /* one that somebody waits for does */
};

struct committer {
    struct committer_config config;
    struct thread *thread;

    /* Any thread pushes, newest first; the committer takes all at once. */
    _Atomic(struct store_change *) pushed;
    atomic_uint submitted; /* changes, modulo 2^32 */
    atomic_uint pressing;  /* changes that wait and somebody for them */
    atomic_uint sleeps;    /* enum sleep */
    atomic_bool is_closing;
    atomic_size_t waiting_bytes;
    _Atomic uint64_t durable_seq, commits, records, commit_ns;
    _Atomic uint64_t busy_since_ns; /* 0: no batch is on its way */

    /* the committer's own */
    struct store_change *first, *last; /* in the order of submission */
    struct journal_record *batch_records;
    size_t batch_records_size;
    bool is_covered;  /* a NOP stands behind the last batch, or nothing was written yet */
    bool has_company; /* the last batch was of several changes, or more came while it was synced */
};

struct group { /* the changes of one batch */
    struct store_change *first, *last;
    unsigned records;
    size_t bytes;
};

size_t committer_waiting_bytes(const struct committer *c)
{
    return atomic_load_explicit(&c->waiting_bytes, memory_order_relaxed);
}

/* ---- submitting ---- */

static void wake(struct committer *c, bool is_pressing)
{
    unsigned sleeps = atomic_load(&c->sleeps);

    if (sleeps == AWAKE || (sleeps == RIDING && !is_pressing))
        return;
    if (atomic_exchange(&c->sleeps, AWAKE) != AWAKE)
        (void)syscall(SYS_futex, &c->sleeps, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static bool is_pressing(const struct store_change *change)
{
    return change->ack != STORE_ACK_NONE;
}

void committer_submit(struct committer *c, struct store_change *change)
{
    size_t bytes = 0;
    bool is_urgent;

    if (change->count == 0) {
        store_change_end(change, STORE_OK);
        return;
    }
    for (unsigned i = 0; i < change->count; i++)
        bytes += journal_record_size(&change->records[i]);
    if (bytes > journal_batch_max(c->config.journal)) {
        store_change_end(change, STORE_INVALID);
        return;
    }
    change->bytes = bytes;
    if (atomic_fetch_add_explicit(&c->waiting_bytes, bytes, memory_order_relaxed) + bytes >
        c->config.waiting_max) {
        atomic_fetch_sub_explicit(&c->waiting_bytes, bytes, memory_order_relaxed);
        store_change_end(change, STORE_FULL);
        return;
    }
    is_urgent = is_pressing(change);
    if (is_urgent)
        atomic_fetch_add(&c->pressing, 1);
    change->next = atomic_load_explicit(&c->pushed, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&c->pushed, &change->next, change))
        ;
    atomic_fetch_add_explicit(&c->submitted, 1, memory_order_relaxed);
    wake(c, is_urgent || committer_waiting_bytes(c) > RIDE_BYTES);
}

/* ---- gathering ---- */

/* Brings what was pushed behind what still waits, in the order of submission. */
static void take_pushed(struct committer *c)
{
    struct store_change *newest = atomic_exchange(&c->pushed, NULL), *list = NULL;
    struct store_change *tail = newest;

    while (newest != NULL) {
        struct store_change *older = newest->next;

        newest->next = list;
        list = newest;
        newest = older;
    }
    if (list == NULL)
        return;
    if (c->first == NULL)
        c->first = list;
    else
        c->last->next = list;
    c->last = tail;
}

/* Cuts the next batch off the front. */
static struct group take_group(struct committer *c)
{
    struct group g = {.first = c->first};
    size_t most = journal_batch_max(c->config.journal);
    size_t messages = 0;
    unsigned changes = 0;

    if (most > BATCH_BYTES_MAX)
        most = BATCH_BYTES_MAX;
    while (c->first != NULL && changes < BATCH_CHANGES_MAX &&
           (changes == 0 || (g.bytes + c->first->bytes <= most &&
                             messages + c->first->messages <= BATCH_MESSAGES_MAX))) {
        g.last = c->first;
        g.bytes += c->first->bytes;
        g.records += c->first->count;
        messages += c->first->messages;
        changes++;
        if (is_pressing(c->first))
            atomic_fetch_sub(&c->pressing, 1);
        c->first = c->first->next;
    }
    ensure(g.last != NULL);
    g.last->next = NULL;
    return g;
}

/* One array for the log; it fills in the numbers, which go back to the changes. */
static void gather_records(struct committer *c, const struct group *g)
{
    size_t count = 0;

    if (g->records > c->batch_records_size) {
        free(c->batch_records);
        c->batch_records_size = (size_t)g->records * 2;
        c->batch_records = xmalloc(c->batch_records_size * sizeof(*c->batch_records));
    }
    for (struct store_change *change = g->first; change != NULL; change = change->next) {
        memcpy(&c->batch_records[count], change->records, change->count * sizeof(*change->records));
        count += change->count;
    }
}

static void return_numbers(struct committer *c, const struct group *g)
{
    size_t at = 0;

    for (struct store_change *change = g->first; change != NULL; change = change->next) {
        for (unsigned i = 0; i < change->count; i++)
            change->records[i].lsn = c->batch_records[at++].lsn;
    }
}

/* ---- committing ---- */

static void fail_group(struct group *g, enum store_status status)
{
    struct store_change *next;

    for (struct store_change *change = g->first; change != NULL; change = next) {
        next = change->next;
        store_change_end(change, status);
    }
}

/* Tells all who waited for durability alone. Before the applier gets the changes: it frees them. */
static void tell_durable(struct group *g)
{
    for (struct store_change *change = g->first; change != NULL; change = change->next) {
        store_done_fn *done = change->done;

        if (change->ack == STORE_ACK_APPLIED || done == NULL)
            continue;
        change->done = NULL;
        done(change->context, STORE_OK, NULL, 0);
    }
}

/* Appends, and once more when there was no segment to roll into. */
static enum store_status append(struct committer *c, unsigned count, struct journal_batch *batch_r)
{
    struct journal *journal = c->config.journal;
    int64_t now_us = clock_wall_us();
    enum store_status status = journal_append(journal, c->batch_records, count, now_us, batch_r);
    bool is_ready;

    if (status != STORE_FULL)
        return status;
    is_ready =
        c->config.manual ? journal_prepare(journal) : journal_wait_ready(journal, SEGMENT_WAIT_MS);
    return is_ready ? journal_append(journal, c->batch_records, count, now_us, batch_r) : status;
}

static void commit_group(struct committer *c)
{
    uint64_t begin = clock_monotonic_ns();
    struct group g = take_group(c);
    struct journal_batch batch;
    enum store_status status;

    atomic_store_explicit(&c->busy_since_ns, begin, memory_order_relaxed);
    gather_records(c, &g);
    status = append(c, g.records, &batch);
    atomic_store_explicit(&c->busy_since_ns, 0, memory_order_relaxed);
    c->has_company = g.first != g.last || atomic_load(&c->pushed) != NULL;
    atomic_fetch_sub_explicit(&c->waiting_bytes, g.bytes, memory_order_relaxed);
    if (status != STORE_OK) {
        fail_group(&g, status);
        return;
    }
    c->is_covered = false;
    return_numbers(c, &g);
    atomic_store_explicit(&c->durable_seq, batch.seq, memory_order_release);
    atomic_fetch_add_explicit(&c->commits, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->records, g.records, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->commit_ns, clock_monotonic_ns() - begin, memory_order_relaxed);
    tell_durable(&g);
    applier_push(c->config.applier, &batch, g.first);
}

bool committer_step(struct committer *c)
{
    take_pushed(c);
    if (c->first == NULL)
        return false;
    commit_group(c);
    return true;
}

/* Without it the last batch would be the one whose damage looks like a torn write. */
void committer_idle(struct committer *c)
{
    struct journal_batch batch;

    if (c->is_covered)
        return;
    if (append(c, 0, &batch) == STORE_OK)
        c->is_covered = true;
}

/* ---- the thread ---- */

/* Sleeps until something is pushed; false when nothing was for a while. A push that comes between
 * our look and the sleep finds that we sleep and wakes us. */
static bool sleep_until_pushed(struct committer *c)
{
    const struct timespec idle = {.tv_sec = IDLE_S};
    long result = 0;

    atomic_store(&c->sleeps, ASLEEP);
    if (atomic_load(&c->pushed) == NULL && !atomic_load(&c->is_closing))
        result = syscall(SYS_futex, &c->sleeps, FUTEX_WAIT_PRIVATE, ASLEEP,
                         c->is_covered ? NULL : &idle, NULL, 0);
    if (result != 0 && errno == ETIMEDOUT && atomic_exchange(&c->sleeps, AWAKE) == ASLEEP)
        return false;
    atomic_store(&c->sleeps, AWAKE);
    return true;
}

static bool may_ride(struct committer *c)
{
    return c->first == NULL && atomic_load(&c->pushed) != NULL && atomic_load(&c->pressing) == 0 &&
           committer_waiting_bytes(c) <= RIDE_BYTES && !atomic_load(&c->is_closing);
}

/* What nobody waits for costs no sync of its own while others come: it is written with the first of
 * them, or when it waited long enough. */
static void ride(struct committer *c)
{
    const struct timespec wait = {.tv_nsec = RIDE_US * 1000};

    atomic_store(&c->sleeps, RIDING);
    if (may_ride(c))
        (void)syscall(SYS_futex, &c->sleeps, FUTEX_WAIT_PRIVATE, RIDING, &wait, NULL, 0);
    atomic_store(&c->sleeps, AWAKE);
}

/* On a fast disk a sync is over before the next change comes, and each would pay for one of its
 * own. Under load it is cheaper for all to wait a moment, for as long as others keep coming; who is
 * alone never waits. */
static void wait_for_company(struct committer *c)
{
    const struct timespec slice = {.tv_nsec = COMPANY_SLICE_US * 1000};
    uint64_t until_ns = clock_monotonic_ns() + COMPANY_US_MAX * UINT64_C(1000);
    unsigned seen;

    do {
        seen = atomic_load_explicit(&c->submitted, memory_order_relaxed);
        (void)nanosleep(&slice, NULL);
    } while (atomic_load_explicit(&c->submitted, memory_order_relaxed) != seen &&
             clock_monotonic_ns() < until_ns);
}

static void committer_run(void *context)
{
    struct committer *c = context;

    for (;;) {
        if (may_ride(c))
            ride(c);
        if (c->has_company && atomic_load_explicit(&c->pushed, memory_order_relaxed) != NULL)
            wait_for_company(c);
        if (committer_step(c))
            continue;
        if (atomic_load(&c->is_closing) && atomic_load(&c->pushed) == NULL)
            break;
        if (!sleep_until_pushed(c))
            committer_idle(c);
    }
}

struct committer *committer_open(const struct committer_config *config)
{
    struct committer *c = xcalloc(1, sizeof(*c));

    c->config = *config;
    if (c->config.waiting_max == 0)
        c->config.waiting_max = WAITING_MAX;
    c->is_covered = true;
    if (!config->manual) {
        c->thread = thread_start("committer", committer_run, c);
        if (c->thread == NULL) {
            free(c);
            return NULL;
        }
    }
    return c;
}

void committer_close(struct committer **committer)
{
    struct committer *c = *committer;

    if (c == NULL)
        return;
    atomic_store(&c->is_closing, true);
    if (c->thread != NULL) {
        wake(c, true);
        thread_join(&c->thread);
    }
    while (committer_step(c))
        ;
    committer_idle(c);
    free(c->batch_records);
    free(c);
    *committer = NULL;
}

/* ---- telling ---- */

uint64_t committer_durable_seq(const struct committer *c)
{
    return atomic_load_explicit(&c->durable_seq, memory_order_acquire);
}

uint64_t committer_busy_ns(const struct committer *c)
{
    uint64_t since_ns = atomic_load_explicit(&c->busy_since_ns, memory_order_relaxed);
    uint64_t now_ns = clock_monotonic_ns();

    return since_ns == 0 || now_ns < since_ns ? 0 : now_ns - since_ns;
}

void committer_numbers(const struct committer *c, struct store_numbers *numbers_r)
{
    numbers_r->commits += atomic_load_explicit(&c->commits, memory_order_relaxed);
    numbers_r->records += atomic_load_explicit(&c->records, memory_order_relaxed);
    numbers_r->commit_ns_total += atomic_load_explicit(&c->commit_ns, memory_order_relaxed);
    numbers_r->waiting_bytes += committer_waiting_bytes(c);
}
