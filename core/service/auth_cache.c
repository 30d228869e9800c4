#include "core/service/auth_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/service/auth_digest.h"

enum {
    WAYS = 4
}; /* places that a digest can have */

struct entry {
    unsigned char digest[AUTH_DIGEST_SIZE];
    uint64_t until_ns; /* 0: free */
};

struct auth_cache {
    pthread_mutex_t lock; /* held for a look at WAYS entries */
    uint64_t keep_ns;
    unsigned sets;
    struct entry *entries;
};

struct auth_cache *auth_cache_open(unsigned size, uint64_t keep_ms)
{
    struct auth_cache *c = xcalloc(1, sizeof(*c));

    pthread_mutex_init(&c->lock, NULL);
    c->keep_ns = keep_ms * 1000000;
    c->sets = size / WAYS + (size % WAYS != 0);
    c->entries = xcalloc((size_t)c->sets * WAYS + 1, sizeof(*c->entries));
    return c;
}

void auth_cache_close(struct auth_cache **cache)
{
    struct auth_cache *c = *cache;

    *cache = NULL;
    if (!c)
        return;
    pthread_mutex_destroy(&c->lock);
    free(c->entries);
    free(c);
}

static bool is_same(const unsigned char *a, const unsigned char *b)
{
    return auth_digest_equal((struct span){(const char *)a, AUTH_DIGEST_SIZE},
                             (struct span){(const char *)b, AUTH_DIGEST_SIZE});
}

/* A digest is as good as random, so its first bytes choose the set. */
static struct entry *set_of(struct auth_cache *c, const unsigned char *digest)
{
    uint32_t number;

    memcpy(&number, digest, sizeof(number));
    return &c->entries[(size_t)(number % c->sets) * WAYS];
}

bool auth_cache_has(struct auth_cache *c, const unsigned char *digest, uint64_t now_ns)
{
    bool found = false;
    struct entry *set;

    if (c->sets == 0)
        return false;
    set = set_of(c, digest);
    pthread_mutex_lock(&c->lock);
    for (unsigned i = 0; i < WAYS; i++)
        found |= set[i].until_ns > now_ns && is_same(set[i].digest, digest);
    pthread_mutex_unlock(&c->lock);
    return found;
}

void auth_cache_add(struct auth_cache *c, const unsigned char *digest, uint64_t now_ns)
{
    auth_cache_add_until(c, digest, now_ns, UINT64_MAX);
}

void auth_cache_add_until(struct auth_cache *c, const unsigned char *digest, uint64_t now_ns,
                          uint64_t left_ms)
{
    uint64_t keep_ns = left_ms < c->keep_ns / 1000000 ? left_ms * 1000000 : c->keep_ns;
    struct entry *set, *place;

    if (c->sets == 0)
        return;
    set = place = set_of(c, digest);
    pthread_mutex_lock(&c->lock);
    for (unsigned i = 0; i < WAYS; i++) {
        if (is_same(set[i].digest, digest)) {
            place = &set[i];
            break;
        }
        if (set[i].until_ns < place->until_ns)
            place = &set[i];
    }
    memcpy(place->digest, digest, AUTH_DIGEST_SIZE);
    place->until_ns = now_ns + keep_ns;
    pthread_mutex_unlock(&c->lock);
}
