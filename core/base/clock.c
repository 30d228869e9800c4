#include "core/base/clock.h"

#include <stddef.h>
#include <time.h>

static const struct clock_source *source_now;

void clock_replace(const struct clock_source *source)
{
    source_now = source;
}

uint64_t clock_monotonic_ns(void)
{
    struct timespec t;

    if (source_now != NULL && source_now->monotonic_ns != NULL)
        return source_now->monotonic_ns();
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int64_t clock_wall_us(void)
{
    struct timespec t;

    if (source_now != NULL && source_now->wall_us != NULL)
        return source_now->wall_us();
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
