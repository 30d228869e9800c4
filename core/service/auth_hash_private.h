#ifndef CORE_SERVICE_AUTH_HASH_PRIVATE_H
#define CORE_SERVICE_AUTH_HASH_PRIVATE_H

/* auth_hash_private: how the families of password schemes are told apart, for auth_hash*.c. */

#include "core/service/auth_digest.h"
#include "core/service/auth_hash.h"

enum auth_encoding {
    AUTH_ENCODING_AUTO, /* by the length of the text */
    AUTH_ENCODING_HEX,
    AUTH_ENCODING_BASE64,
};

/* A password field taken apart. */
struct auth_field {
    const struct auth_scheme *scheme;
    enum auth_encoding encoding;
    struct span text; /* behind "{SCHEME}" */
};

/* What the schemes of a family have in common. */
struct auth_family {
    /* AUTH_HASH_MATCH: it can be checked; AUTH_HASH_BROKEN. Quick. */
    enum auth_hash_answer (*look)(const struct auth_field *f);
    enum auth_hash_answer (*check)(const struct auth_field *f, struct span password);
    /* Writes what stands behind "{SCHEME}". NULL: old hashes are checked, new ones not made. */
    bool (*make)(const struct auth_scheme *scheme, struct span password, char *text, size_t size);
};

struct auth_scheme {
    const char *name;
    const struct auth_family *family;
    const char *prefix; /* what its hashes begin with */
    enum auth_digest_kind digest;
    bool is_salted;
    const char *setting; /* for new crypt(3) hashes; NULL: none are made */
    unsigned long cost;
};

extern const struct auth_family auth_hash_plain, auth_hash_crypt, auth_hash_argon2,
    auth_hash_digest, auth_hash_pbkdf2, auth_hash_scram;

/* The field's scheme and text; false when the scheme is none of ours. */
MUST_USE bool auth_hash_field(struct span field, struct auth_field *f_r);

/* Copies text of at most size - 1 bytes without a NUL in it; false else. */
MUST_USE bool auth_hash_text(struct span text, char *at, size_t size);

#endif
