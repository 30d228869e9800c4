#ifndef CORE_IO_TIMER_H
#define CORE_IO_TIMER_H

/*
 * timer: a wheel of deadlines in ticks of 100 ms. Setting and cancelling cost a few instructions,
 * because nearly every deadline is moved before it comes. The reactor's thread.
 */

#include "core/io/reactor.h"

enum {
    TIMER_TICK_MS = 100,
    TIMER_SLOTS = 1024, /* a turn of the wheel is 102 s; later deadlines stay for more turns */
};

struct timer_wheel {
    struct list slots[TIMER_SLOTS];
    uint64_t occupied[TIMER_SLOTS / 64]; /* a bit may outlive the timers of its slot */
    uint64_t tick;                       /* all deadlines up to this tick were called */
};

void timer_wheel_init(struct timer_wheel *w, uint64_t now_ns);
void timer_wheel_set(struct timer_wheel *w, struct timer *t, uint64_t at_ns,
                     void (*due)(struct timer *t));

/* When timer_wheel_run() may next have something to do; UINT64_MAX: never. */
uint64_t timer_wheel_next_ns(const struct timer_wheel *w);

void timer_wheel_run(struct timer_wheel *w, uint64_t now_ns); /* calls what is due */

#endif
