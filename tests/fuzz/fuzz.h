#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

/*
 * fuzz: each target is one function of any bytes. With -Dfuzz=true clang's libFuzzer calls it;
 * without, fuzz_main.c calls it for files, so that what was found once is a test for ever.
 */

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
