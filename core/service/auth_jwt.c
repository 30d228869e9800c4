#include "core/service/auth_jwt.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/pk.h>

#include "core/base/alloc.h"
#include "core/service/auth_claims.h"
#include "core/service/auth_digest.h"
#include "core/service/directory_file.h"
#include "proto/text/base64.h"

enum {
    HASH_LEN = 32, /* bytes of SHA-256 */
    P256_LEN = 32, /* bytes of one number of an ES256 signature */
    DER_MAX = 2 * (P256_LEN + 3) + 2,
    SIGNATURE_MAX = 1024, /* bytes: RSA of 8192 bits */
};

enum key_kind {
    KEY_SECRET,
    KEY_RSA,
    KEY_EC,
};

static const char *const algorithms[] = {
    [KEY_SECRET] = "HS256", [KEY_RSA] = "RS256", [KEY_EC] = "ES256"};

/* Keys are kept as text and parsed when they are needed: the library writes into those it computes
 * with, so one would serve one thread at a time. */
struct key {
    enum key_kind kind;
    char *bytes; /* with a NUL behind */
    size_t len;
};

struct auth_jwt_keys {
    unsigned count;
    struct key *keys;
};

/* ---- keys ---- */

static bool key_parse(const struct key *k, mbedtls_pk_context *pk)
{
    mbedtls_pk_init(pk);
    return mbedtls_pk_parse_public_key(pk, (const unsigned char *)k->bytes, k->len + 1) == 0;
}

/* NULL, or what is wrong with it. */
static const char *key_look(struct key *k)
{
    const char *why = NULL;
    mbedtls_pk_context pk;

    if (!strstr(k->bytes, "-----BEGIN ")) {
        while (k->len > 0 && (k->bytes[k->len - 1] == '\n' || k->bytes[k->len - 1] == '\r'))
            k->len--;
        return k->len < AUTH_JWT_SECRET_MIN ? "a secret of less than 32 bytes; make a longer one"
                                            : NULL;
    }
    if (!key_parse(k, &pk))
        why = "not a public key; write one with `openssl pkey -pubout`";
    else if (mbedtls_pk_can_do(&pk, MBEDTLS_PK_RSA))
        k->kind = KEY_RSA;
    else if (mbedtls_pk_can_do(&pk, MBEDTLS_PK_ECDSA))
        k->kind = KEY_EC;
    if (!why && k->kind == KEY_RSA && mbedtls_pk_get_bitlen(&pk) < AUTH_JWT_RSA_BITS_MIN)
        why = "an RSA key of less than 2048 bits; make a longer one";
    if (!why && k->kind == KEY_EC && mbedtls_pk_get_bitlen(&pk) != 8 * P256_LEN)
        why = "an EC key, but not on P-256, which ES256 is for";
    mbedtls_pk_free(&pk);
    return why;
}

static bool key_load(struct key *k, const char *path, struct chain *why)
{
    struct span text;
    const char *wrong;

    if (!directory_file_read(path, AUTH_JWT_KEY_FILE_MAX, &text, why))
        return false;
    k->len = text.len;
    k->bytes = xcalloc(1, text.len + 1);
    if (text.len > 0)
        memcpy(k->bytes, text.at, text.len);
    explicit_bzero((void *)(uintptr_t)text.at, text.len);
    free((void *)(uintptr_t)text.at);
    wrong = key_look(k);
    if (wrong)
        chain_addf(why, "%s: %s\n", path, wrong);
    return !wrong;
}

struct auth_jwt_keys *auth_jwt_keys_load(const char *const *paths, unsigned count,
                                         struct chain *why)
{
    struct auth_jwt_keys *keys = xcalloc(1, sizeof(*keys));
    bool good = true;

    keys->count = count;
    keys->keys = xcalloc(count + 1, sizeof(*keys->keys));
    for (unsigned i = 0; i < count; i++)
        good = key_load(&keys->keys[i], paths[i], why) && good;
    if (!good)
        auth_jwt_keys_free(&keys);
    return keys;
}

void auth_jwt_keys_free(struct auth_jwt_keys **keys)
{
    struct auth_jwt_keys *k = *keys;

    *keys = NULL;
    if (!k)
        return;
    for (unsigned i = 0; i < k->count; i++) {
        if (k->keys[i].bytes)
            explicit_bzero(k->keys[i].bytes, k->keys[i].len);
        free(k->keys[i].bytes);
    }
    free(k->keys);
    free(k);
}

/* ---- base64url without padding (RFC 7515 2) ---- */

/* To be freed; NULL when the text is none. */
static char *decode(struct span text, size_t *len_r)
{
    size_t size = text.len + 3, len = text.len;
    char *plain = xcalloc(1, size + 1), *bytes = xcalloc(1, base64_decoded_max(size) + 1);
    bool good = text.len > 0 && memchr(text.at, '+', text.len) == NULL &&
                memchr(text.at, '/', text.len) == NULL && memchr(text.at, '=', text.len) == NULL;

    for (size_t i = 0; good && i < len; i++)
        plain[i] = text.at[i] == '-' ? '+' : text.at[i] == '_' ? '/' : text.at[i];
    while (len % 4 != 0 && len < size)
        plain[len++] = '=';
    good = good && base64_decode((struct span){plain, len}, bytes, len_r);
    free(plain);
    if (good)
        return bytes;
    free(bytes);
    return NULL;
}

/* ---- signatures ---- */

/* An INTEGER of DER from big-endian bytes; returns its length. */
static size_t put_integer(const unsigned char *number, unsigned char *at)
{
    size_t skip = 0, len, pad;

    while (skip < P256_LEN - 1 && number[skip] == 0)
        skip++;
    len = P256_LEN - skip;
    pad = number[skip] >= 0x80;
    at[0] = 2;
    at[1] = (unsigned char)(len + pad);
    at[2] = 0;
    memcpy(at + 2 + pad, number + skip, len);
    return 2 + pad + len;
}

/* The library wants the two numbers of an EC signature as X.509 writes them. */
static size_t ec_signature(struct span raw, unsigned char der[DER_MAX])
{
    const unsigned char *numbers = (const unsigned char *)raw.at;
    size_t len;

    if (raw.len != 2 * P256_LEN)
        return 0;
    len = put_integer(numbers, der + 2);
    len += put_integer(numbers + P256_LEN, der + 2 + len);
    der[0] = 0x30;
    der[1] = (unsigned char)len;
    return 2 + len;
}

static bool has_signed_pk(const struct key *k, struct span text, struct span signature)
{
    unsigned char hash[AUTH_DIGEST_MAX], der[DER_MAX];
    const unsigned char *at = (const unsigned char *)signature.at;
    size_t len = signature.len;
    mbedtls_pk_context pk;
    bool good;

    auth_digest(AUTH_SHA256, &text, 1, hash);
    if (k->kind == KEY_EC) {
        len = ec_signature(signature, der);
        at = der;
    }
    good = key_parse(k, &pk) && len > 0 && len <= SIGNATURE_MAX &&
           mbedtls_pk_verify(&pk, MBEDTLS_MD_SHA256, hash, HASH_LEN, at, len) == 0;
    mbedtls_pk_free(&pk);
    return good;
}

static bool has_signed(const struct key *k, struct span text, struct span signature)
{
    unsigned char mac[AUTH_DIGEST_MAX];

    if (k->kind != KEY_SECRET)
        return has_signed_pk(k, text, signature);
    auth_digest_hmac(AUTH_SHA256, (struct span){k->bytes, k->len}, &text, 1, mac);
    return signature.len == HASH_LEN &&
           auth_digest_equal((struct span){(const char *)mac, HASH_LEN}, signature);
}

static bool anybody_has_signed(const struct auth_jwt_keys *keys, const char *algorithm,
                               struct span text, struct span signature)
{
    for (unsigned i = 0; i < keys->count; i++)
        if (strcmp(algorithms[keys->keys[i].kind], algorithm) == 0 &&
            has_signed(&keys->keys[i], text, signature))
            return true;
    return false;
}

/* ---- the token: head.payload.signature ---- */

static bool take_part(struct span *at, struct span *part_r)
{
    const char *dot = at->len > 0 ? memchr(at->at, '.', at->len) : NULL;

    if (!dot)
        return false;
    *part_r = span_first(*at, (size_t)(dot - at->at));
    *at = span_after(*at, part_r->len + 1);
    return true;
}

/* The algorithm that the head names. One with conditions of its own (RFC 7515 4.1.11) is none of
 * ours. */
static bool read_head(struct span text, char *algorithm, size_t size)
{
    size_t len;
    char *head = decode(text, &len);
    struct span json = {head, len};
    bool good;

    if (!head)
        return false;
    good = auth_claims_text(json, "alg", algorithm, size) && !auth_claims_has(json, "crit");
    free(head);
    return good;
}

bool auth_jwt_open(const struct auth_jwt_keys *keys, struct span token, struct chain *payload)
{
    struct span rest = token, head, body, all;
    char algorithm[8], *signature, *text = NULL;
    size_t len;
    bool good;

    if (!take_part(&rest, &head) || !take_part(&rest, &body) ||
        !read_head(head, algorithm, sizeof(algorithm)))
        return false;
    all = span_first(token, head.len + 1 + body.len);
    signature = decode(rest, &len);
    good = signature && anybody_has_signed(keys, algorithm, all, (struct span){signature, len});
    free(signature);
    if (good)
        text = decode(body, &len);
    if (text)
        chain_add(payload, (struct span){text, len});
    free(text);
    return text != NULL;
}
