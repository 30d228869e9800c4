#ifndef TESTS_CRASH_CRASH_STORE_LOOK_H
#define TESTS_CRASH_CRASH_STORE_LOOK_H

/* crash_store_look: reads all of a store through a view. */

#include "tests/crash/crash_store_load.h"

/* What the store holds, as a model, and a hash of everything that a view shows (UIDVALIDITY,
 * modseqs, sizes, times and numbers too). False, with the reason, when something does not fit
 * together: a body with other bytes than were sent, counters that are wrong. */
bool store_look(struct store *s, const struct load *l, struct model *m_r, uint64_t *hash_r,
                char *why, size_t why_size);

#endif
