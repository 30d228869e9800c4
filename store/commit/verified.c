#include "store/commit/verified.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/alloc.h"

enum {
    SLOT_BITS = 16,
};

struct verified {
    _Atomic store_message slots[1 << SLOT_BITS];
};

struct verified *verified_new(void)
{
    return xcalloc(1, sizeof(struct verified));
}

void verified_free(struct verified **verified)
{
    free(*verified);
    *verified = NULL;
}

/* Numbers are places in the log, a multiple of 8: spread by a multiplication (Fibonacci hashing).
 */
static unsigned slot_of(store_message message)
{
    return (unsigned)((message * 0x9e3779b97f4a7c15u) >> (64 - SLOT_BITS));
}

bool verified_has(const struct verified *v, store_message message)
{
    return atomic_load_explicit(&v->slots[slot_of(message)], memory_order_relaxed) == message;
}

void verified_add(struct verified *v, store_message message)
{
    atomic_store_explicit(&v->slots[slot_of(message)], message, memory_order_relaxed);
}
