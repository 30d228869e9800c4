#include "core/base/alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/alloc_rest.h"

/* jemalloc's control function: there when the program is linked with it, else NULL. */
int mallctl(const char *name, void *old, size_t *old_size, void *new, size_t new_size)
    __attribute__((weak));

/* jemalloc's settings: ALLOC_REST_MS, where ten seconds are usual. A crowd's memory is not to be
 * ours for much longer than the crowd is here (HOSTILE G2). */
extern const char *malloc_conf __attribute__((weak)); /* a test may want others */
const char *malloc_conf = "dirty_decay_ms:2000,muzzy_decay_ms:0";

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

void alloc_rest(void)
{
    if (mallctl != NULL)
        (void)mallctl("arena.4096.decay", NULL, NULL, NULL, 0); /* MALLCTL_ARENAS_ALL */
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
