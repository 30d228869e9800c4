#include "tests/fuzz/fuzz_file.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/ensure.h"

const char *fuzz_file(unsigned index, struct span bytes)
{
    static int fds[FUZZ_FILES]; /* 0: not made yet */
    static char paths[FUZZ_FILES][32];

    ensure(index < FUZZ_FILES);
    if (fds[index] == 0) {
        fds[index] = memfd_create("fuzz", 0);
        ensure(fds[index] > 0);
        snprintf(paths[index], sizeof(paths[index]), "/proc/self/fd/%d", fds[index]);
    }
    ensure(ftruncate(fds[index], 0) == 0);
    ensure(pwrite(fds[index], bytes.at, bytes.len, 0) == (ssize_t)bytes.len);
    return paths[index];
}
