#ifndef CORE_SERVICE_AUTH_JWT_H
#define CORE_SERVICE_AUTH_JWT_H

/*
 * auth_jwt: signatures of JSON Web Tokens (RFC 7519, RFC 7515), HS256, RS256 and ES256 (RFC 7518
 * 3), by keys from files. What a key is says by which algorithm it can be used, whatever a token
 * says: a public key never becomes a secret, and "none" is nobody's. Any thread.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"

enum {
    AUTH_JWT_KEY_FILE_MAX = 16 * 1024, /* bytes */
    AUTH_JWT_SECRET_MIN = 32,          /* bytes of a secret for HS256: RFC 7518 3.2 */
    AUTH_JWT_RSA_BITS_MIN = 2048,      /* RFC 7518 3.3 */
};

struct auth_jwt_keys;

/* A file has a public key in PEM (RSA, or EC on P-256), or else the bytes of a secret, without the
 * line end behind it. NULL with a line "file: what; what to do" for each finding in `why`. Reads
 * files. */
MUST_USE struct auth_jwt_keys *auth_jwt_keys_load(const char *const *paths, unsigned count,
                                                  struct chain *why);
void auth_jwt_keys_free(struct auth_jwt_keys **keys); /* may be NULL */

/* Appends what the token says (JSON, not looked at) when one of the keys has signed it. */
MUST_USE bool auth_jwt_open(const struct auth_jwt_keys *keys, struct span token,
                            struct chain *payload);

#endif
