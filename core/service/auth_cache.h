#ifndef CORE_SERVICE_AUTH_CACHE_H
#define CORE_SERVICE_AUTH_CACHE_H

/*
 * auth_cache: logins that succeeded, as 32-byte digests that say nothing without this process's
 * secret. A fixed table: a full set loses its oldest entry. Any thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"

enum {
    AUTH_DIGEST_SIZE = 32
};

struct auth_cache;

MUST_USE struct auth_cache *auth_cache_open(unsigned size, uint64_t keep_ms); /* 0: keeps nothing */
void auth_cache_close(struct auth_cache **cache);

MUST_USE bool auth_cache_has(struct auth_cache *c, const unsigned char *digest, uint64_t now_ns);
void auth_cache_add(struct auth_cache *c, const unsigned char *digest, uint64_t now_ns);

/* The same, for what is known to end in left_ms. */
void auth_cache_add_until(struct auth_cache *c, const unsigned char *digest, uint64_t now_ns,
                          uint64_t left_ms);

#endif
