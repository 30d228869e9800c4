#ifndef CORE_SERVICE_AUTH_HASH_H
#define CORE_SERVICE_AUTH_HASH_H

/*
 * auth_hash: the password field of the users file, "{SCHEME}hash", as Dovecot writes it. A field
 * without a scheme is a crypt(5) hash. Slow by design: not on a reactor. Any thread.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"
#include "core/base/span.h"

enum {
    AUTH_HASH_MAX = 400,     /* bytes of a field that auth_hash_make() writes, with its NUL */
    AUTH_PASSWORD_MAX = 511, /* bytes, by crypt(3); longer ones match nothing */
};

enum auth_hash_answer {
    AUTH_HASH_MATCH,
    AUTH_HASH_DIFFERENT,
    AUTH_HASH_UNKNOWN, /* a scheme that we do not check */
    AUTH_HASH_BROKEN,  /* not a hash of its scheme */
};

MUST_USE enum auth_hash_answer auth_hash_check(struct span field, struct span password);

/* Is the field one that auth_hash_check() can work with? Quick. Never AUTH_HASH_DIFFERENT. */
MUST_USE enum auth_hash_answer auth_hash_look(struct span field);

/* A new field with the system's best hash (yescrypt) and a fresh salt. False when the password has
 * NUL bytes, is empty or too long, or the system's library refuses. */
MUST_USE bool auth_hash_make(struct span password, char field[AUTH_HASH_MAX]);

/* "SHA512-CRYPT, ...": the schemes, for messages. */
const char *auth_hash_schemes(void);

#endif
