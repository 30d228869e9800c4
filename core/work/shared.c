#include "core/work/shared.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"

/* The lock is held for a pointer and a count, so that no reader can find an item between its last
 * giving back and its end. What a snapshot costs to make or free is spent outside. */
struct shared {
    pthread_mutex_t lock;
    struct shared_item *now;
    void (*free_item)(void *item);
};

struct shared_item {
    atomic_uint users; /* the place itself is one */
    void *item;
    void (*free_item)(void *item);
};

static struct shared_item *item_new(const struct shared *shared, void *item)
{
    struct shared_item *i = xcalloc(1, sizeof(*i));

    atomic_init(&i->users, 1);
    i->item = item;
    i->free_item = shared->free_item;
    return i;
}

struct shared *shared_open(void *first, void (*free_item)(void *item))
{
    struct shared *shared = xcalloc(1, sizeof(*shared));

    pthread_mutex_init(&shared->lock, NULL);
    shared->free_item = free_item;
    shared->now = item_new(shared, first);
    return shared;
}

void shared_close(struct shared **shared)
{
    ensure(atomic_load(&(*shared)->now->users) == 1);
    shared_give(&(*shared)->now);
    pthread_mutex_destroy(&(*shared)->lock);
    free(*shared);
    *shared = NULL;
}

struct shared_item *shared_take(struct shared *shared)
{
    struct shared_item *item;

    pthread_mutex_lock(&shared->lock);
    item = shared->now;
    atomic_fetch_add_explicit(&item->users, 1, memory_order_relaxed);
    pthread_mutex_unlock(&shared->lock);
    return item;
}

void *shared_get(const struct shared_item *item)
{
    return item->item;
}

void shared_give(struct shared_item **item)
{
    struct shared_item *i = *item;

    *item = NULL;
    if (atomic_fetch_sub_explicit(&i->users, 1, memory_order_acq_rel) != 1)
        return;
    if (i->free_item != NULL)
        i->free_item(i->item);
    free(i);
}

void shared_swap(struct shared *shared, void *next)
{
    struct shared_item *item = item_new(shared, next), *old;

    pthread_mutex_lock(&shared->lock);
    old = shared->now;
    shared->now = item;
    pthread_mutex_unlock(&shared->lock);
    shared_give(&old);
}
