#include "core/work/usage.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/list.h"
#include "core/base/map.h"

struct usage_client {
    uint64_t key;
    struct list gone; /* in usage->gone while it has no connection */
    unsigned connections;
    unsigned counts[USAGE_EVENTS];
    uint64_t unit_until_ns; /* when the counts begin anew; 0: nothing was counted */
    _Atomic int64_t bytes;
};

struct usage {
    pthread_mutex_t lock;
    struct map *clients; /* key -> struct usage_client */
    struct list gone;    /* the longest gone first */
    unsigned gone_count;
    unsigned total, total_max;
    uint64_t unit_ns;
};

struct usage *usage_open(unsigned total_max, uint64_t unit_ns)
{
    struct usage *u = xcalloc(1, sizeof(*u));

    ensure(unit_ns > 0);
    pthread_mutex_init(&u->lock, NULL);
    u->clients = map_new();
    list_init(&u->gone);
    u->total_max = total_max;
    u->unit_ns = unit_ns;
    return u;
}

/* ---- clients, with the lock held ---- */

static struct usage_client *client_of(struct usage *u, uint64_t key)
{
    struct usage_client *c = map_get(u->clients, map_key_u64(&key));

    if (c != NULL)
        return c;
    c = xcalloc(1, sizeof(*c));
    c->key = key;
    list_add_tail(&u->gone, &c->gone);
    u->gone_count++;
    (void)map_put(u->clients, map_key_u64(&key), c);
    return c;
}

static void client_back(struct usage *u, struct usage_client *c)
{
    if (c->connections > 0)
        return;
    list_remove(&c->gone);
    u->gone_count--;
}

static void client_forget(struct usage *u, struct usage_client *c)
{
    ensure(c->connections == 0);
    ensure(atomic_load_explicit(&c->bytes, memory_order_relaxed) == 0);
    list_remove(&c->gone);
    ensure(u->gone.next != &c->gone); /* so that nobody finds it there again */
    u->gone_count--;
    (void)map_remove(u->clients, map_key_u64(&c->key));
    free(c);
}

/* Who is gone and was never counted, or longer ago than a unit, is nobody. */
static void forget_old(struct usage *u, uint64_t now_ns)
{
    while (!list_is_empty(&u->gone)) {
        struct usage_client *c = CONTAINER_OF(u->gone.next, struct usage_client, gone);

        if (u->gone_count <= USAGE_GONE_MAX && c->unit_until_ns > now_ns)
            break;
        client_forget(u, c);
    }
}

void usage_close(struct usage **usage)
{
    struct usage *u = *usage;

    *usage = NULL;
    ensure(u->total == 0);
    forget_old(u, UINT64_MAX);
    ensure(map_count(u->clients) == 0);
    map_free(&u->clients);
    pthread_mutex_destroy(&u->lock);
    free(u);
}

/* ---- connections ---- */

enum usage_status usage_enter(struct usage *u, uint64_t key, unsigned client_max,
                              struct usage_client **client_r, unsigned *count_r)
{
    enum usage_status status = USAGE_OK;
    struct usage_client *c;

    pthread_mutex_lock(&u->lock);
    c = client_of(u, key);
    *count_r = c->connections + 1;
    if (c->connections >= client_max)
        status = USAGE_FULL;
    else if (u->total >= u->total_max)
        status = USAGE_TOTAL;
    if (status == USAGE_OK) {
        client_back(u, c);
        c->connections++;
        u->total++;
        *client_r = c;
    } else if (c->connections == 0 && c->unit_until_ns == 0) {
        client_forget(u, c);
    }
    pthread_mutex_unlock(&u->lock);
    return status;
}

void usage_leave(struct usage *u, struct usage_client **client)
{
    struct usage_client *c = *client;

    *client = NULL;
    pthread_mutex_lock(&u->lock);
    ensure(c->connections > 0);
    u->total--;
    if (--c->connections == 0) {
        list_add_tail(&u->gone, &c->gone);
        u->gone_count++;
        if (c->unit_until_ns == 0)
            client_forget(u, c);
    }
    pthread_mutex_unlock(&u->lock);
}

unsigned usage_total(struct usage *u)
{
    unsigned total;

    pthread_mutex_lock(&u->lock);
    total = u->total;
    pthread_mutex_unlock(&u->lock);
    return total;
}

/* ---- events ---- */

unsigned usage_count(struct usage *u, uint64_t key, enum usage_event event, uint64_t now_ns)
{
    struct usage_client *c;
    unsigned count;

    pthread_mutex_lock(&u->lock);
    forget_old(u, now_ns);
    c = client_of(u, key);
    if (c->unit_until_ns <= now_ns) {
        for (unsigned i = 0; i < USAGE_EVENTS; i++)
            c->counts[i] = 0;
        c->unit_until_ns = now_ns + u->unit_ns;
    }
    count = ++c->counts[event];
    if (c->connections == 0) { /* the list is in the order in which units end */
        list_remove(&c->gone);
        list_add_tail(&u->gone, &c->gone);
    }
    pthread_mutex_unlock(&u->lock);
    return count;
}

/* ---- memory ---- */

void usage_charge(struct usage_client *client, int64_t bytes)
{
    atomic_fetch_add_explicit(&client->bytes, bytes, memory_order_relaxed);
}

uint64_t usage_charged(const struct usage_client *client)
{
    int64_t bytes = atomic_load_explicit(&client->bytes, memory_order_relaxed);

    return bytes > 0 ? (uint64_t)bytes : 0;
}
