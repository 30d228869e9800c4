#ifndef CORE_BASE_ALLOC_SIZE_H
#define CORE_BASE_ALLOC_SIZE_H

/*
 * alloc_size: what an allocation of some size takes in memory, for those who are charged with it.
 * Allocators round up: jemalloc to 16 bytes, and from 128 bytes on to a quarter of the power of two
 * below. Pure.
 */

#include <stddef.h>

static inline size_t alloc_size(size_t size)
{
    size_t step = 16;

    while (step * 8 < size)
        step *= 2;
    return (size + step - 1) / step * step;
}

#endif
