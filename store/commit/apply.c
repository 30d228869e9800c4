/* apply: the applier's thread and its queue. What it does to the index is in apply_txn.c. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/thread.h"
#include "store/commit/apply_txn.h"
#include "store/commit/commit.h"

enum {
    GATHER_RECORDS = 256, /* fewer than these wait a moment for more, when nobody waits for them */
    GATHER_MS = 10,
    RETRY_MS = 1000,          /* a full disk is asked again */
    LAG_RECORDS_MAX = 100000, /* durable, not applied: more is back-pressure */
    LAG_BYTES_MAX = 64 << 20,
};

struct pending {
    struct pending *next;
    struct store_change *changes;
    struct journal_batch batch;
    size_t weight, bytes;
    bool is_urgent; /* somebody waits for its result */
    struct journal_record records[];
};

struct dead_big {
    uint64_t id, seq;
};

struct applier {
    struct applier_config config;
    struct apply_txn txn; /* the applying thread's */
    struct thread *thread;
    bool is_saying_full;

    pthread_mutex_t lock;
    pthread_cond_t work, applied;
    struct pending *first, *last;
    size_t weight; /* waiting in the queue */
    bool stop;
    unsigned urgent, waiters;
    struct journal_mark mark;
    uint64_t pushed_lsn;
    struct dead_big *dead;
    unsigned dead_count, dead_size;

    _Atomic uint64_t applied_seq, transactions;
    atomic_size_t lag_records, lag_bytes;
    atomic_bool is_full;
};

uint64_t applier_applied_seq(const struct applier *a)
{
    return atomic_load_explicit(&a->applied_seq, memory_order_acquire);
}

bool applier_is_behind(const struct applier *a)
{
    return atomic_load_explicit(&a->is_full, memory_order_relaxed) ||
           atomic_load_explicit(&a->lag_records, memory_order_relaxed) > LAG_RECORDS_MAX ||
           atomic_load_explicit(&a->lag_bytes, memory_order_relaxed) > LAG_BYTES_MAX;
}

struct journal_mark applier_mark(struct applier *a)
{
    struct journal_mark mark;

    pthread_mutex_lock(&a->lock);
    mark = a->mark;
    pthread_mutex_unlock(&a->lock);
    return mark;
}

void applier_numbers(struct applier *a, struct store_numbers *n)
{
    pthread_mutex_lock(&a->lock);
    n->applied_lsn = a->mark.lsn;
    n->durable_lsn = a->pushed_lsn > a->mark.lsn ? a->pushed_lsn : a->mark.lsn;
    pthread_mutex_unlock(&a->lock);
    n->apply_transactions = atomic_load(&a->transactions);
    n->waiting_bytes += atomic_load(&a->lag_bytes);
}

/* ---- arriving ---- */

static struct pending *pending_new(const struct journal_batch *batch, struct store_change *changes)
{
    size_t records = batch->count * sizeof(*batch->records);
    struct pending *p = xmalloc(sizeof(*p) + records);

    *p = (struct pending){.changes = changes, .batch = *batch};
    if (records > 0)
        memcpy(p->records, batch->records, records);
    p->batch.records = p->records;
    p->weight = apply_weight(&p->batch);
    p->bytes = sizeof(*p) + records;
    for (unsigned i = 0; i < batch->count; i++)
        p->bytes += batch->records[i].args.len;
    for (struct store_change *c = changes; c; c = c->next) {
        p->is_urgent |= c->done && c->ack == STORE_ACK_APPLIED;
        store_change_drop_bodies(c);
    }
    return p;
}

void applier_push(struct applier *a, const struct journal_batch *batch,
                  struct store_change *changes)
{
    struct pending *p = pending_new(batch, changes);

    atomic_fetch_add(&a->lag_records, batch->count);
    atomic_fetch_add(&a->lag_bytes, p->bytes);
    pthread_mutex_lock(&a->lock);
    if (a->last)
        a->last->next = p;
    else
        a->first = p;
    a->last = p;
    a->weight += p->weight;
    a->urgent += p->is_urgent;
    a->pushed_lsn = batch->end.lsn;
    pthread_cond_signal(&a->work);
    pthread_mutex_unlock(&a->lock);
}

/* ---- one transaction ---- */

/* Takes whole batches up to the bound of a transaction; at least one. Called with the lock. */
static struct pending *take(struct applier *a)
{
    struct pending *first = a->first, *last = NULL;
    size_t weight = 0;

    while (a->first && (!last || weight + a->first->weight <= APPLY_RECORDS_MAX)) {
        last = a->first;
        weight += last->weight;
        a->urgent -= last->is_urgent;
        a->first = last->next;
    }
    if (last)
        last->next = NULL;
    if (!a->first)
        a->last = NULL;
    a->weight -= weight;
    return first;
}

static enum store_status try_apply(struct applier *a, struct pending *list)
{
    enum store_status status = STORE_OK;

    for (struct pending *p = list; p; p = p->next) {
        for (struct store_change *c = p->changes; c; c = c->next)
            store_change_reset(c);
    }
    for (struct pending *p = list; p && status == STORE_OK; p = p->next)
        status = apply_txn_add(&a->txn, &p->batch, p->changes);
    return status == STORE_OK ? apply_txn_commit(&a->txn) : status;
}

static void say(struct applier *a, const char *text)
{
    if (a->config.say)
        a->config.say(a->config.context, text);
}

/* The index cannot be written and nobody knows what is in it: the next start makes it good. */
static void die(struct applier *a, enum store_status status)
{
    if (status == STORE_CORRUPT) {
        index_condemn(a->config.index);
        say(a, "store: the index is damaged: it will be rebuilt at the next start");
    } else {
        say(a, "store: the index cannot be written");
    }
    abort();
}

static void dead_keep(struct applier *a, uint64_t seq)
{
    const struct effect *e = &a->txn.effect;

    for (unsigned i = 0; i < e->dead_count; i++) {
        if (a->dead_count == a->dead_size) {
            a->dead_size = a->dead_size ? a->dead_size * 2 : 16;
            a->dead = xrealloc(a->dead, a->dead_size * sizeof(*a->dead));
        }
        a->dead[a->dead_count++] = (struct dead_big){e->dead_bigs[i], seq};
    }
    a->txn.effect.dead_count = 0;
}

/* Everybody may see it now. */
static void publish(struct applier *a)
{
    pthread_mutex_lock(&a->lock);
    a->mark = a->txn.mark;
    dead_keep(a, a->mark.seq);
    atomic_store_explicit(&a->applied_seq, a->mark.seq, memory_order_release);
    pthread_cond_broadcast(&a->applied);
    pthread_mutex_unlock(&a->lock);
    atomic_fetch_add(&a->transactions, 1);
    for (unsigned i = 0; i < a->txn.touched_count && a->config.touched; i++)
        a->config.touched(a->config.context, a->txn.touched[i]);
}

static void finish(struct applier *a, struct pending *list)
{
    while (list) {
        struct pending *p = list;
        list = p->next;
        atomic_fetch_sub(&a->lag_records, p->batch.count);
        atomic_fetch_sub(&a->lag_bytes, p->bytes);
        while (p->changes) {
            struct store_change *c = p->changes;
            p->changes = c->next;
            store_change_end(c, c->status);
        }
        free(p);
    }
}

/* Puts back what could not be applied; it is durable in the log, so it can wait. */
static void put_back(struct applier *a, struct pending *list)
{
    struct pending *last = list;

    pthread_mutex_lock(&a->lock);
    for (struct pending *p = list; p; p = p->next) {
        a->weight += p->weight;
        a->urgent += p->is_urgent;
        last = p;
    }
    last->next = a->first;
    a->first = list;
    if (!a->last)
        a->last = last;
    atomic_store(&a->is_full, true);
    pthread_cond_broadcast(&a->applied);
    pthread_mutex_unlock(&a->lock);
    if (!a->is_saying_full)
        say(a, "store: no room for the index: mail is refused until there is");
    a->is_saying_full = true;
}

/* False when the disk is full. */
static bool apply(struct applier *a, struct pending *list)
{
    enum store_status status = try_apply(a, list);

    if (status == STORE_FULL) {
        put_back(a, list);
        return false;
    }
    if (status != STORE_OK)
        die(a, status);
    if (a->is_saying_full)
        say(a, "store: there is room for the index again");
    a->is_saying_full = false;
    atomic_store(&a->is_full, false);
    publish(a);
    finish(a, list);
    return true;
}

bool applier_step(struct applier *a)
{
    struct pending *list;

    ensure(a->config.manual);
    pthread_mutex_lock(&a->lock);
    list = take(a);
    pthread_mutex_unlock(&a->lock);
    return list && apply(a, list);
}

/* ---- the thread ---- */

static void wait_ms(struct applier *a, unsigned ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&a->work, &a->lock, &until);
}

static bool is_in_a_hurry(const struct applier *a)
{
    return a->stop || a->urgent > 0 || a->waiters > 0 || a->weight >= GATHER_RECORDS ||
           (a->config.is_watched && a->config.is_watched(a->config.context));
}

/* Larger transactions are cheaper for each record, so what nobody waits for waits a little. Called
 * with the lock. */
static void gather(struct applier *a)
{
    struct timespec begin, now;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (long left = GATHER_MS; left > 0 && !is_in_a_hurry(a);) {
        wait_ms(a, (unsigned)left);
        clock_gettime(CLOCK_MONOTONIC, &now);
        left = GATHER_MS - (now.tv_sec - begin.tv_sec) * 1000 -
               (now.tv_nsec - begin.tv_nsec) / 1000000;
    }
}

static void applier_run(void *context)
{
    struct applier *a = context;

    pthread_mutex_lock(&a->lock);
    for (;;) {
        struct pending *list;
        bool done;
        while (!a->first && !a->stop)
            pthread_cond_wait(&a->work, &a->lock);
        if (!a->first)
            break;
        gather(a);
        list = take(a);
        pthread_mutex_unlock(&a->lock);
        done = apply(a, list);
        pthread_mutex_lock(&a->lock);
        if (!done && a->stop)
            break; /* the next start replays it */
        if (!done)
            wait_ms(a, RETRY_MS);
    }
    pthread_mutex_unlock(&a->lock);
}

void applier_wait(struct applier *a, uint64_t seq)
{
    if (applier_applied_seq(a) >= seq)
        return;
    if (a->config.manual) {
        while (applier_applied_seq(a) < seq && applier_step(a))
            continue;
        return;
    }
    pthread_mutex_lock(&a->lock);
    a->waiters++;
    pthread_cond_signal(&a->work);
    /* With a full disk what is not in the index cannot be shown; what is there still can. */
    while (applier_applied_seq(a) < seq && !atomic_load(&a->is_full))
        pthread_cond_wait(&a->applied, &a->lock);
    a->waiters--;
    pthread_mutex_unlock(&a->lock);
}

unsigned applier_dead_bigs(struct applier *a, uint64_t seq_max, uint64_t *ids, unsigned max)
{
    unsigned count = 0, kept = 0;

    pthread_mutex_lock(&a->lock);
    for (unsigned i = 0; i < a->dead_count; i++) {
        if (a->dead[i].seq <= seq_max && count < max)
            ids[count++] = a->dead[i].id;
        else
            a->dead[kept++] = a->dead[i];
    }
    a->dead_count = kept;
    pthread_mutex_unlock(&a->lock);
    return count;
}

/* ---- recovery ---- */

enum store_status applier_replay(struct applier *a, const struct journal_batch *batch)
{
    enum store_status status = apply_txn_add(&a->txn, batch, NULL);

    if (status == STORE_OK && a->txn.weight >= APPLY_RECORDS_MAX)
        status = applier_replay_end(a);
    return status;
}

enum store_status applier_replay_end(struct applier *a)
{
    enum store_status status = a->txn.txn ? apply_txn_commit(&a->txn) : STORE_OK;

    if (status == STORE_OK && a->txn.mark.seq > a->mark.seq) {
        a->mark = a->txn.mark;
        atomic_store(&a->applied_seq, a->mark.seq);
    }
    a->txn.effect.dead_count = 0; /* the sweep at the end of recovery finds them all */
    return status;
}

/* ---- beginning and end ---- */

static enum store_status read_mark(struct applier *a)
{
    struct index_txn *txn;
    enum store_status status = index_read_begin(a->config.index, &txn);

    if (status != STORE_OK)
        return status;
    a->mark = index_mark(txn);
    atomic_store(&a->applied_seq, a->mark.seq);
    status = index_status(txn);
    index_read_end(&txn);
    return status;
}

struct applier *applier_open(const struct applier_config *config)
{
    struct applier *a = xcalloc(1, sizeof(*a));
    pthread_condattr_t attr;

    a->config = *config;
    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&a->work, &attr);
    pthread_cond_init(&a->applied, &attr);
    pthread_condattr_destroy(&attr);
    apply_txn_init(&a->txn, config->index, config->say, config->context);
    if (read_mark(a) != STORE_OK)
        applier_close(&a);
    return a;
}

bool applier_start(struct applier *a)
{
    if (!a->config.manual)
        a->thread = thread_start("applier", applier_run, a);
    return a->config.manual || a->thread;
}

void applier_close(struct applier **applier)
{
    struct applier *a = *applier;

    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_signal(&a->work);
    pthread_mutex_unlock(&a->lock);
    if (a->thread)
        thread_join(&a->thread);
    else
        while (a->config.manual && applier_step(a))
            continue;
    for (struct pending *p = a->first; p; p = p->next) { /* only with a full disk */
        for (struct store_change *c = p->changes; c; c = c->next)
            c->status = STORE_FULL;
    }
    finish(a, a->first);
    apply_txn_free(&a->txn);
    free(a->dead);
    pthread_cond_destroy(&a->work);
    pthread_cond_destroy(&a->applied);
    pthread_mutex_destroy(&a->lock);
    free(a);
    *applier = NULL;
}
