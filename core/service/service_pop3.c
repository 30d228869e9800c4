#include "core/service/service_pop3.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/service/pop3_log.h"
#include "core/service/pop3_run.h"
#include "core/service/service_settings.h"
#include "core/work/exclusive.h"

struct service_pop3 {
    struct pop3_host host;
    struct service *service;
    struct exclusive *locks; /* by account */
};

static const struct service_pop3 *pop3_of(const struct pop3_host *h)
{
    return CONTAINER_OF(h, const struct service_pop3, host);
}

static const struct pop3_settings *host_settings(const struct pop3_host *h, void **hold_r)
{
    struct shared_item *item = shared_take(pop3_of(h)->service->settings);
    const struct service_settings *settings = shared_get(item);

    *hold_r = item;
    return &settings->pop3;
}

static void host_settings_done(const struct pop3_host *h, void *hold)
{
    struct shared_item *item = hold;

    (void)h;
    shared_give(&item);
}

/* Seconds since the system's start, from 1. */
static uint32_t now_s(void)
{
    return (uint32_t)(clock_monotonic_ns() / 1000000000) + 1;
}

static enum pop3_lock host_lock(const struct pop3_host *h, const struct pop3_settings *settings,
                                struct span account)
{
    static const enum pop3_lock answers[] = {
        [EXCLUSIVE_TAKEN] = POP3_LOCK_TAKEN,
        [EXCLUSIVE_HELD] = POP3_LOCK_HELD,
        [EXCLUSIVE_TOO_SOON] = POP3_LOCK_TOO_SOON,
    };

    return answers[exclusive_take(pop3_of(h)->locks, map_hash(account), now_s(),
                                  settings->login_delay_s)];
}

static void host_unlock(const struct pop3_host *h, const struct pop3_settings *settings,
                        struct span account)
{
    exclusive_give(pop3_of(h)->locks, map_hash(account), settings->login_delay_s);
}

static void nobody_waits(void *context, enum store_status status,
                         const struct store_result *results, size_t count)
{
    (void)context;
    (void)status;
    (void)results;
    (void)count;
}

static void host_seen(const struct pop3_host *h, const struct pop3_maildrop *drop)
{
    struct store *store = pop3_of(h)->service->store;
    uint32_t deleted = 0, seen = 0;
    struct store_change *change;

    while ((change = pop3_update_change(store, drop, false, &deleted, &seen)) != NULL)
        store_submit(store, &change, STORE_ACK_NONE, nobody_waits, NULL);
}

static void host_note(const struct pop3_host *h, const struct pop3_note *note)
{
    (void)h;
    pop3_log_note(note);
}

struct pop3_host *service_pop3_open(struct service *service)
{
    struct service_pop3 *s = xcalloc(1, sizeof(*s));

    s->service = service;
    s->locks = exclusive_open();
    s->host = (struct pop3_host){host_settings, host_settings_done, host_lock,
                                 host_unlock,   host_seen,          host_note};
    return &s->host;
}

void service_pop3_close(struct pop3_host **host)
{
    struct service_pop3 *s = CONTAINER_OF(*host, struct service_pop3, host);

    exclusive_close(&s->locks);
    free(s);
    *host = NULL;
}
