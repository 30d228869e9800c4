#ifndef CORE_BASE_CLOCK_H
#define CORE_BASE_CLOCK_H

/*
 * clock: the two times. Asked once per turn and passed down. Any thread.
 *
 * Monotonic nanoseconds are for deadlines and durations; wall microseconds since 1970 (UTC) are for
 * what people and other machines read. Tests and the simulator replace both.
 */

#include <stdint.h>

uint64_t clock_monotonic_ns(void);
int64_t clock_wall_us(void);

/* Replaces both clocks until called with NULL. Only before threads start, or in a program of one
 * thread. */
struct clock_source { /* NULL: that one stays the real one */
    uint64_t (*monotonic_ns)(void);
    int64_t (*wall_us)(void);
};
void clock_replace(const struct clock_source *source);

#endif
