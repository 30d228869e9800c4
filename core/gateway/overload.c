#include "core/gateway/overload.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/work/budget.h"
#include "core/work/pressure.h"
#include "core/work/usage.h"
#include "core/work/worker_pool.h"
#include "store/store.h"

enum {
    OVERLOAD_OWN_FILES = 64, /* descriptors of the store, the log and the reactors */
};

struct overload {
    struct overload_config config;
    struct budget *budget;
    struct pressure *pressure;
};

static unsigned percent(uint64_t part, uint64_t whole)
{
    uint64_t percent = whole == 0 ? 0 : part * 100 / whole;

    return percent > 10000 ? 10000 : (unsigned)percent;
}

static void read_figures(void *context, struct pressure_reading *reading_r)
{
    struct overload *o = context;
    const struct overload_config *c = &o->config;

    *reading_r = (struct pressure_reading){
        .memory = percent(budget_held(o->budget), c->memory_max),
        .files = percent(usage_total(c->usage) + OVERLOAD_OWN_FILES, c->files_max),
        .workers = percent(worker_pool_waiting(c->pool), c->workers),
        .sync_ms = (unsigned)(store_sync_age_ns(c->store) / 1000000),
    };
}

static void say_change(void *context, enum pressure_colour before, enum pressure_colour now,
                       const struct pressure_reading *r)
{
    (void)context;
    log_say(now > before ? LOG_WARNING : LOG_INFO, "master",
            "stress: %s, was %s (memory %u%%, files %u%%, waiting jobs %u%% of workers, disk %u "
            "ms)",
            pressure_word(now), pressure_word(before), r->memory, r->files, r->workers, r->sync_ms);
}

struct overload *overload_open(const struct overload_config *config)
{
    struct overload *o = xcalloc(1, sizeof(*o));

    o->config = *config;
    o->budget = budget_open(config->memory_max);
    o->pressure = pressure_open(
        &(struct pressure_config){.read = read_figures, .changed = say_change, .context = o});
    return o;
}

void overload_close(struct overload **overload)
{
    struct overload *o = *overload;

    *overload = NULL;
    pressure_close(&o->pressure);
    budget_close(&o->budget);
    free(o);
}

void overload_tell(const struct overload *o)
{
    log_say(LOG_INFO, "master",
            "memory: %llu KiB of %llu KiB held for %u connections, %zu KiB allocated in all",
            (unsigned long long)budget_held(o->budget) / 1024,
            (unsigned long long)o->config.memory_max / 1024, usage_total(o->config.usage),
            alloc_held_bytes() / 1024);
}

struct budget *overload_budget(struct overload *o)
{
    return o->budget;
}

struct pressure *overload_pressure(struct overload *o)
{
    return o->pressure;
}
