/* relay_resolve: who waits for which next hop, and what is known of those that were asked for
 * before. */

#include "core/relay/relay_resolve.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/relay/relay_search.h"

enum {
    LOOKUPS_MAX = 512,
    CACHE_MAX = 10000,
    TTL_NEVER_MAX_S = 300, /* a mistake in a zone is soon put right */
};

struct relay_waiter {
    struct relay_waiter *next;
    relay_resolve_fn done;
    void *context;
};

struct relay_resolver {
    struct relay_resolver_config config;
    struct map *searches; /* transport and next hop -> struct relay_search */
    struct list order;    /* the same, oldest use first */
    unsigned running;
};

struct relay_resolver *relay_resolver_open(const struct relay_resolver_config *config)
{
    struct relay_resolver *r = xcalloc(1, sizeof(*r));

    r->config = *config;
    if (r->config.lookups_max == 0)
        r->config.lookups_max = LOOKUPS_MAX;
    if (r->config.cache_max == 0)
        r->config.cache_max = CACHE_MAX;
    r->searches = map_new();
    list_init(&r->order);
    return r;
}

static void drop(struct relay_resolver *r, struct relay_search *s)
{
    list_remove(&s->link);
    (void)map_remove(r->searches, s->key);
    while (s->waiters != NULL) {
        struct relay_waiter *next = s->waiters->next;
        free(s->waiters);
        s->waiters = next;
    }
    relay_search_free(&s);
}

void relay_resolver_close(struct relay_resolver **resolver)
{
    struct relay_resolver *r = *resolver;

    *resolver = NULL;
    if (r == NULL)
        return;
    while (!list_is_empty(&r->order))
        drop(r, CONTAINER_OF(r->order.next, struct relay_search, link));
    map_free(&r->searches);
    free(r);
}

void relay_resolve_forget(struct relay_resolver *r)
{
    list_each (node, &r->order) {
        struct relay_search *s = CONTAINER_OF(node, struct relay_search, link);
        if (s->is_done)
            drop(r, s);
        else
            s->expires = 0; /* what it finds is for those who wait only */
    }
}

static uint64_t now(const struct relay_resolver *r)
{
    return r->config.now_ns != NULL ? r->config.now_ns() : clock_monotonic_ns();
}

static void tell(const struct relay_search *s, relay_resolve_fn done, void *context)
{
    struct relay_answer *answer = relay_answer_make(s);

    done(context, answer);
    relay_answer_free(&answer);
}

static uint32_t ttl_of(const struct relay_search *s)
{
    uint32_t max = s->status == RELAY_ANSWER_LATER || s->has_failed_host ? RELAY_CACHE_TTL_FAILED_S
                   : s->status == RELAY_ANSWER_NEVER                     ? TTL_NEVER_MAX_S
                                                                         : RELAY_CACHE_TTL_MAX_S;
    uint32_t ttl = s->ttl_s < max ? s->ttl_s : max;

    return ttl > RELAY_CACHE_TTL_MIN_S ? ttl : RELAY_CACHE_TTL_MIN_S;
}

/* Those who wait may ask again while they are told; the search stays until all are. */
void relay_search_ended(struct relay_search *s)
{
    struct relay_resolver *r = s->resolver;
    struct relay_waiter *waiters = s->waiters;
    struct relay_answer *answer = relay_answer_make(s);

    s->waiters = NULL;
    r->running--;
    s->expires = s->expires == 0 ? 0 : now(r) + (uint64_t)ttl_of(s) * 1000000000;
    /* From here on whoever is told may make the resolver forget the search. */
    while (waiters != NULL) {
        struct relay_waiter *waiter = waiters;

        waiters = waiter->next;
        waiter->done(waiter->context, answer);
        free(waiter);
    }
    relay_answer_free(&answer);
}

/* Makes room for one more; those being looked up stay. */
static void evict(struct relay_resolver *r)
{
    if (map_count(r->searches) < r->config.cache_max)
        return;
    list_each (node, &r->order) {
        struct relay_search *s = CONTAINER_OF(node, struct relay_search, link);
        if (!s->is_done)
            continue;
        drop(r, s);
        return;
    }
}

static struct relay_search *search_new(struct relay_resolver *r, const struct relay_route *route)
{
    struct relay_search *s = xcalloc(1, sizeof(*s));

    evict(r);
    s->resolver = r;
    s->config = &r->config;
    s->route = *route;
    s->expires = UINT64_MAX;
    s->key_text[0] = route->transport == RELAY_BY_LMTP ? 'l' : 's';
    memcpy(s->key_text + 1, route->nexthop, strlen(route->nexthop) + 1);
    s->key = span_str(s->key_text);
    list_add_tail(&r->order, &s->link);
    (void)map_put(r->searches, s->key, s);
    r->running++;
    return s;
}

static struct relay_search *find(const struct relay_resolver *r, const struct relay_route *route)
{
    char key[RELAY_NEXTHOP_MAX + 2] = {route->transport == RELAY_BY_LMTP ? 'l' : 's'};

    memcpy(key + 1, route->nexthop, strlen(route->nexthop) + 1);
    return map_get(r->searches, span_str(key));
}

static void wait_for(struct relay_search *s, relay_resolve_fn done, void *context)
{
    struct relay_waiter *waiter = xmalloc(sizeof(*waiter)), **end = &s->waiters;

    *waiter = (struct relay_waiter){.done = done, .context = context};
    while (*end != NULL)
        end = &(*end)->next;
    *end = waiter;
}

static void refuse(relay_resolve_fn done, void *context)
{
    const struct relay_answer answer = {.status = RELAY_ANSWER_LATER,
                                        .code = 451,
                                        .enhanced = "4.4.3",
                                        .text = "too many next hops are being looked up"};

    done(context, &answer);
}

void relay_resolve(struct relay_resolver *r, const struct relay_route *route, relay_resolve_fn done,
                   void *context)
{
    struct relay_search *s = find(r, route);

    if (s != NULL && s->is_done && s->expires <= now(r)) {
        drop(r, s);
        s = NULL;
    }
    if (s != NULL && s->is_done) {
        list_remove(&s->link);
        list_add_tail(&r->order, &s->link);
        tell(s, done, context);
    } else if (s != NULL) {
        wait_for(s, done, context);
    } else if (r->running >= r->config.lookups_max) {
        refuse(done, context);
    } else {
        s = search_new(r, route);
        wait_for(s, done, context);
        relay_search_begin(s);
    }
}
