#ifndef CORE_WORK_TALLY_H
#define CORE_WORK_TALLY_H

/*
 * tally: how many of each key there are, and in all (connections from an address). Bounded: a key
 * takes memory only while its count is not zero. Any thread; held for well under a microsecond.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"

struct tally;

MUST_USE struct tally *tally_open(unsigned total_max);
void tally_close(struct tally **tally);

/* Counts one more of `key`, unless there are key_max of it or total_max of all. */
MUST_USE bool tally_add(struct tally *t, uint64_t key, unsigned key_max);
void tally_remove(struct tally *t, uint64_t key); /* one that tally_add() counted */
unsigned tally_total(struct tally *t);

#endif
