#ifndef CORE_SERVICE_AUTH_HASH_H
#define CORE_SERVICE_AUTH_HASH_H

/*
 * auth_hash: the password field of the users file, "{SCHEME}hash", as Dovecot writes it. A field
 * without a scheme is a crypt(5) hash; behind the scheme's name the encoding may stand, as in
 * {SHA256.HEX}. Slow by design: not on a reactor. Any thread.
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

/* A new field with a fresh salt, by the scheme of that name; "" is the system's best (yescrypt).
 * AUTH_HASH_UNKNOWN when no new hashes of the scheme are made, AUTH_HASH_BROKEN when the password
 * has NUL bytes, is empty or too long, or a library refuses; else AUTH_HASH_MATCH. */
MUST_USE enum auth_hash_answer auth_hash_make(struct span scheme, struct span password,
                                              char field[AUTH_HASH_MAX]);

/* "CRYPT, SHA512-CRYPT, ...": the schemes that are checked, and those of them that new hashes are
 * made by, for messages. Valid for ever. */
const char *auth_hash_schemes(void);
const char *auth_hash_schemes_made(void);

/* What the SCRAM mechanisms (RFC 5802) need to know of a field. */
enum auth_scram_hash {
    AUTH_SCRAM_SHA1,
    AUTH_SCRAM_SHA256,
};
struct auth_scram {
    unsigned rounds;
    char salt[128];                       /* base64 */
    char stored_key[64], server_key[64];  /* base64; "" when `password` is known instead */
    char password[AUTH_PASSWORD_MAX + 1]; /* in the clear, SASLprepped, to be wiped */
};

/* False when the field serves no login by SCRAM with this hash. */
MUST_USE bool auth_hash_scram_secrets(struct span field, enum auth_scram_hash hash,
                                      struct auth_scram *scram_r);
/* The same question, quickly. */
MUST_USE bool auth_hash_serves_scram(struct span field, enum auth_scram_hash hash);

enum {
    AUTH_SCRAM_ROUNDS = 15000,      /* of new fields */
    AUTH_SCRAM_ROUNDS_PLAIN = 4096, /* for passwords that lie in the clear (RFC 7677 4) */
    AUTH_SCRAM_ROUNDS_MAX = 1000000,
};

#endif
