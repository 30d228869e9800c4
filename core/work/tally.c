#include "core/work/tally.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/map.h"

struct tally {
    pthread_mutex_t lock;
    struct map *counts; /* key -> its count, as a pointer's value */
    unsigned total, total_max;
};

struct tally *tally_open(unsigned total_max)
{
    struct tally *t = xcalloc(1, sizeof(*t));

    pthread_mutex_init(&t->lock, NULL);
    t->counts = map_new();
    t->total_max = total_max;
    return t;
}

void tally_close(struct tally **tally)
{
    map_free(&(*tally)->counts);
    pthread_mutex_destroy(&(*tally)->lock);
    free(*tally);
    *tally = NULL;
}

bool tally_add(struct tally *t, uint64_t key, unsigned key_max)
{
    uintptr_t count;
    bool fits;

    pthread_mutex_lock(&t->lock);
    count = (uintptr_t)map_get(t->counts, map_key_u64(&key));
    fits = count < key_max && t->total < t->total_max;
    if (fits) {
        map_put(t->counts, map_key_u64(&key), (void *)(count + 1));
        t->total++;
    }
    pthread_mutex_unlock(&t->lock);
    return fits;
}

void tally_remove(struct tally *t, uint64_t key)
{
    uintptr_t count;

    pthread_mutex_lock(&t->lock);
    count = (uintptr_t)map_get(t->counts, map_key_u64(&key));
    ensure(count > 0);
    if (count == 1)
        map_remove(t->counts, map_key_u64(&key));
    else
        map_put(t->counts, map_key_u64(&key), (void *)(count - 1));
    t->total--;
    pthread_mutex_unlock(&t->lock);
}

unsigned tally_total(struct tally *t)
{
    unsigned total;

    pthread_mutex_lock(&t->lock);
    total = t->total;
    pthread_mutex_unlock(&t->lock);
    return total;
}
