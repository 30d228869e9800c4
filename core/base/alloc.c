#include "core/base/alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* jemalloc's control function: there when the program is linked with it, else NULL. */
int mallctl(const char *name, void *old, size_t *old_size, void *new, size_t new_size)
    __attribute__((weak));

static void *present(void *memory, size_t size)
{
    if (memory == NULL) {
        dprintf(STDERR_FILENO, "ringpost: no memory for %zu bytes\n", size);
        abort();
    }
    return memory;
}

void *xmalloc(size_t size)
{
    return present(malloc(size > 0 ? size : 1), size);
}

void *xcalloc(size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total))
        total = SIZE_MAX;
    return present(calloc(count > 0 ? count : 1, size > 0 ? size : 1), total);
}

void *xrealloc(void *old, size_t size)
{
    return present(realloc(old, size > 0 ? size : 1), size);
}

char *xstrdup(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(xmalloc(size), text, size);
}

size_t alloc_held_bytes(void)
{
    uint64_t epoch = 1;
    size_t held = 0, size = sizeof(held);

    if (mallctl == NULL)
        return 0;
    (void)mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch)); /* the figures are of this moment */
    return mallctl("stats.allocated", &held, &size, NULL, 0) == 0 ? held : 0;
}
