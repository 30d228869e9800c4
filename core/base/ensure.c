#include "core/base/ensure.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void ensure_failed(const char *condition, const char *file, int line, const char *func)
{
    dprintf(STDERR_FILENO, "ringpost: %s:%d: %s: ensure(%s) failed\n", file, line, func, condition);
    abort();
}
