#ifndef TESTS_UNIT_MIME_COUNT_STEPS_H
#define TESTS_UNIT_MIME_COUNT_STEPS_H

/*
 * count_steps: how much work code does, the same on every machine and every run.
 *
 * The code under test is compiled with -fsanitize-coverage=trace-pc, so each basic block counts one
 * step; this header is forced into it (-include) so that libc's loops over bytes count one step for
 * each 16 bytes. So a cost that grows faster than the input shows as a number, without a clock.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

extern uint64_t count_steps;

void *count_steps_memchr(const void *at, int byte, size_t len);
void *count_steps_memcpy(void *to, const void *from, size_t len);
void *count_steps_memmove(void *to, const void *from, size_t len);

#ifdef COUNT_STEPS_HERE
#define memchr  count_steps_memchr
#define memcpy  count_steps_memcpy
#define memmove count_steps_memmove
#endif

#endif
