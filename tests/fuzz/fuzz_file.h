#ifndef TESTS_FUZZ_FUZZ_FILE_H
#define TESTS_FUZZ_FUZZ_FILE_H

/* fuzz_file: bytes as a file that has a path and no place on a disk. */

#include "core/base/span.h"

enum {
    FUZZ_FILES = 2
};

/* The path of file `index`, which holds `bytes` until the next call for it. */
const char *fuzz_file(unsigned index, struct span bytes);

#endif
