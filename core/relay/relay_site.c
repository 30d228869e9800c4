#include "core/relay/relay_site.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/map.h"

struct relay_sites {
    const struct relay_settings *settings;
    struct map *hops, *sites;
    struct list idle_hops, idle_sites; /* those without work, the longest so first */
    unsigned idle_hop_count, idle_site_count;
};

struct relay_sites *relay_sites_new(const struct relay_settings *settings)
{
    struct relay_sites *s = xcalloc(1, sizeof(*s));

    s->settings = settings;
    s->hops = map_new();
    s->sites = map_new();
    list_init(&s->idle_hops);
    list_init(&s->idle_sites);
    return s;
}

/* ---- hops ---- */

/* A route as a key: the transport in front. */
static struct span key_of(const struct relay_route *route, char key[RELAY_NEXTHOP_MAX + 8])
{
    int len =
        snprintf(key, RELAY_NEXTHOP_MAX + 8, "%u:%s", (unsigned)route->transport, route->nexthop);

    return (struct span){key, (size_t)len};
}

static void site_idle(struct relay_sites *s, struct relay_site *site);

static void hop_leave_site(struct relay_sites *s, struct relay_hop_queue *hop)
{
    struct relay_site *site = hop->site;

    if (site == NULL)
        return;
    hop->site = NULL;
    list_remove(&hop->node);
    site->waiting -= hop->count;
    site->hop_count--;
    relay_site_settle(s, site);
}

static void hop_free(struct relay_sites *s, struct relay_hop_queue *hop)
{
    char key[RELAY_NEXTHOP_MAX + 8];

    ensure(hop->count == 0 && hop->state != RELAY_HOP_RESOLVING);
    ensure(map_remove(s->hops, key_of(&hop->route, key)) == hop);
    hop_leave_site(s, hop);
    free(hop);
}

static void hop_busy(struct relay_sites *s, struct relay_hop_queue *hop)
{
    if (list_is_empty(&hop->idle))
        return;
    list_remove(&hop->idle);
    s->idle_hop_count--;
}

static void hop_idle(struct relay_sites *s, struct relay_hop_queue *hop)
{
    if (!list_is_empty(&hop->idle))
        return;
    list_add_tail(&s->idle_hops, &hop->idle);
    if (++s->idle_hop_count <= RELAY_SITE_IDLE_MAX)
        return;
    hop = CONTAINER_OF(s->idle_hops.next, struct relay_hop_queue, idle);
    hop_busy(s, hop);
    if (hop->state != RELAY_HOP_RESOLVING && hop->away == 0)
        hop_free(s, hop); /* else it comes here again when it had work */
}

struct relay_hop_queue *relay_sites_hop(struct relay_sites *s, const struct relay_route *route)
{
    char key[RELAY_NEXTHOP_MAX + 8];
    struct span name = key_of(route, key);
    struct relay_hop_queue *hop = map_get(s->hops, name);

    if (hop != NULL)
        return hop;
    hop = xcalloc(1, sizeof(*hop));
    hop->route = *route;
    list_init(&hop->entries);
    list_init(&hop->node);
    list_init(&hop->idle);
    (void)map_put(s->hops, name, hop);
    return hop;
}

/* ---- sites ---- */

static struct relay_site *site_find(struct relay_sites *s, const char *name)
{
    struct relay_site *site = map_get(s->sites, span_str(name));

    if (site != NULL)
        return site;
    site = xcalloc(1, sizeof(*site));
    site->name = xstrdup(name);
    site->window = s->settings->initial_destination_concurrency;
    list_init(&site->hops);
    list_init(&site->parked);
    list_init(&site->dirty);
    list_init(&site->idle);
    (void)map_put(s->sites, span_str(name), site);
    return site;
}

static void site_free(struct relay_sites *s, struct relay_site *site)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it takes two sites for one */
    ensure(site->attempts == 0 && site->hop_count == 0);
    ensure(map_remove(s->sites, span_str(site->name)) == site);
    list_remove(&site->dirty);
    list_remove(&site->idle);
    if (site->answer != NULL)
        relay_answer_free(&site->answer);
    free(site->name);
    free(site);
}

/* What was learned of a site is kept for some time. */
static void site_idle(struct relay_sites *s, struct relay_site *site)
{
    if (!list_is_empty(&site->idle))
        return;
    list_add_tail(&s->idle_sites, &site->idle);
    if (++s->idle_site_count <= RELAY_SITE_IDLE_MAX)
        return;
    site = CONTAINER_OF(s->idle_sites.next, struct relay_site, idle);
    s->idle_site_count--;
    site_free(s, site);
}

static void site_busy(struct relay_sites *s, struct relay_site *site)
{
    if (list_is_empty(&site->idle))
        return;
    list_remove(&site->idle);
    s->idle_site_count--;
}

void relay_site_settle(struct relay_sites *s, struct relay_site *site)
{
    if (site->attempts == 0 && site->hop_count == 0)
        site_idle(s, site);
    else
        site_busy(s, site);
}

void relay_sites_free(struct relay_sites **sites)
{
    struct relay_sites *s = *sites;
    struct span key;
    size_t place = 0;
    void *value;

    while (map_next(s->hops, &place, &key, &value)) {
        struct relay_hop_queue *hop = value;

        ensure(hop->count == 0);
        free(hop);
    }
    map_free(&s->hops);
    place = 0;
    while (map_next(s->sites, &place, &key, &value)) {
        struct relay_site *site = value;

        ensure(site->attempts == 0);
        if (site->answer != NULL)
            relay_answer_free(&site->answer);
        free(site->name);
        free(site);
    }
    map_free(&s->sites);
    free(s);
    *sites = NULL;
}

void relay_sites_empty(struct relay_sites *s, struct relay_active *active)
{
    struct span key;
    size_t place = 0;
    void *value;

    while (map_next(s->hops, &place, &key, &value)) {
        struct relay_hop_queue *hop = value;

        while (!list_is_empty(&hop->entries)) {
            struct relay_entry *e = CONTAINER_OF(hop->entries.next, struct relay_entry, node);

            list_remove(&e->node);
            relay_active_give(active, &e);
        }
        if (hop->site != NULL)
            hop->site->waiting -= hop->count;
        hop->count = 0;
        list_remove(&hop->node);
    }
}

void relay_sites_resolved(struct relay_sites *s, struct relay_hop_queue *hop,
                          const struct relay_answer *answer)
{
    struct relay_site *site = site_find(s, answer->site);

    hop->state = RELAY_HOP_KNOWN;
    if (site->answer != NULL)
        relay_answer_free(&site->answer);
    site->answer = relay_answer_copy(answer);
    site->is_lmtp = hop->route.transport == RELAY_BY_LMTP;
    if (hop->site == site)
        return;
    site->hop_count++;
    relay_site_settle(s, site); /* not idle any more: the one that is left may push out those */
    hop_leave_site(s, hop);
    hop->site = site;
    site->waiting += hop->count;
    if (hop->count > 0)
        list_add_tail(&site->hops, &hop->node);
}

/* ---- who waits ---- */

void relay_site_add(struct relay_sites *s, struct relay_hop_queue *hop, struct relay_entry *entry,
                    bool first)
{
    list_add_tail(first ? hop->entries.next : &hop->entries, &entry->node);
    hop->count++;
    hop_busy(s, hop);
    if (hop->site == NULL)
        return;
    hop->site->waiting++;
    if (list_is_empty(&hop->node))
        list_add_tail(&hop->site->hops, &hop->node);
}

unsigned relay_hop_next(struct relay_sites *s, struct relay_hop_queue *hop,
                        struct relay_entry **entries_r, unsigned max)
{
    unsigned count = 0;

    while (count < max && !list_is_empty(&hop->entries)) {
        struct relay_entry *e = CONTAINER_OF(hop->entries.next, struct relay_entry, node);

        if (count > 0 && e->message != entries_r[0]->message)
            break;
        list_remove(&e->node);
        entries_r[count++] = e;
    }
    hop->count -= count;
    if (hop->site != NULL)
        hop->site->waiting -= count;
    list_remove(&hop->node);
    if (hop->count == 0)
        hop_idle(s, hop);
    else if (hop->site != NULL)
        list_add_tail(&hop->site->hops, &hop->node);
    return count;
}

unsigned relay_site_next(struct relay_sites *s, struct relay_site *site,
                         struct relay_entry **entries_r, unsigned max)
{
    if (list_is_empty(&site->hops))
        return 0;
    return relay_hop_next(s, CONTAINER_OF(site->hops.next, struct relay_hop_queue, node), entries_r,
                          max);
}

/* ---- how many connections ---- */

bool relay_site_is_dead(const struct relay_site *site, int64_t now_us)
{
    return now_us < site->dead_until_us;
}

bool relay_site_may_dial(const struct relay_site *site, int64_t now_us)
{
    unsigned most = site->is_alive ? (unsigned)site->window : 1;

    return site->attempts < most && site->dialling < site->waiting &&
           !relay_site_is_dead(site, now_us);
}

void relay_site_answered(struct relay_site *site)
{
    site->is_alive = true;
}

void relay_site_succeeded(struct relay_sites *s, struct relay_site *site)
{
    double limit = s->settings->destination_concurrency_limit;

    site->failures = 0;
    site->dead_until_us = 0;
    site->window += 1 / site->window;
    if (site->window > limit)
        site->window = limit;
}

bool relay_site_failed(struct relay_sites *s, struct relay_site *site, int64_t now_us)
{
    unsigned targets = site->answer != NULL ? site->answer->count : 1;

    site->window = site->window > 2 ? site->window - 1 : 1;
    if (targets > 0)
        site->first = (site->first + 1) % targets;
    if (++site->failures < targets || site->attempts > site->dialling)
        return true;
    site->failures = 0;
    site->is_alive = false;
    site->first = 0;
    site->dead_until_us = now_us + s->settings->minimal_backoff_us;
    return false;
}

void relay_site_revive(struct relay_site *site)
{
    site->dead_until_us = 0;
}

void relay_sites_revive(struct relay_sites *s)
{
    struct span key;
    size_t place = 0;
    void *value;

    while (map_next(s->sites, &place, &key, &value))
        relay_site_revive(value);
}
