#include "core/relay/relay.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "core/base/log.h"
#include "core/relay/relay_attempt.h"
#include "core/relay/relay_unbound.h"

enum {
    SLEEP_MS_MAX = 10000, /* files of maps are looked at so often */
};

struct store_view *relay_view(struct relay *r)
{
    if (r->view == NULL && store_view_open(r->config.service->store, &r->view) != STORE_OK)
        r->view = NULL;
    return r->view;
}

/* ---- from other threads ---- */

static void event_tell(int fd)
{
    uint64_t one = 1;

    ensure(write(fd, &one, sizeof(one)) == sizeof(one));
}

static void wake(void *context)
{
    struct relay *r = context;

    event_tell(r->wake_fd);
}

/* Who comes while the job is on its way posts none of his own, so what this turn knows of the store
 * may be older than his mail: it is looked at anew. */
static void wake_home(struct job *job)
{
    struct relay *r = CONTAINER_OF(job, struct relay, wake_job);

    atomic_store(&r->is_woken, false);
    r->has_news = true;
    if (r->view != NULL)
        store_view_close(&r->view);
}

void relay_wake(struct relay *r)
{
    if (!atomic_exchange(&r->is_woken, true))
        inbox_post(r->inbox, &r->wake_job);
}

static void flush_home(struct job *job)
{
    struct relay *r = CONTAINER_OF(job, struct relay, flush_job);

    atomic_store(&r->is_flushed, false);
    relay_sites_revive(r->sites);
    relay_resolve_forget(r->resolver);
    relay_load_again(r);
}

void relay_flush(struct relay *r)
{
    if (!atomic_exchange(&r->is_flushed, true))
        inbox_post(r->inbox, &r->flush_job);
}

static void drain_home(struct job *job)
{
    struct relay *r = CONTAINER_OF(job, struct relay, drain_job);

    r->drains = true;
    while (!list_is_empty(&r->parked))
        relay_attempt_resume(CONTAINER_OF(r->parked.next, struct relay_attempt, node));
}

static void stop_home(struct job *job)
{
    struct relay *r = CONTAINER_OF(job, struct relay, stop_job);

    r->drains = r->stops = true;
}

/* ---- turns ---- */

static void drop_parked(struct relay *r)
{
    int64_t cache_us = (int64_t)r->settings->connection_cache_ms * 1000;

    while (!list_is_empty(&r->parked)) {
        struct relay_attempt *a = CONTAINER_OF(r->parked.next, struct relay_attempt, node);

        if (r->now_us - a->parked_us < cache_us && r->now_us >= a->parked_us)
            return;
        relay_attempt_resume(a);
    }
}

static void turn(struct relay *r)
{
    r->now_us = clock_wall_us();
    (void)inbox_drain(r->inbox);
    if (r->unbound != NULL)
        relay_unbound_turn(r->unbound, clock_monotonic_ns());
    relay_load(r);
    relay_hand_turn(r);
    drop_parked(r);
    relay_result_turn(r);
    if (r->view != NULL)
        store_view_close(&r->view);
    log_flush();
}

static void sooner(int64_t *until_us, int64_t at_us)
{
    if (at_us < *until_us)
        *until_us = at_us;
}

/* How long nothing happens by itself. */
static int sleep_ms(const struct relay *r)
{
    int64_t until_us = r->now_us + SLEEP_MS_MAX * 1000, ms;
    bool has_room = relay_active_count(r->active) < RELAY_ACTIVE_MAX && !r->drains;

    if (has_room) {
        sooner(&until_us, r->due_us);
        sooner(&until_us, r->rescan_us);
        if (r->has_news)
            return 0;
    }
    if (!list_is_empty(&r->dirty) && r->short_until_us > r->now_us)
        sooner(&until_us, r->short_until_us);
    if (!list_is_empty(&r->redo))
        sooner(&until_us, r->redo_us);
    if (!list_is_empty(&r->parked))
        sooner(&until_us, CONTAINER_OF(r->parked.next, struct relay_attempt, node)->parked_us +
                              (int64_t)r->settings->connection_cache_ms * 1000);
    ms = (until_us - r->now_us + 999) / 1000;
    return ms < 0 ? 0 : (int)ms;
}

static void wait_for_work(struct relay *r)
{
    struct pollfd fds[2] = {
        {.fd = r->wake_fd, .events = POLLIN},
        {.fd = -1,         .events = POLLIN}
    };
    int ms = sleep_ms(r);
    uint64_t count;

    if (r->unbound != NULL) {
        uint64_t deadline_ns = relay_unbound_deadline(r->unbound), now_ns = clock_monotonic_ns();

        fds[1].fd = relay_unbound_fd(r->unbound);
        if (deadline_ns < now_ns + (uint64_t)ms * 1000000)
            ms = deadline_ns <= now_ns ? 0 : (int)((deadline_ns - now_ns) / 1000000 + 1);
    }
    if (ms == 0 || !inbox_sleep(r->inbox))
        return;
    (void)poll(fds, 2, ms);
    inbox_awake(r->inbox);
    if ((fds[0].revents & POLLIN) != 0)
        (void)!read(r->wake_fd, &count, sizeof(count));
}

static bool is_idle(const struct relay *r)
{
    return r->attempts == 0 && r->changes == 0 && list_is_empty(&r->redo);
}

/* Rules that were changed are for mail that comes to be tried from now on. */
static void refresh(struct relay *r, int64_t *refreshed_us)
{
    struct chain why = {0};

    if (r->now_us - *refreshed_us < SLEEP_MS_MAX * 1000 && r->now_us >= *refreshed_us)
        return;
    *refreshed_us = r->now_us;
    if (relay_routes_refresh(r->routes, &why) || relay_tls_rules_refresh(r->tls, &why))
        relay_resolve_forget(r->resolver);
    if (why.len > 0) {
        struct span text = chain_flat(&why);
        log_say(LOG_WARNING, "qmgr", "%.*s", (int)text.len, text.at);
    }
    chain_free(&why);
}

/* What was not written in time is found again in the store. */
static void run(void *context)
{
    struct relay *r = context;
    int64_t refreshed_us = clock_wall_us();
    bool told = false;

    while (!r->stops || !is_idle(r)) {
        turn(r);
        refresh(r, &refreshed_us);
        if (r->drains && !told && is_idle(r)) {
            event_tell(r->drained_fd);
            told = true;
        }
        if (r->stops && !list_is_empty(&r->redo))
            break;
        if (!r->stops || !is_idle(r))
            wait_for_work(r);
    }
}

/* ---- open and close ---- */

static bool open_dns(struct relay *r, struct relay_resolver_config *config, struct chain *why)
{
    r->unbound = relay_unbound_open(r->config.dns, why);
    if (r->unbound == NULL)
        return false;
    config->dns = relay_unbound_source(r->unbound);
    return true;
}

struct relay *relay_open(const struct relay_config *config, struct chain *why)
{
    struct relay *r = xcalloc(1, sizeof(*r));
    struct relay_resolver_config resolver = *config->resolver;

    r->config = *config;
    r->settings = config->settings;
    r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r->drained_fd = eventfd(0, EFD_CLOEXEC);
    ensure(r->wake_fd >= 0 && r->drained_fd >= 0);
    r->inbox = inbox_open(wake, r);
    r->wake_job = (struct job){.home = wake_home, .inbox = r->inbox};
    r->flush_job = (struct job){.home = flush_home, .inbox = r->inbox};
    r->drain_job = (struct job){.home = drain_home, .inbox = r->inbox};
    r->stop_job = (struct job){.home = stop_home, .inbox = r->inbox};
    r->active = relay_active_new();
    r->sites = relay_sites_new(r->settings);
    list_init(&r->dirty);
    list_init(&r->parked);
    list_init(&r->redo);
    r->routes = relay_routes_open(config->routes, why);
    r->tls = relay_tls_rules_open(config->tls, why);
    if (r->routes == NULL || r->tls == NULL || !open_dns(r, &resolver, why)) {
        relay_close(&r);
        return NULL;
    }
    resolver.tls = r->tls;
    r->resolver = relay_resolver_open(&resolver);
    return r;
}

bool relay_start(struct relay *r, const struct relay_reactor *reactors, unsigned count)
{
    struct store_numbers numbers;

    ensure(count > 0);
    r->reactors = xcalloc(count, sizeof(*reactors));
    memcpy(r->reactors, reactors, count * sizeof(*reactors));
    r->reactor_count = count;
    store_numbers(r->config.service->store, &numbers);
    r->seen = numbers.durable_lsn; /* what is older is found by its time */
    r->thread = thread_start("relay", run, r);
    return r->thread != NULL;
}

void relay_drain(struct relay *r, unsigned patience_ms)
{
    struct pollfd fd = {.fd = r->drained_fd, .events = POLLIN};

    if (r->thread == NULL)
        return;
    inbox_post(r->inbox, &r->drain_job);
    (void)poll(&fd, 1, (int)patience_ms);
}

/* Entries that were waiting for a connection, or for the store when it failed. */
static void drop_all(struct relay *r)
{
    relay_sites_empty(r->sites, r->active);
    while (!list_is_empty(&r->redo)) {
        struct relay_mail *m = CONTAINER_OF(r->redo.next, struct relay_mail, node);

        for (unsigned i = 0; i < m->client->recipient_count; i++) {
            if (m->recipients[i].entry != NULL)
                relay_active_give(r->active, &m->recipients[i].entry);
        }
        relay_mail_free(&m);
    }
}

void relay_stop(struct relay *r)
{
    if (r->thread == NULL)
        return;
    inbox_post(r->inbox, &r->stop_job);
    thread_join(&r->thread);
}

void relay_close(struct relay **relay)
{
    struct relay *r = *relay;

    ensure(r->thread == NULL);
    (void)inbox_drain(r->inbox); /* a last wake() */
    if (r->unbound != NULL)
        relay_unbound_close(&r->unbound);
    if (r->resolver != NULL)
        relay_resolver_close(&r->resolver);
    drop_all(r);
    if (r->tls != NULL)
        relay_tls_rules_close(&r->tls);
    if (r->routes != NULL)
        relay_routes_close(&r->routes);
    relay_sites_free(&r->sites);
    relay_active_free(&r->active);
    inbox_close(&r->inbox);
    close(r->wake_fd);
    close(r->drained_fd);
    free(r->reactors);
    free(r);
    *relay = NULL;
}
