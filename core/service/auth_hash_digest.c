/* auth_hash_digest: MD5 and SHA digests of passwords, with and without salt, and PBKDF2. Old users
 * files have them; new ones should not, so none are made. */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/number.h"
#include "core/service/auth_hash_private.h"
#include "proto/text/base64.h"

enum {
    DIGEST_TEXT_MAX = 512, /* bytes of a digest and its salt, encoded */
    PBKDF2_LEN = 20,       /* bytes: that of SHA-1 */
    PBKDF2_ROUNDS_MAX = 10000000,
};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool hex_decode(struct span text, char *out, size_t *len_r)
{
    if (text.len % 2 != 0)
        return false;
    for (size_t i = 0; i < text.len; i += 2) {
        int high = hex_value(text.at[i]), low = hex_value(text.at[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (char)(high << 4 | low);
    }
    *len_r = text.len / 2;
    return true;
}

/* The digest and what stands behind it. */
static bool digest_decode(const struct auth_field *f, char bytes[DIGEST_TEXT_MAX], size_t *len_r)
{
    size_t size = auth_digest_size(f->scheme->digest);
    bool is_hex =
        f->encoding == AUTH_ENCODING_HEX ||
        (f->encoding == AUTH_ENCODING_AUTO && !f->scheme->is_salted && f->text.len == 2 * size);

    if (f->text.len > DIGEST_TEXT_MAX)
        return false;
    if (is_hex ? !hex_decode(f->text, bytes, len_r) : !base64_decode(f->text, bytes, len_r))
        return false;
    return f->scheme->is_salted ? *len_r >= size : *len_r == size;
}

static enum auth_hash_answer digest_look(const struct auth_field *f)
{
    char bytes[DIGEST_TEXT_MAX];
    size_t len;

    return digest_decode(f, bytes, &len) ? AUTH_HASH_MATCH : AUTH_HASH_BROKEN;
}

static enum auth_hash_answer digest_check(const struct auth_field *f, struct span password)
{
    size_t size = auth_digest_size(f->scheme->digest), len;
    char bytes[DIGEST_TEXT_MAX];
    unsigned char computed[AUTH_DIGEST_MAX];
    struct span parts[2];

    if (!digest_decode(f, bytes, &len))
        return AUTH_HASH_BROKEN;
    parts[0] = password;
    parts[1] = (struct span){bytes + size, len - size};
    auth_digest(f->scheme->digest, parts, 2, computed);
    return auth_digest_equal((struct span){(char *)computed, size}, (struct span){bytes, size})
               ? AUTH_HASH_MATCH
               : AUTH_HASH_DIFFERENT;
}

const struct auth_family auth_hash_digest = {digest_look, digest_check, NULL};

/* ---- PBKDF2, as Dovecot writes it: "$1$salt$rounds$hex" ---- */

struct pbkdf2 {
    struct span salt;
    uint64_t rounds;
    char key[PBKDF2_LEN];
};

static bool next_part(struct span *text, struct span *part_r)
{
    const char *dollar = text->len > 0 ? memchr(text->at, '$', text->len) : NULL;

    if (!dollar)
        return false;
    *part_r = span_first(*text, (size_t)(dollar - text->at));
    *text = span_after(*text, part_r->len + 1);
    return true;
}

static bool pbkdf2_parse(struct span text, struct pbkdf2 *p)
{
    struct span rounds;
    size_t len;

    text = span_after(text, 3); /* "$1$" */
    return next_part(&text, &p->salt) && next_part(&text, &rounds) &&
           number_parse(rounds, PBKDF2_ROUNDS_MAX, &p->rounds) && p->rounds > 0 &&
           text.len == 2 * sizeof(p->key) && hex_decode(text, p->key, &len);
}

static enum auth_hash_answer pbkdf2_look(const struct auth_field *f)
{
    struct pbkdf2 p;

    return pbkdf2_parse(f->text, &p) ? AUTH_HASH_MATCH : AUTH_HASH_BROKEN;
}

static enum auth_hash_answer pbkdf2_check(const struct auth_field *f, struct span password)
{
    unsigned char computed[PBKDF2_LEN];
    struct pbkdf2 p;

    if (!pbkdf2_parse(f->text, &p))
        return AUTH_HASH_BROKEN;
    auth_digest_pbkdf2(f->scheme->digest, password, p.salt, (unsigned)p.rounds, computed,
                       sizeof(computed));
    return auth_digest_equal((struct span){(char *)computed, sizeof(computed)},
                             (struct span){p.key, sizeof(p.key)})
               ? AUTH_HASH_MATCH
               : AUTH_HASH_DIFFERENT;
}

const struct auth_family auth_hash_pbkdf2 = {pbkdf2_look, pbkdf2_check, NULL};
