/* Segments: which there are, finding one by its number, mapping, rolling into the next. */

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "store/blob/journal_private.h"
#include "store/blob/journal_space.h"

enum {
    SEGMENT_NAME_DIGITS = 16,
};

void journal_segment_path(const struct journal *j, uint64_t number, char *path_r)
{
    journal_path(j, path_r, "seg/%016" PRIx64 ".log", number);
}

/* ---- finding ---- */

static _Atomic(struct journal_segment *) *slot_of(struct journal *j, uint64_t number)
{
    uint64_t page = number >> JOURNAL_PAGE_BITS;
    struct journal_slots *slots;

    ensure(number < JOURNAL_SEGMENTS_MAX);
    slots = atomic_load_explicit(&j->pages[page], memory_order_acquire);
    if (slots == NULL) {
        slots = xcalloc(1, sizeof(*slots));
        atomic_store_explicit(&j->pages[page], slots, memory_order_release);
    }
    return &slots->at[number & (JOURNAL_PAGE_SLOTS - 1)];
}

struct journal_segment *journal_segment_find(const struct journal *j, uint64_t number)
{
    struct journal_slots *slots;

    if (number == 0 || number >= JOURNAL_SEGMENTS_MAX)
        return NULL;
    slots = atomic_load_explicit(&j->pages[number >> JOURNAL_PAGE_BITS], memory_order_acquire);
    if (slots == NULL)
        return NULL;
    return atomic_load_explicit(&slots->at[number & (JOURNAL_PAGE_SLOTS - 1)],
                                memory_order_acquire);
}

/* ---- the lists; with the lock held, or before there are other threads ---- */

struct journal_segment *journal_segment_new(struct journal *j, uint64_t number, uint32_t size)
{
    struct journal_segment *s = j->unused;

    if (s != NULL)
        j->unused = s->next;
    else
        s = xcalloc(1, sizeof(*s));
    ensure(atomic_load(&s->map) == NULL);
    s->journal = j;
    s->size = size;
    s->file = -1;
    s->is_damaged = false;
    s->is_dead = false;
    s->last_seq = 0;
    s->seed = journal_seed(j->id, number);
    s->header = (struct journal_segment_header){.is_spare = true};
    s->next = NULL;
    atomic_store(&s->number, number);
    if (number >= j->segment_next)
        j->segment_next = number + 1;
    return s;
}

void journal_segment_drop(struct journal *j, struct journal_segment *s)
{
    const char *map = atomic_exchange(&s->map, NULL);

    if (map != NULL)
        j->disk->unmap(j->disk, (void *)(uintptr_t)map, s->size);
    if (s->file >= 0)
        j->disk->close(j->disk, s->file);
    s->file = -1;
    s->next = j->unused;
    j->unused = s;
}

void journal_segment_add_ready(struct journal *j, struct journal_segment *s)
{
    struct journal_segment **at = &j->ready;

    while (*at != NULL && (*at)->number < s->number)
        at = &(*at)->next;
    s->next = *at;
    *at = s;
    j->ready_count++;
}

static void add_used(struct journal *j, struct journal_segment *s)
{
    ensure(j->used_count == 0 || j->used[j->used_count - 1]->number < s->number);
    if (j->used_count == j->used_size) {
        j->used_size = j->used_size == 0 ? 64 : j->used_size * 2;
        j->used = xrealloc(j->used, j->used_size * sizeof(struct journal_segment *));
    }
    j->used[j->used_count++] = s;
    atomic_store_explicit(slot_of(j, s->number), s, memory_order_release);
}

void journal_segment_remove_used(struct journal *j, unsigned index, uint64_t number)
{
    atomic_store(slot_of(j, number), NULL);
    j->used_count--;
    memmove(&j->used[index], &j->used[index + 1],
            (j->used_count - index) * sizeof(struct journal_segment *));
}

/* ---- loading ---- */

struct loading {
    struct journal *j;
    uint64_t *numbers;
    size_t count, size;
};

static bool name_is_segment(const char *name, uint64_t *number_r)
{
    return journal_hex_read(name, SEGMENT_NAME_DIGITS, number_r) &&
           strcmp(name + SEGMENT_NAME_DIGITS, ".log") == 0;
}

static void load_name(void *context, const char *name)
{
    struct loading *l = context;
    uint64_t number;

    if (!name_is_segment(name, &number)) {
        journal_space_load(l->j, name);
        return;
    }
    if (number == 0 || number >= JOURNAL_SEGMENTS_MAX)
        return;
    if (l->count == l->size) {
        l->size = l->size == 0 ? 64 : l->size * 2;
        l->numbers = xrealloc(l->numbers, l->size * sizeof(*l->numbers));
    }
    l->numbers[l->count++] = number;
}

static int compare_numbers(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return a < b ? -1 : a > b;
}

static enum store_status read_header(struct journal *j, struct journal_segment *s)
{
    char path[JOURNAL_PATH_SIZE], page[JOURNAL_ALIGN];
    ssize_t len;
    int file;

    journal_segment_path(j, s->number, path);
    file = j->disk->open(j->disk, path, O_RDONLY, 0);
    if (file < 0)
        return journal_status(file);
    len = j->disk->pread(j->disk, file, page, sizeof(page), 0);
    j->disk->close(j->disk, file);
    if (len != (ssize_t)sizeof(page))
        return len < 0 ? journal_status((int)len) : STORE_CORRUPT;
    return journal_segment_header_read(page, j->id, s->number, &s->header);
}

/* The header is durable before the first batch, so one that can't be read is never the work of a
 * power cut. With salvage its batches speak for themselves. */
static enum store_status load_segment(struct journal *j, uint64_t number)
{
    char path[JOURNAL_PATH_SIZE];
    struct journal_segment *s;
    enum store_status status;
    int64_t size;

    journal_segment_path(j, number, path);
    size = j->disk->size(j->disk, path);
    if (size < 2 * JOURNAL_ALIGN || size > JOURNAL_SEGMENT_SIZE_MAX || size % JOURNAL_ALIGN != 0) {
        journal_say(j, "store: %s has an impossible size", path);
        return j->config.salvage ? STORE_OK : STORE_CORRUPT;
    }
    s = journal_segment_new(j, number, (uint32_t)size);
    status = read_header(j, s);
    if (status == STORE_CORRUPT) {
        journal_say(j, "store: the header of %s is damaged", path);
        s->is_damaged = true;
        s->header.is_spare = false;
        status = j->config.salvage ? STORE_OK : STORE_CORRUPT;
    }
    if (!s->header.is_spare) {
        add_used(j, s);
    } else if (s->size == j->segment_size) {
        journal_segment_add_ready(j, s);
    } else {
        journal_segment_drop(j, s);
        if (!j->config.read_only)
            (void)j->disk->unlink(j->disk, path); /* of another size than is wanted now */
    }
    return status;
}

enum store_status journal_segments_load(struct journal *j)
{
    struct loading l = {.j = j};
    char path[JOURNAL_PATH_SIZE];
    enum store_status status;

    j->segment_next = 1;
    journal_path(j, path, "seg");
    status = journal_status(j->disk->list(j->disk, path, load_name, &l));
    if (l.count > 0)
        qsort(l.numbers, l.count, sizeof(*l.numbers), compare_numbers);
    for (size_t i = 0; i < l.count && status == STORE_OK; i++)
        status = load_segment(j, l.numbers[i]);
    free(l.numbers);
    return status;
}

void journal_segments_free(struct journal *j)
{
    struct journal_segment *s;

    for (unsigned i = 0; i < j->used_count; i++) {
        ensure(atomic_load(&j->used[i]->pins) == 0);
        journal_segment_drop(j, j->used[i]);
    }
    while ((s = j->ready) != NULL) {
        j->ready = s->next;
        journal_segment_drop(j, s);
    }
    while ((s = j->unused) != NULL) {
        j->unused = s->next;
        free(s);
    }
    for (unsigned i = 0; i < JOURNAL_PAGES; i++)
        free(atomic_load(&j->pages[i]));
    free(j->used);
}

/* ---- reading and writing ---- */

const char *journal_segment_bytes(struct journal_segment *s)
{
    const char *map = atomic_load_explicit(&s->map, memory_order_acquire);
    struct journal *j = s->journal;
    char path[JOURNAL_PATH_SIZE];
    int file;

    if (map != NULL)
        return map;
    pthread_mutex_lock(&j->lock);
    map = atomic_load(&s->map);
    if (map == NULL) {
        journal_segment_path(j, s->number, path);
        file = j->disk->open(j->disk, path, O_RDONLY, 0);
        if (file >= 0) {
            map = j->disk->map(j->disk, file, s->size);
            j->disk->close(j->disk, file);
            atomic_store_explicit(&s->map, map, memory_order_release);
        }
    }
    pthread_mutex_unlock(&j->lock);
    return map;
}

int journal_segment_open(struct journal_segment *s)
{
    struct journal *j = s->journal;
    char path[JOURNAL_PATH_SIZE];

    if (s->file >= 0)
        return 0;
    journal_segment_path(j, s->number, path);
    s->file = j->disk->open(j->disk, path, O_RDWR, 0);
    return s->file < 0 ? s->file : 0;
}

int journal_segment_write_header(struct journal_segment *s)
{
    struct journal *j = s->journal;
    char page[JOURNAL_ALIGN];
    struct iovec part = {.iov_base = page, .iov_len = sizeof(page)};
    int error;

    journal_segment_header_write(page, &s->header, j->id, s->number);
    error = journal_write(j->disk, s->file, &part, 1, 0);
    if (error == 0 && !j->config.without_sync)
        error = j->disk->sync_data(j->disk, s->file);
    return error;
}

/* Puts the segment that was written to so far among those that are only read. */
static void seal_active(struct journal *j)
{
    if (j->active == NULL)
        return;
    j->active->last_seq = j->end.seq;
    if (j->active->file >= 0)
        j->disk->close(j->disk, j->active->file);
    j->active->file = -1;
}

/* That its header is durable before the first batch costs a sync for each segment, and makes a
 * header that can't be read a certain sign of damage. */
enum store_status journal_segment_roll(struct journal *j)
{
    struct journal_segment *s;
    int error;

    pthread_mutex_lock(&j->lock);
    s = j->ready;
    if (s != NULL) {
        j->ready = s->next;
        j->ready_count--;
    }
    journal_wake_locked(j);
    pthread_mutex_unlock(&j->lock);
    if (s == NULL)
        return STORE_FULL;

    s->header = (struct journal_segment_header){
        .first_seq = j->end.seq + 1,
        .prev_hcrc = j->end.hcrc,
        .created_us = clock_wall_us(),
    };
    error = journal_segment_open(s);
    if (error == 0)
        error = journal_segment_write_header(s);
    if (error != 0)
        journal_fail(j, "beginning a segment", error);

    pthread_mutex_lock(&j->lock);
    seal_active(j);
    add_used(j, s);
    j->active = s;
    j->active_at = JOURNAL_ALIGN;
    atomic_store(&j->active_number, s->number);
    pthread_mutex_unlock(&j->lock);
    return STORE_OK;
}

/* ---- telling ---- */

static struct journal *unlocked(const struct journal *j)
{
    return (struct journal *)(uintptr_t)j; /* the lock is no part of its state */
}

uint64_t journal_active_segment(const struct journal *j)
{
    return atomic_load(&j->active_number);
}

uint64_t journal_segment_next(const struct journal *j, uint64_t after)
{
    uint64_t next = 0;

    pthread_mutex_lock(&unlocked(j)->lock);
    for (unsigned i = j->used_count; i > 0 && j->used[i - 1]->number > after; i--)
        next = j->used[i - 1]->number;
    pthread_mutex_unlock(&unlocked(j)->lock);
    return next;
}

unsigned journal_segment_count(const struct journal *j)
{
    unsigned count;

    pthread_mutex_lock(&unlocked(j)->lock);
    count = j->used_count;
    pthread_mutex_unlock(&unlocked(j)->lock);
    return count;
}

unsigned journal_spare_count(const struct journal *j)
{
    unsigned count;

    pthread_mutex_lock(&unlocked(j)->lock);
    count = j->ready_count;
    pthread_mutex_unlock(&unlocked(j)->lock);
    return count;
}
