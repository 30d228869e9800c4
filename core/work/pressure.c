#include "core/work/pressure.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/attr.h"

static const uint64_t MS = 1000000; /* nanoseconds */

struct pressure {
    struct pressure_config config;
    atomic_uint colour;
    _Atomic uint64_t next_ns; /* of the next look */
    atomic_bool is_easing;

    pthread_mutex_t lock; /* of a look: the rest */
    uint64_t calm_ns;     /* since when a lower colour would do; 0: it would not */
};

/* From which figure on each colour is asked for; 0: this figure never asks for it. */
static const struct {
    size_t offset;
    unsigned from[PRESSURE_RED + 1];
} ladder[] = {
    {offsetof(struct pressure_reading, memory),  {0, 70, 85, 95}  },
    {offsetof(struct pressure_reading, files),   {0, 80, 0, 0}    },
    {offsetof(struct pressure_reading, workers), {0, 200, 0, 0}   },
    {offsetof(struct pressure_reading, sync_ms), {0, 200, 1000, 0}},
};

/* A step that we stand on holds until the figure is a tenth below it. */
static bool holds(unsigned figure, unsigned from, bool is_reached)
{
    return from != 0 && figure >= (is_reached ? from - from / 10 : from);
}

enum pressure_colour pressure_judge(enum pressure_colour now, const struct pressure_reading *r)
{
    enum pressure_colour colour = PRESSURE_GREEN;

    for (size_t i = 0; i < COUNT_OF(ladder); i++) {
        unsigned figure = *(const unsigned *)(const void *)((const char *)r + ladder[i].offset);

        for (unsigned step = PRESSURE_YELLOW; step <= PRESSURE_RED; step++) {
            if (step > colour && holds(figure, ladder[i].from[step], step <= now))
                colour = (enum pressure_colour)step;
        }
    }
    return colour;
}

struct pressure *pressure_open(const struct pressure_config *config)
{
    struct pressure *p = xcalloc(1, sizeof(*p));

    p->config = *config;
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

void pressure_close(struct pressure **pressure)
{
    pthread_mutex_destroy(&(*pressure)->lock);
    free(*pressure);
    *pressure = NULL;
}

/* One step down when it has been calm for long enough. */
static enum pressure_colour step_down(struct pressure *p, enum pressure_colour now, uint64_t now_ns)
{
    if (p->calm_ns == 0)
        p->calm_ns = now_ns;
    if (now_ns - p->calm_ns < PRESSURE_CALM_MS * MS)
        return now;
    p->calm_ns = now_ns;
    return (enum pressure_colour)(now - 1);
}

static void look(struct pressure *p, uint64_t now_ns)
{
    enum pressure_colour now = (enum pressure_colour)atomic_load(&p->colour), next;
    struct pressure_reading reading;

    p->config.read(p->config.context, &reading);
    next = pressure_judge(now, &reading);
    atomic_store_explicit(&p->is_easing, next < now, memory_order_relaxed);
    if (next < now)
        next = step_down(p, now, now_ns);
    else
        p->calm_ns = 0;
    if (next == now)
        return;
    atomic_store(&p->colour, (unsigned)next);
    p->config.changed(p->config.context, now, next, &reading);
}

enum pressure_colour pressure_look_now(struct pressure *p, uint64_t now_ns)
{
    if (pthread_mutex_trylock(&p->lock) == 0) { /* else somebody looks already */
        atomic_store_explicit(&p->next_ns, now_ns + PRESSURE_LOOK_MS * MS, memory_order_relaxed);
        look(p, now_ns);
        pthread_mutex_unlock(&p->lock);
    }
    return (enum pressure_colour)atomic_load_explicit(&p->colour, memory_order_relaxed);
}

enum pressure_colour pressure_look(struct pressure *p, uint64_t now_ns)
{
    if (now_ns >= atomic_load_explicit(&p->next_ns, memory_order_relaxed))
        return pressure_look_now(p, now_ns);
    return (enum pressure_colour)atomic_load_explicit(&p->colour, memory_order_relaxed);
}

bool pressure_is_easing(const struct pressure *p)
{
    return atomic_load_explicit(&p->is_easing, memory_order_relaxed);
}

const char *pressure_word(enum pressure_colour colour)
{
    static const char *const words[] = {"green", "yellow", "orange", "red"};

    return words[colour];
}
