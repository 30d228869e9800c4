#include "core/work/exclusive.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/map.h"

enum {
    SWEEP_AT = 1024, /* keys, then twice as many as were left */
};

/* What a key maps to: when it was taken, and whether it still is, as a pointer's value. */
static void *entry_of(uint32_t taken_s, bool is_held)
{
    return (void *)((uintptr_t)taken_s << 1 | is_held);
}

static bool entry_is_held(const void *entry)
{
    return ((uintptr_t)entry & 1) != 0;
}

static uint32_t entry_taken_s(const void *entry)
{
    return (uint32_t)((uintptr_t)entry >> 1);
}

_Static_assert(sizeof(void *) == 8, "an entry fits a pointer");

struct exclusive {
    pthread_mutex_t lock;
    struct map *entries;
    size_t sweep_at;
};

struct exclusive *exclusive_open(void)
{
    struct exclusive *e = xcalloc(1, sizeof(*e));

    pthread_mutex_init(&e->lock, NULL);
    e->entries = map_new();
    e->sweep_at = SWEEP_AT;
    return e;
}

void exclusive_close(struct exclusive **exclusive)
{
    map_free(&(*exclusive)->entries);
    pthread_mutex_destroy(&(*exclusive)->lock);
    free(*exclusive);
    *exclusive = NULL;
}

static bool is_over(const void *entry, uint32_t now_s, uint32_t pause_s)
{
    return now_s - entry_taken_s(entry) >= pause_s;
}

/* Only those that are held, or whose pause lasts, go over to a new map. */
static void sweep(struct exclusive *e, uint32_t now_s, uint32_t pause_s)
{
    struct map *left = map_new();
    struct span key;
    size_t place = 0;
    void *entry;

    while (map_next(e->entries, &place, &key, &entry)) {
        if (entry_is_held(entry) || !is_over(entry, now_s, pause_s))
            map_put(left, key, entry);
    }
    map_free(&e->entries);
    e->entries = left;
    e->sweep_at = map_count(left) * 2 > SWEEP_AT ? map_count(left) * 2 : SWEEP_AT;
}

enum exclusive_answer exclusive_take(struct exclusive *e, uint64_t key, uint32_t now_s,
                                     uint32_t pause_s)
{
    enum exclusive_answer answer = EXCLUSIVE_TAKEN;
    const void *entry;

    pthread_mutex_lock(&e->lock);
    entry = map_get(e->entries, map_key_u64(&key));
    if (entry != NULL && entry_is_held(entry))
        answer = EXCLUSIVE_HELD;
    else if (entry != NULL && !is_over(entry, now_s, pause_s))
        answer = EXCLUSIVE_TOO_SOON;
    else
        map_put(e->entries, map_key_u64(&key), entry_of(now_s, true));
    if (map_count(e->entries) > e->sweep_at)
        sweep(e, now_s, pause_s);
    pthread_mutex_unlock(&e->lock);
    return answer;
}

void exclusive_give(struct exclusive *e, uint64_t key, uint32_t pause_s)
{
    const void *entry;

    pthread_mutex_lock(&e->lock);
    entry = map_get(e->entries, map_key_u64(&key));
    ensure(entry != NULL);
    ensure(entry_is_held(entry));
    if (pause_s == 0)
        map_remove(e->entries, map_key_u64(&key));
    else
        map_put(e->entries, map_key_u64(&key), entry_of(entry_taken_s(entry), false));
    pthread_mutex_unlock(&e->lock);
}
