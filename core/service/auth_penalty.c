#include "core/service/auth_penalty.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/map.h"
#include "core/base/network.h"

enum {
    SETS = 8192, /* a power of two */
    WAYS = 4,    /* places that a key can have */
    SECRETS = 4, /* wrong passwords of an address that are known again */
    LEVEL_MAX = 16,
};

static const uint64_t MS = 1000000; /* nanoseconds */

struct entry {
    uint64_t key;     /* 0: free */
    uint64_t last_ns; /* of the last failure */
    uint64_t window_ns, blocked_until_ns;
    uint32_t window_count;
    uint8_t level, secret_next;
    uint32_t secrets[SECRETS];
};

struct table {
    struct entry sets[SETS][WAYS];
};

struct auth_penalty {
    pthread_mutex_t lock;
    struct table *addresses, *names;
};

struct auth_penalty *auth_penalty_open(void)
{
    struct auth_penalty *p = xcalloc(1, sizeof(*p));

    pthread_mutex_init(&p->lock, NULL);
    p->addresses = xcalloc(1, sizeof(*p->addresses));
    p->names = xcalloc(1, sizeof(*p->names));
    return p;
}

void auth_penalty_close(struct auth_penalty **penalty)
{
    struct auth_penalty *p = *penalty;

    *penalty = NULL;
    if (!p)
        return;
    pthread_mutex_destroy(&p->lock);
    free(p->addresses);
    free(p->names);
    free(p);
}

/* ---- keys ---- */

static uint64_t not_zero(uint64_t hash)
{
    return hash != 0 ? hash : 1;
}

/* Who has one IPv6 address has its whole /64. */
static uint64_t address_key(const char *text)
{
    unsigned char address[NETWORK_ADDRESS_LEN];
    size_t len = sizeof(address);

    if (!network_address(span_str(text), address))
        return not_zero(map_hash(span_str(text)));
    if (!network_is_ipv4(address))
        len = 8;
    return not_zero(map_hash((struct span){(const char *)address, len}));
}

static uint64_t name_key(struct span name)
{
    char folded[320];
    size_t len = name.len < sizeof(folded) ? name.len : sizeof(folded);

    for (size_t i = 0; i < len; i++)
        folded[i] =
            name.at[i] >= 'A' && name.at[i] <= 'Z' ? (char)(name.at[i] + 'a' - 'A') : name.at[i];
    return not_zero(map_hash((struct span){folded, len}));
}

/* ---- entries; the caller holds the lock ---- */

static struct entry *entry_find(struct table *t, uint64_t key)
{
    struct entry *set = t->sets[key & (SETS - 1)];

    for (unsigned i = 0; i < WAYS; i++)
        if (set[i].key == key)
            return &set[i];
    return NULL;
}

static struct entry *entry_make(struct table *t, uint64_t key)
{
    struct entry *set = t->sets[key & (SETS - 1)], *place = entry_find(t, key);

    if (place)
        return place;
    place = &set[0];
    for (unsigned i = 1; i < WAYS; i++)
        if (set[i].last_ns < place->last_ns)
            place = &set[i];
    *place = (struct entry){.key = key};
    return place;
}

/* One more failure; returns the delay that it costs. */
static uint32_t entry_failed(struct entry *e, const struct auth_settings *set, uint64_t now_ns)
{
    uint64_t delay_ms;

    if (now_ns - e->last_ns > set->failure_decay_ms * MS)
        e->level = 0;
    delay_ms = (uint64_t)set->failure_delay_ms << e->level;
    if (e->level < LEVEL_MAX)
        e->level++;
    e->last_ns = now_ns;
    return delay_ms < set->failure_delay_max_ms ? (uint32_t)delay_ms : set->failure_delay_max_ms;
}

/* Was this wrong password tried from there before? Remembers it. */
static bool entry_knows(struct entry *e, uint64_t secret)
{
    uint32_t short_secret = (uint32_t)secret;

    if (secret == 0)
        return false;
    for (unsigned i = 0; i < SECRETS; i++)
        if (e->secrets[i] == short_secret)
            return true;
    e->secrets[e->secret_next++ % SECRETS] = short_secret;
    return false;
}

/* Counts towards the block; true when it begins now. */
static bool entry_counts(struct entry *e, const struct auth_settings *set, uint64_t now_ns)
{
    if (e->window_count == 0 || now_ns - e->window_ns > set->failure_window_ms * MS) {
        e->window_ns = now_ns;
        e->window_count = 0;
    }
    if (++e->window_count < set->failure_limit)
        return false;
    e->window_count = 0;
    e->blocked_until_ns = now_ns + set->block_ms * MS;
    return true;
}

/* ---- from outside ---- */

bool auth_penalty_is_blocked(struct auth_penalty *p, const char *address, uint64_t now_ns)
{
    uint64_t key = address_key(address);
    const struct entry *e;
    bool blocked;

    pthread_mutex_lock(&p->lock);
    e = entry_find(p->addresses, key);
    blocked = e && e->blocked_until_ns > now_ns;
    pthread_mutex_unlock(&p->lock);
    return blocked;
}

struct auth_penalty_outcome auth_penalty_failed(struct auth_penalty *p,
                                                const struct auth_settings *set,
                                                const struct auth_penalty_try *try, uint64_t now_ns)
{
    struct auth_penalty_outcome outcome = {0, false};
    uint64_t address = address_key(try->address), name = name_key(try->name);
    uint32_t delay_ms;

    pthread_mutex_lock(&p->lock);
    outcome.delay_ms = entry_failed(entry_make(p->names, name), set, now_ns);
    if (!try->is_trusted) {
        struct entry *e = entry_make(p->addresses, address);
        delay_ms = entry_failed(e, set, now_ns);
        if (delay_ms > outcome.delay_ms)
            outcome.delay_ms = delay_ms;
        outcome.blocks = !entry_knows(e, try->secret) && entry_counts(e, set, now_ns);
    }
    pthread_mutex_unlock(&p->lock);
    return outcome;
}

void auth_penalty_succeeded(struct auth_penalty *p, struct span name)
{
    uint64_t key = name_key(name);
    struct entry *e;

    pthread_mutex_lock(&p->lock);
    e = entry_find(p->names, key);
    if (e)
        e->level = 0;
    pthread_mutex_unlock(&p->lock);
}
