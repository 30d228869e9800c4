#ifndef CORE_BASE_ALLOC_H
#define CORE_BASE_ALLOC_H

/*
 * alloc: memory that is always there.
 *
 * For small allocations of our own sizes: they abort when memory is gone. Whatever a peer can make
 * grow is bounded by its owner before it comes here. Free with free(). Any thread.
 */

#include <stddef.h>

#include "core/base/attr.h"

MUST_USE void *xmalloc(size_t size);
MUST_USE void *xcalloc(size_t count, size_t size); /* zeroed; aborts when count * size overflows */
MUST_USE void *xrealloc(void *old, size_t size);
MUST_USE char *xstrdup(const char *text);

/* Bytes that the allocator holds for us now (jemalloc's stats.allocated; 0 without jemalloc). */
size_t alloc_held_bytes(void);

#endif
