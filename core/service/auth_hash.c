#include "core/service/auth_hash.h"

#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"

static const struct scheme {
    const char *name;
    bool is_plain;
    const char *prefix; /* what its hashes begin with */
} schemes[] = {
    {"CRYPT",        false, ""   },
    {"SHA512-CRYPT", false, "$6$"},
    {"SHA256-CRYPT", false, "$5$"},
    {"BLF-CRYPT",    false, "$2" },
    {"MD5-CRYPT",    false, "$1$"},
    {"PLAIN",        true,  ""   },
    {"CLEARTEXT",    true,  ""   },
};

const char *auth_hash_schemes(void)
{
    return "CRYPT, SHA512-CRYPT, SHA256-CRYPT, BLF-CRYPT, MD5-CRYPT, PLAIN";
}

/* Cuts "{SCHEME}" off the field. NULL when it is none of ours. */
static const struct scheme *scheme_of(struct span *field)
{
    const char *close;
    struct span name;

    if (field->len == 0 || field->at[0] != '{')
        return &schemes[0];
    close = memchr(field->at, '}', field->len);
    if (!close)
        return NULL;
    name = (struct span){field->at + 1, (size_t)(close - field->at) - 1};
    *field = span_after(*field, name.len + 2);
    for (size_t i = 0; i < COUNT_OF(schemes); i++)
        if (span_eq_nocase(name, span_str(schemes[i].name)))
            return &schemes[i];
    return NULL;
}

/* Takes as long wherever the difference is; the lengths are no secret. */
static bool equal(struct span a, struct span b)
{
    unsigned char difference = a.len != b.len;

    for (size_t i = 0; i < a.len && i < b.len; i++)
        difference |= (unsigned char)(a.at[i] ^ b.at[i]);
    return difference == 0;
}

static bool is_text(struct span bytes, size_t max)
{
    return bytes.len <= max && (bytes.len == 0 || !memchr(bytes.at, '\0', bytes.len));
}

static enum auth_hash_answer look(struct span *field, const struct scheme **scheme_r)
{
    const struct scheme *scheme = scheme_of(field);

    *scheme_r = scheme;
    if (!scheme)
        return AUTH_HASH_UNKNOWN;
    if (scheme->is_plain)
        return AUTH_HASH_MATCH;
    if (!is_text(*field, CRYPT_OUTPUT_SIZE - 1) || field->len == 0 || field->at[0] == '*' ||
        field->at[0] == '!' || field->len < strlen(scheme->prefix) ||
        memcmp(field->at, scheme->prefix, strlen(scheme->prefix)) != 0)
        return AUTH_HASH_BROKEN;
    return AUTH_HASH_MATCH;
}

enum auth_hash_answer auth_hash_look(struct span field)
{
    const struct scheme *scheme;
    enum auth_hash_answer answer = look(&field, &scheme);
    char setting[CRYPT_OUTPUT_SIZE];
    int known;

    if (answer != AUTH_HASH_MATCH || scheme->is_plain)
        return answer;
    memcpy(setting, field.at, field.len);
    setting[field.len] = '\0';
    known = crypt_checksalt(setting);
    return known == CRYPT_SALT_INVALID || known == CRYPT_SALT_METHOD_DISABLED ? AUTH_HASH_BROKEN
                                                                              : AUTH_HASH_MATCH;
}

static enum auth_hash_answer check_crypt(struct span hash, struct span password)
{
    struct crypt_data *data = xcalloc(1, sizeof(*data));
    enum auth_hash_answer answer;
    char setting[CRYPT_OUTPUT_SIZE], phrase[AUTH_PASSWORD_MAX + 1];
    const char *computed;

    memcpy(setting, hash.at, hash.len);
    setting[hash.len] = '\0';
    memcpy(phrase, password.at ? password.at : "", password.len);
    phrase[password.len] = '\0';
    computed = crypt_r(phrase, setting, data);
    if (!computed || computed[0] == '*')
        answer = AUTH_HASH_BROKEN;
    else
        answer = equal(span_str(computed), hash) ? AUTH_HASH_MATCH : AUTH_HASH_DIFFERENT;
    explicit_bzero(phrase, sizeof(phrase));
    explicit_bzero(data, sizeof(*data));
    free(data);
    return answer;
}

enum auth_hash_answer auth_hash_check(struct span field, struct span password)
{
    const struct scheme *scheme;
    enum auth_hash_answer answer = look(&field, &scheme);

    if (answer != AUTH_HASH_MATCH)
        return answer;
    if (scheme->is_plain)
        return equal(field, password) && field.len > 0 ? AUTH_HASH_MATCH : AUTH_HASH_DIFFERENT;
    if (!is_text(password, AUTH_PASSWORD_MAX))
        return AUTH_HASH_DIFFERENT;
    return check_crypt(field, password);
}

bool auth_hash_make(struct span password, char field[AUTH_HASH_MAX])
{
    struct crypt_data *data;
    char setting[CRYPT_GENSALT_OUTPUT_SIZE], phrase[AUTH_PASSWORD_MAX + 1];
    const char *computed;
    bool good;

    if (password.len == 0 || !is_text(password, AUTH_PASSWORD_MAX) ||
        !crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof(setting)))
        return false;
    memcpy(phrase, password.at, password.len);
    phrase[password.len] = '\0';
    data = xcalloc(1, sizeof(*data));
    computed = crypt_r(phrase, setting, data);
    good = computed && computed[0] != '*' &&
           (size_t)snprintf(field, AUTH_HASH_MAX, "{CRYPT}%s", computed) < AUTH_HASH_MAX;
    explicit_bzero(phrase, sizeof(phrase));
    explicit_bzero(data, sizeof(*data));
    free(data);
    return good;
}
