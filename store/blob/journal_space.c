/* Space: making segments ready ahead of time, recycling dead ones. The housekeeper's thread. */

#include "store/blob/journal_space.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "core/base/number.h"

enum {
    ZEROS_SIZE = 64 << 10, /* bytes of zeros that are written again and again */
    ZEROS_PARTS = 64,      /* 4 MiB between syncs, so that commits do not wait behind 64 MiB */
    ZEROS_ALIGN = 4096,    /* for direct writes */
    MS_NS = 1000000,
    SECOND_NS = 1000 * MS_NS,
    POOL_NUMBER_MAX = 1 << 30,
};

static const _Alignas(ZEROS_ALIGN) char zeros[ZEROS_SIZE];

static void pool_path(const struct journal *j, unsigned number, const char *end, char *path_r)
{
    journal_path(j, path_r, "seg/pool-%u.%s", number, end);
}

static bool name_is_pool(const char *name, uint64_t *number_r)
{
    struct span rest = span_str(name), begin = SPAN("pool-"), end = SPAN(".free");

    return rest.len > begin.len + end.len && span_eq(span_first(rest, begin.len), begin) &&
           span_eq(span_after(rest, rest.len - end.len), end) &&
           number_parse((struct span){name + begin.len, rest.len - begin.len - end.len},
                        POOL_NUMBER_MAX, number_r);
}

void journal_space_load(struct journal *j, const char *name)
{
    char path[JOURNAL_PATH_SIZE];
    uint64_t number;

    journal_path(j, path, "seg/%s", name);
    if (name_is_pool(name, &number) && j->pool_count < JOURNAL_POOL_MAX &&
        j->disk->size(j->disk, path) == j->segment_size) {
        j->pool[j->pool_count++] = (unsigned)number;
        if (number >= j->pool_next)
            j->pool_next = (unsigned)number + 1;
    } else if (strncmp(name, "pool-", 5) == 0 && !j->config.read_only) {
        (void)j->disk->unlink(j->disk, path);
    }
}

/* ---- making ready ---- */

static int write_zeros(struct journal *j, int file)
{
    struct iovec parts[ZEROS_PARTS];
    uint64_t at = 0;
    int error = 0;

    while (at < j->segment_size && error == 0) {
        uint64_t begin = at;
        unsigned count = 0;

        while (count < ZEROS_PARTS && at < j->segment_size) {
            uint64_t left = j->segment_size - at;

            parts[count].iov_base = (void *)(uintptr_t)zeros;
            parts[count].iov_len = left < ZEROS_SIZE ? left : ZEROS_SIZE;
            at += parts[count++].iov_len;
        }
        error = journal_write(j->disk, file, parts, count, begin);
        if (error == 0 && !j->config.without_sync)
            error = j->disk->sync_data(j->disk, file);
    }
    return error;
}

/* A file of the right size, wholly written once, so that a later sync has no metadata to write.
 * Past the cache of pages: copying zeros there would take a processor from the mail that comes in.
 */
static int pool_make(struct journal *j, unsigned number)
{
    char from[JOURNAL_PATH_SIZE], to[JOURNAL_PATH_SIZE];
    int file, error;

    pool_path(j, number, "tmp", from);
    pool_path(j, number, "free", to);
    file = j->disk->open(j->disk, from, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0600);
    if (file < 0)
        return file;
    error = write_zeros(j, file);
    j->disk->close(j->disk, file);
    if (error == 0)
        error = j->disk->rename(j->disk, from, to);
    if (error != 0)
        (void)j->disk->unlink(j->disk, from);
    return error;
}

/* Gives a spare file its new number. It has its name and its header durably before anybody may
 * write to it. */
static int pool_take(struct journal *j, unsigned number, struct journal_segment *s)
{
    char from[JOURNAL_PATH_SIZE], to[JOURNAL_PATH_SIZE];
    int error;

    pool_path(j, number, "free", from);
    journal_segment_path(j, s->number, to);
    s->file = j->disk->open(j->disk, from, O_RDWR, 0);
    if (s->file < 0)
        return s->file;
    s->header = (struct journal_segment_header){.is_spare = true, .created_us = clock_wall_us()};
    error = journal_segment_write_header(s);
    if (error == 0 && !j->config.without_sync)
        error = j->disk->sync_all(j->disk, s->file);
    if (error == 0)
        error = j->disk->rename(j->disk, from, to);
    if (error == 0)
        error = journal_sync_dir(j, "seg");
    if (error != 0) {
        (void)j->disk->unlink(j->disk, from);
        (void)j->disk->unlink(j->disk, to);
    }
    return error;
}

static struct journal_segment *begin_ready(struct journal *j, unsigned *pool_r, bool *is_new_r)
{
    struct journal_segment *s = NULL;

    pthread_mutex_lock(&j->lock);
    if (j->ready_count < JOURNAL_READY_MIN) {
        *is_new_r = j->pool_count == 0;
        *pool_r = *is_new_r ? j->pool_next++ : j->pool[--j->pool_count];
        s = journal_segment_new(j, j->segment_next, j->segment_size);
    }
    pthread_mutex_unlock(&j->lock);
    return s;
}

bool journal_prepare(struct journal *j)
{
    unsigned pool;
    bool is_new;
    struct journal_segment *s = begin_ready(j, &pool, &is_new);
    int error = 0;

    ensure(!j->config.read_only);
    if (s == NULL)
        return false;
    if (is_new)
        error = pool_make(j, pool);
    if (error == 0)
        error = pool_take(j, pool, s);

    pthread_mutex_lock(&j->lock);
    if (error == 0) {
        journal_segment_add_ready(j, s);
        pthread_cond_broadcast(&j->ready_more);
    } else {
        journal_segment_drop(j, s);
    }
    pthread_mutex_unlock(&j->lock);
    if (error != 0 && !j->said_no_segment) /* it is tried again each second */
        journal_say(j, "store: can't make a segment: %s", strerror(-error));
    j->said_no_segment = error != 0;
    return error == 0;
}

/* ---- recycling ---- */

void journal_segment_dead(struct journal *j, uint64_t number, struct journal_mark applied)
{
    struct journal_segment *s;

    pthread_mutex_lock(&j->lock);
    s = journal_segment_find(j, number);
    if (s != NULL && s != j->active && s->last_seq <= applied.seq && !s->is_dead) {
        s->is_dead = true;
        journal_wake_locked(j);
    }
    pthread_mutex_unlock(&j->lock);
}

/* Afterwards nobody can find it any more, or nothing happened. A reader counts itself in and then
 * looks at the number; we take the number away and then look at the count: one of us sees the
 * other. */
static bool take_dead(struct journal *j, unsigned index)
{
    struct journal_segment *s = j->used[index];
    uint64_t number = atomic_load(&s->number);
    char path[JOURNAL_PATH_SIZE];

    if (!s->is_dead)
        return false;
    journal_segment_path(j, number, path);
    if (atomic_load(&s->pins) != 0 || j->disk->link_count(j->disk, path) != 1)
        return false;
    atomic_store(&s->number, 0);
    if (atomic_load(&s->pins) != 0) {
        atomic_store(&s->number, number);
        return false;
    }
    journal_segment_remove_used(j, index, number);
    return true;
}

/* Its former name must be gone for good before it is written to again, else an old index could
 * find new bytes under it. */
static void to_pool(struct journal *j, uint64_t number, uint32_t size)
{
    char from[JOURNAL_PATH_SIZE], to[JOURNAL_PATH_SIZE];
    bool keep = size == j->segment_size && j->pool_count < JOURNAL_POOL_MAX;
    unsigned pool = j->pool_next++;
    int error;

    journal_segment_path(j, number, from);
    pool_path(j, pool, "free", to);
    error = keep ? j->disk->rename(j->disk, from, to) : j->disk->unlink(j->disk, from);
    if (error == 0)
        error = journal_sync_dir(j, "seg");
    if (error != 0) {
        journal_say(j, "store: can't recycle %s: %s", from, strerror(-error));
        return;
    }
    if (keep) {
        pthread_mutex_lock(&j->lock);
        j->pool[j->pool_count++] = pool;
        pthread_mutex_unlock(&j->lock);
    }
}

bool journal_recycle(struct journal *j)
{
    struct journal_segment *s = NULL;
    uint64_t number = 0;
    uint32_t size = 0;

    pthread_mutex_lock(&j->lock);
    for (unsigned i = 0; i < j->used_count && j->holds == 0 && s == NULL; i++) {
        struct journal_segment *candidate = j->used[i];

        number = atomic_load(&candidate->number);
        if (take_dead(j, i))
            s = candidate;
    }
    if (s != NULL) {
        size = s->size;
        journal_segment_drop(j, s);
    }
    pthread_mutex_unlock(&j->lock);
    if (s == NULL)
        return false;
    to_pool(j, number, size);
    return true;
}

void journal_hold(struct journal *j, int by)
{
    pthread_mutex_lock(&j->lock);
    j->holds += by;
    ensure(j->holds >= 0);
    pthread_mutex_unlock(&j->lock);
}

/* ---- waiting ---- */

void journal_wake_locked(struct journal *j)
{
    j->is_woken = true;
    pthread_cond_signal(&j->need);
}

static struct timespec deadline_in(unsigned ms)
{
    uint64_t at = clock_monotonic_ns() + (uint64_t)ms * MS_NS;

    return (struct timespec){.tv_sec = (time_t)(at / SECOND_NS), .tv_nsec = (long)(at % SECOND_NS)};
}

void journal_wait_need(struct journal *j, unsigned ms)
{
    struct timespec at = deadline_in(ms);

    pthread_mutex_lock(&j->lock);
    while (!j->is_woken && pthread_cond_timedwait(&j->need, &j->lock, &at) == 0)
        ;
    j->is_woken = false;
    pthread_mutex_unlock(&j->lock);
}

void journal_wake(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    journal_wake_locked(j);
    pthread_mutex_unlock(&j->lock);
}

bool journal_wait_ready(struct journal *j, unsigned ms)
{
    struct timespec at = deadline_in(ms);
    bool ready;

    pthread_mutex_lock(&j->lock);
    journal_wake_locked(j);
    while (j->ready_count == 0 && pthread_cond_timedwait(&j->ready_more, &j->lock, &at) == 0)
        ;
    ready = j->ready_count > 0;
    pthread_mutex_unlock(&j->lock);
    return ready;
}
