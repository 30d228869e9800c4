#include "tests/unit/mime/count_steps.h"

enum {
    BYTES_PER_STEP = 16,
};

uint64_t count_steps;

void __sanitizer_cov_trace_pc(void);

void __sanitizer_cov_trace_pc(void)
{
    count_steps++;
}

void *count_steps_memchr(const void *at, int byte, size_t len)
{
    const char *found = memchr(at, byte, len);

    count_steps += 1 + (found == NULL ? len : (size_t)(found - (const char *)at)) / BYTES_PER_STEP;
    return (void *)(uintptr_t)found;
}

void *count_steps_memcpy(void *to, const void *from, size_t len)
{
    count_steps += 1 + len / BYTES_PER_STEP;
    return memcpy(to, from, len);
}

void *count_steps_memmove(void *to, const void *from, size_t len)
{
    count_steps += 1 + len / BYTES_PER_STEP;
    return memmove(to, from, len);
}
