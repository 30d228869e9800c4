#ifndef CORE_SERVICE_AUTH_DIGEST_H
#define CORE_SERVICE_AUTH_DIGEST_H

/*
 * auth_digest: hashes and keyed hashes of bytes, for whatever shows who somebody is. Pure, any
 * thread. Outputs hold auth_digest_size() bytes; no function can fail.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"
#include "core/base/span.h"

enum auth_digest_kind {
    AUTH_MD5,
    AUTH_SHA1,
    AUTH_SHA256,
    AUTH_SHA384,
    AUTH_SHA512,
};

enum {
    AUTH_DIGEST_MAX = 64, /* bytes of the longest */
};

size_t auth_digest_size(enum auth_digest_kind kind);

/* Of the parts, one behind the other. */
void auth_digest(enum auth_digest_kind kind, const struct span *parts, unsigned count,
                 unsigned char *out);

/* RFC 2104. */
void auth_digest_hmac(enum auth_digest_kind kind, struct span key, const struct span *parts,
                      unsigned count, unsigned char *out);

/* RFC 8018 5.2: `len` bytes to `out`. */
void auth_digest_pbkdf2(enum auth_digest_kind kind, struct span password, struct span salt,
                        unsigned rounds, unsigned char *out, size_t len);

/* Takes as long wherever the difference is; the lengths are no secret. */
MUST_USE bool auth_digest_equal(struct span a, struct span b);

#endif
