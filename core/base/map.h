#ifndef CORE_BASE_MAP_H
#define CORE_BASE_MAP_H

/*
 * map: bytes to pointer, open addressing. Keys are hashed with SipHash under a random key, so that
 * a peer cannot choose colliding ones. One thread at a time, or any number that only look up.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"

struct map;

MUST_USE struct map *map_new(void);
void map_free(struct map **map); /* the values are the caller's */

/* Keeps its own copy of the key. Returns the value that was there before, or NULL. */
void *map_put(struct map *m, struct span key, void *value);
MUST_USE void *map_get(const struct map *m, struct span key); /* NULL when absent */
void *map_remove(struct map *m, struct span key);             /* the value that was there */
size_t map_count(const struct map *m);

/* Walks all entries in no order: start with *place == 0; false at the end. */
bool map_next(const struct map *m, size_t *place, struct span *key_r, void **value_r);

/* SipHash-2-4 under the process's random key. */
uint64_t map_hash(struct span bytes);

static inline struct span map_key_u64(const uint64_t *key)
{
    return (struct span){(const char *)key, sizeof(*key)};
}

#endif
