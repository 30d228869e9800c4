/*
 * auth_hash_scram: "iterations,salt,StoredKey,ServerKey" (RFC 5803), in base64. From such a field
 * nobody can log in by SCRAM, and yet the server can check a login by SCRAM as well as a password.
 */

#include <gsasl.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/number.h"
#include "core/base/random.h"
#include "core/service/auth_hash_private.h"
#include "proto/text/base64.h"

enum {
    SALT_LEN = 16, /* bytes, of new fields */
    SALT_LEN_MAX = 64,
};

struct verifier {
    uint64_t rounds;
    struct span salt, stored_key, server_key; /* base64 */
    char salt_bytes[SALT_LEN_MAX];
    size_t salt_len;
    char stored[AUTH_DIGEST_MAX], server[AUTH_DIGEST_MAX];
};

/* All that a password gives, in the clear. */
struct keys {
    char salted[GSASL_HASH_MAX_SIZE], client[GSASL_HASH_MAX_SIZE];
    char server[GSASL_HASH_MAX_SIZE], stored[GSASL_HASH_MAX_SIZE];
};

static bool next_part(struct span *text, struct span *part_r)
{
    const char *comma = text->len > 0 ? memchr(text->at, ',', text->len) : NULL;

    *part_r = span_first(*text, comma ? (size_t)(comma - text->at) : text->len);
    *text = span_after(*text, part_r->len + (comma != NULL));
    return part_r->len > 0;
}

static bool key_decode(struct span text, size_t size, char *key)
{
    size_t len = 0;

    return text.len == base64_encoded_len(size) && base64_decode(text, key, &len) && len == size;
}

static bool verifier_parse(const struct auth_field *f, struct verifier *v)
{
    size_t size = auth_digest_size(f->scheme->digest);
    struct span text = f->text, rounds;

    return next_part(&text, &rounds) && next_part(&text, &v->salt) &&
           next_part(&text, &v->stored_key) && next_part(&text, &v->server_key) && text.len == 0 &&
           number_parse(rounds, AUTH_SCRAM_ROUNDS_MAX, &v->rounds) && v->rounds > 0 &&
           base64_decoded_max(v->salt.len) <= sizeof(v->salt_bytes) &&
           base64_decode(v->salt, v->salt_bytes, &v->salt_len) && v->salt_len > 0 &&
           key_decode(v->stored_key, size, v->stored) && key_decode(v->server_key, size, v->server);
}

/* RFC 5802 5.1: passwords are compared SASLprepped. */
static bool prepare(struct span password, char phrase[AUTH_PASSWORD_MAX + 1])
{
    char raw[AUTH_PASSWORD_MAX + 1], *prepared = NULL;
    bool good = auth_hash_text(password, raw, sizeof(raw)) &&
                gsasl_saslprep(raw, GSASL_ALLOW_UNASSIGNED, &prepared, NULL) == GSASL_OK &&
                auth_hash_text(span_str(prepared), phrase, AUTH_PASSWORD_MAX + 1) &&
                phrase[0] != '\0';

    explicit_bzero(raw, sizeof(raw));
    if (prepared)
        explicit_bzero(prepared, strlen(prepared));
    gsasl_free(prepared);
    return good;
}

static bool derive(enum auth_digest_kind digest, struct span password, unsigned rounds,
                   struct span salt, struct keys *k)
{
    char phrase[AUTH_PASSWORD_MAX + 1];
    bool good = prepare(password, phrase) &&
                gsasl_scram_secrets_from_password(
                    digest == AUTH_SHA1 ? GSASL_HASH_SHA1 : GSASL_HASH_SHA256, phrase, rounds,
                    salt.at, salt.len, k->salted, k->client, k->server, k->stored) == GSASL_OK;

    explicit_bzero(phrase, sizeof(phrase));
    return good;
}

static enum auth_hash_answer scram_look(const struct auth_field *f)
{
    struct verifier v;

    return verifier_parse(f, &v) ? AUTH_HASH_MATCH : AUTH_HASH_BROKEN;
}

static enum auth_hash_answer scram_check(const struct auth_field *f, struct span password)
{
    size_t size = auth_digest_size(f->scheme->digest);
    enum auth_hash_answer answer = AUTH_HASH_DIFFERENT;
    struct verifier v;
    struct keys k;

    if (!verifier_parse(f, &v))
        return AUTH_HASH_BROKEN;
    if (derive(f->scheme->digest, password, (unsigned)v.rounds,
               (struct span){v.salt_bytes, v.salt_len}, &k) &&
        auth_digest_equal((struct span){k.stored, size}, (struct span){v.stored, size}))
        answer = AUTH_HASH_MATCH;
    explicit_bzero(&k, sizeof(k));
    return answer;
}

static bool scram_make(const struct auth_scheme *scheme, struct span password, char *text,
                       size_t size)
{
    size_t key_len = auth_digest_size(scheme->digest), len;
    char salt[SALT_LEN];
    struct keys k;

    random_bytes(salt, sizeof(salt));
    if (!derive(scheme->digest, password, AUTH_SCRAM_ROUNDS, (struct span){salt, SALT_LEN}, &k))
        return false;
    len = (size_t)snprintf(text, size, "%d,", AUTH_SCRAM_ROUNDS);
    len += base64_encode((struct span){salt, SALT_LEN}, text + len);
    text[len++] = ',';
    len += base64_encode((struct span){k.stored, key_len}, text + len);
    text[len++] = ',';
    len += base64_encode((struct span){k.server, key_len}, text + len);
    text[len] = '\0';
    explicit_bzero(&k, sizeof(k));
    return true;
}

const struct auth_family auth_hash_scram = {scram_look, scram_check, scram_make};

/* ---- what the mechanism asks for ---- */

static bool is_scram_of(const struct auth_field *f, enum auth_scram_hash hash)
{
    return f->scheme->family == &auth_hash_scram &&
           f->scheme->digest == (hash == AUTH_SCRAM_SHA1 ? AUTH_SHA1 : AUTH_SHA256);
}

bool auth_hash_serves_scram(struct span field, enum auth_scram_hash hash)
{
    struct auth_field f;

    return auth_hash_field(field, &f) && f.scheme->family->look(&f) == AUTH_HASH_MATCH &&
           (is_scram_of(&f, hash) || (f.scheme->family == &auth_hash_plain && f.text.len > 0));
}

bool auth_hash_scram_secrets(struct span field, enum auth_scram_hash hash,
                             struct auth_scram *scram_r)
{
    struct auth_field f;
    struct verifier v;

    *scram_r = (struct auth_scram){.rounds = AUTH_SCRAM_ROUNDS_PLAIN};
    if (!auth_hash_field(field, &f))
        return false;
    if (f.scheme->family == &auth_hash_plain)
        return prepare(f.text, scram_r->password);
    if (!is_scram_of(&f, hash) || !verifier_parse(&f, &v))
        return false;
    scram_r->rounds = (unsigned)v.rounds;
    return auth_hash_text(v.salt, scram_r->salt, sizeof(scram_r->salt)) &&
           auth_hash_text(v.stored_key, scram_r->stored_key, sizeof(scram_r->stored_key)) &&
           auth_hash_text(v.server_key, scram_r->server_key, sizeof(scram_r->server_key));
}
