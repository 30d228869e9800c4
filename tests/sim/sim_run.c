#include "tests/sim/sim_run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/ensure.h"

/* ---- dice: xoshiro256** ---- */

static uint64_t spread(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void run_begin(struct run *r, uint64_t seed)
{
    *r = (struct run){.seed = seed, .hash = UINT64_C(0xcbf29ce484222325)};
    for (unsigned i = 0; i < 4; i++)
        r->dice[i] = spread(&seed);
}

static uint64_t rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

uint64_t run_dice(struct run *r, uint64_t below)
{
    uint64_t *s = r->dice, result = rotate(s[1] * 5, 7) * 9, shifted = s[1] << 17;

    ensure(below > 0);
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result % below;
}

bool run_one_in(struct run *r, uint64_t n)
{
    return run_dice(r, n) == 0;
}

/* ---- trace ---- */

static char *line_begin(struct run *r, size_t *len_r)
{
    char *line = r->lines[r->line_count++ % RUN_TRACE_LINES];
    int len = snprintf(line, RUN_TRACE_WIDTH, "%6llu %12.6f ", (unsigned long long)r->step,
                       (double)clock_monotonic_ns() / 1e9);

    *len_r = (size_t)len;
    return line;
}

static void line_end(struct run *r, const char *line, bool counts)
{
    for (const char *p = line; counts && *p != '\0'; p++)
        r->hash = (r->hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
    if (r->verbose)
        printf("%s\n", line);
}

void run_trace(struct run *r, const char *format, ...)
{
    va_list args;
    size_t len;
    char *line = line_begin(r, &len);

    va_start(args, format);
    vsnprintf(line + len, RUN_TRACE_WIDTH - len, format, args);
    va_end(args);
    line_end(r, line, true);
}

static void add_bytes(char *line, size_t len, struct span bytes)
{
    for (size_t i = 0; i < bytes.len && len + 1 < RUN_TRACE_WIDTH; i++) {
        char c = bytes.at[i];

        if (c == '\n')
            c = '/';
        else if (c < ' ' || c > '~')
            c = '.';
        if (bytes.at[i] != '\r')
            line[len++] = c;
    }
    line[len] = '\0';
}

void run_trace_bytes(struct run *r, const char *who, const char *said, struct span bytes)
{
    size_t len;
    char *line = line_begin(r, &len);

    len += (size_t)snprintf(line + len, RUN_TRACE_WIDTH - len, "%s %s %zu: ", who, said, bytes.len);
    add_bytes(line, len, bytes);
    line_end(r, line, true);
}

void run_trace_log(struct run *r, struct span text)
{
    size_t len;
    char *line = line_begin(r, &len);

    len += (size_t)snprintf(line + len, RUN_TRACE_WIDTH - len, "        | ");
    add_bytes(line, len, text);
    line_end(r, line, false);
}

void run_print(const struct run *r)
{
    uint64_t first = r->line_count > RUN_TRACE_LINES ? r->line_count - RUN_TRACE_LINES : 0;

    for (uint64_t i = first; i < r->line_count && !r->verbose; i++)
        printf("%s\n", r->lines[i % RUN_TRACE_LINES]);
}

void run_violated(struct run *r, const char *format, ...)
{
    va_list args;

    if (r->failed)
        return;
    r->failed = true;
    va_start(args, format);
    vsnprintf(r->why, sizeof(r->why), format, args);
    va_end(args);
    if (r->quiet)
        return;
    run_print(r);
    printf("VIOLATION seed %llu step %llu: %s\n", (unsigned long long)r->seed,
           (unsigned long long)r->step, r->why);
    fflush(stdout);
}
