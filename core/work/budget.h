#ifndef CORE_WORK_BUDGET_H
#define CORE_WORK_BUDGET_H

/*
 * budget: how much memory is held for peers, of how much there may be (memory_max).
 *
 * Each thread charges its own share without a lock and tells the whole in steps of BUDGET_STEP, so
 * the whole is known to within a step for each share. What a share was charged must be taken back
 * before it ends.
 */

#include <stdint.h>

#include "core/base/attr.h"

enum {
    BUDGET_STEP = 64 * 1024, /* bytes */
};

struct budget;

/* One thread's; the zero value with `budget` NULL counts nothing. */
struct budget_share {
    struct budget *budget;
    int64_t untold, held;
};

MUST_USE struct budget *budget_open(uint64_t most);
void budget_close(struct budget **budget); /* nothing is held any more */

void budget_charge(struct budget_share *share, int64_t bytes); /* the share's thread */
void budget_share_end(struct budget_share *share);

uint64_t budget_held(const struct budget *b); /* any thread, as the next */
uint64_t budget_most(const struct budget *b);

#endif
