#include "core/work/budget.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"

struct budget {
    uint64_t most;
    _Atomic int64_t held;
};

struct budget *budget_open(uint64_t most)
{
    struct budget *b = xcalloc(1, sizeof(*b));

    b->most = most;
    return b;
}

void budget_close(struct budget **budget)
{
    ensure(atomic_load_explicit(&(*budget)->held, memory_order_relaxed) == 0);
    free(*budget);
    *budget = NULL;
}

static void tell(struct budget_share *share)
{
    atomic_fetch_add_explicit(&share->budget->held, share->untold, memory_order_relaxed);
    share->untold = 0;
}

void budget_charge(struct budget_share *share, int64_t bytes)
{
    if (share->budget == NULL)
        return;
    share->held += bytes;
    share->untold += bytes;
    if (share->untold >= BUDGET_STEP || share->untold <= -BUDGET_STEP)
        tell(share);
}

void budget_share_end(struct budget_share *share)
{
    ensure(share->held == 0);
    if (share->budget != NULL)
        tell(share);
    share->budget = NULL;
}

uint64_t budget_held(const struct budget *b)
{
    int64_t held = atomic_load_explicit(&b->held, memory_order_relaxed);

    return held > 0 ? (uint64_t)held : 0;
}

uint64_t budget_most(const struct budget *b)
{
    return b->most;
}
