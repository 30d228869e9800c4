#include "core/io/timer.h"

static const uint64_t TICK_NS = TIMER_TICK_MS * UINT64_C(1000000);

void timer_wheel_init(struct timer_wheel *w, uint64_t now_ns)
{
    *w = (struct timer_wheel){.tick = now_ns / TICK_NS};
    for (unsigned i = 0; i < TIMER_SLOTS; i++)
        list_init(&w->slots[i]);
}

/* The first tick at which the deadline has passed. */
static uint64_t tick_of(const struct timer *t)
{
    return t->at_ns / TICK_NS + (t->at_ns % TICK_NS != 0);
}

static void wheel_add(struct timer_wheel *w, struct timer *t)
{
    uint64_t tick = tick_of(t);
    unsigned slot;

    if (tick <= w->tick)
        tick = w->tick + 1; /* this tick's slot was already visited */
    slot = tick % TIMER_SLOTS;
    list_add_tail(&w->slots[slot], &t->node);
    w->occupied[slot / 64] |= UINT64_C(1) << slot % 64;
}

void timer_wheel_set(struct timer_wheel *w, struct timer *t, uint64_t at_ns,
                     void (*due)(struct timer *t))
{
    timer_cancel(t);
    t->at_ns = at_ns > 0 ? at_ns : 1;
    t->due = due;
    wheel_add(w, t);
}

void timer_cancel(struct timer *t)
{
    if (t->at_ns == 0)
        return;
    list_remove(&t->node);
    t->at_ns = 0;
}

/* How many ticks from now the next slot with timers is visited; TIMER_SLOTS + 1 when none is. */
static unsigned ticks_to_next(const struct timer_wheel *w)
{
    for (unsigned ahead = 1; ahead <= TIMER_SLOTS;) {
        unsigned slot = (unsigned)((w->tick + ahead) % TIMER_SLOTS);
        uint64_t bits = w->occupied[slot / 64] >> slot % 64;

        if (bits != 0) {
            ahead += (unsigned)__builtin_ctzll(bits);
            return ahead <= TIMER_SLOTS ? ahead : TIMER_SLOTS;
        }
        ahead += 64 - slot % 64;
    }
    return TIMER_SLOTS + 1;
}

uint64_t timer_wheel_next_ns(const struct timer_wheel *w)
{
    unsigned ahead = ticks_to_next(w);

    return ahead > TIMER_SLOTS ? UINT64_MAX : (w->tick + ahead) * TICK_NS;
}

/* A due() may set and cancel any timer, so the slot is first emptied into a list of its own, and
 * what is not yet due goes back. */
static void slot_run(struct timer_wheel *w, unsigned slot)
{
    struct list waiting;

    list_init(&waiting);
    while (!list_is_empty(&w->slots[slot])) {
        struct list *node = w->slots[slot].next;

        list_remove(node);
        list_add_tail(&waiting, node);
    }
    w->occupied[slot / 64] &= ~(UINT64_C(1) << slot % 64);
    while (!list_is_empty(&waiting)) {
        struct timer *t = CONTAINER_OF(waiting.next, struct timer, node);

        list_remove(&t->node);
        if (tick_of(t) > w->tick) {
            wheel_add(w, t);
        } else {
            t->at_ns = 0;
            t->due(t);
        }
    }
}

void timer_wheel_run(struct timer_wheel *w, uint64_t now_ns)
{
    uint64_t now_tick = now_ns / TICK_NS;

    while (w->tick < now_tick) {
        uint64_t ahead = ticks_to_next(w);

        if (ahead > now_tick - w->tick) {
            w->tick = now_tick;
            return;
        }
        w->tick += ahead;
        slot_run(w, (unsigned)(w->tick % TIMER_SLOTS));
    }
}
