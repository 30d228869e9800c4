/* auth_hash_crypt: the schemes of crypt(5), by libxcrypt, and Argon2. */

#include <argon2.h>
#include <crypt.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/number.h"
#include "core/base/random.h"
#include "core/service/auth_hash_private.h"

/* ---- crypt(5) ---- */

/* The library's state is some 32 KiB, and holds the password. */
static struct crypt_data *data_new(void)
{
    return xcalloc(1, sizeof(struct crypt_data));
}

static void data_free(struct crypt_data *data)
{
    explicit_bzero(data, sizeof(*data));
    free(data);
}

static enum auth_hash_answer crypt_look(const struct auth_field *f)
{
    char setting[CRYPT_OUTPUT_SIZE];
    int known;

    if (f->text.len == 0 || f->text.at[0] == '*' || f->text.at[0] == '!' ||
        !auth_hash_text(f->text, setting, sizeof(setting)))
        return AUTH_HASH_BROKEN;
    known = crypt_checksalt(setting);
    return known == CRYPT_SALT_INVALID || known == CRYPT_SALT_METHOD_DISABLED ? AUTH_HASH_BROKEN
                                                                              : AUTH_HASH_MATCH;
}

static enum auth_hash_answer crypt_check(const struct auth_field *f, struct span password)
{
    struct crypt_data *data = data_new();
    enum auth_hash_answer answer = AUTH_HASH_BROKEN;
    char setting[CRYPT_OUTPUT_SIZE], phrase[AUTH_PASSWORD_MAX + 1];
    const char *computed = NULL;

    if (auth_hash_text(f->text, setting, sizeof(setting)) &&
        auth_hash_text(password, phrase, sizeof(phrase)))
        computed = crypt_r(phrase, setting, data);
    if (computed && computed[0] != '*')
        answer =
            auth_digest_equal(span_str(computed), f->text) ? AUTH_HASH_MATCH : AUTH_HASH_DIFFERENT;
    explicit_bzero(phrase, sizeof(phrase));
    data_free(data);
    return answer;
}

static bool crypt_make(const struct auth_scheme *scheme, struct span password, char *text,
                       size_t size)
{
    struct crypt_data *data;
    char setting[CRYPT_GENSALT_OUTPUT_SIZE], phrase[AUTH_PASSWORD_MAX + 1];
    const char *computed;
    bool good;

    if (!scheme->setting || !auth_hash_text(password, phrase, sizeof(phrase)) ||
        !crypt_gensalt_rn(scheme->setting, scheme->cost, NULL, 0, setting, sizeof(setting)))
        return false;
    data = data_new();
    computed = crypt_r(phrase, setting, data);
    good = computed && computed[0] != '*' && auth_hash_text(span_str(computed), text, size);
    explicit_bzero(phrase, sizeof(phrase));
    data_free(data);
    return good;
}

const struct auth_family auth_hash_crypt = {crypt_look, crypt_check, crypt_make};

/* ---- Argon2 (RFC 9106) ---- */

enum {
    ARGON2_TEXT_MAX = 512,
    ARGON2_KIB = 19 * 1024, /* of memory, passes, lanes: what OWASP advises for new hashes */
    ARGON2_PASSES = 2,
    ARGON2_LANES = 1,
    ARGON2_SALT_LEN = 16,
    ARGON2_HASH_LEN = 32,
    ARGON2_KIB_MAX = 256 * 1024, /* an auth thread may not take more than this for one login */
};

static argon2_type argon2_type_of(const struct auth_scheme *scheme)
{
    return strcmp(scheme->name, "ARGON2ID") == 0 ? Argon2_id : Argon2_i;
}

/* "$argon2id$v=19$m=65536,t=3,p=1$salt$hash": the memory it asks for is bounded. */
static enum auth_hash_answer argon2_look(const struct auth_field *f)
{
    char text[ARGON2_TEXT_MAX];
    const char *memory, *end;
    uint64_t kib;

    if (!auth_hash_text(f->text, text, sizeof(text)))
        return AUTH_HASH_BROKEN;
    memory = strstr(text, "$m=");
    end = memory ? strchr(memory, ',') : NULL;
    if (!end ||
        !number_parse((struct span){memory + 3, (size_t)(end - memory) - 3}, ARGON2_KIB_MAX, &kib))
        return AUTH_HASH_BROKEN;
    return AUTH_HASH_MATCH;
}

static enum auth_hash_answer argon2_check(const struct auth_field *f, struct span password)
{
    char text[ARGON2_TEXT_MAX];

    if (!auth_hash_text(f->text, text, sizeof(text)))
        return AUTH_HASH_BROKEN;
    switch (argon2_verify(text, password.at ? password.at : "", password.len,
                          argon2_type_of(f->scheme))) {
    case ARGON2_OK:
        return AUTH_HASH_MATCH;
    case ARGON2_VERIFY_MISMATCH:
        return AUTH_HASH_DIFFERENT;
    default:
        return AUTH_HASH_BROKEN;
    }
}

static bool argon2_make(const struct auth_scheme *scheme, struct span password, char *text,
                        size_t size)
{
    unsigned char salt[ARGON2_SALT_LEN];

    if (argon2_type_of(scheme) != Argon2_id)
        return false;
    random_bytes(salt, sizeof(salt));
    return argon2id_hash_encoded(ARGON2_PASSES, ARGON2_KIB, ARGON2_LANES, password.at, password.len,
                                 salt, sizeof(salt), ARGON2_HASH_LEN, text, size) == ARGON2_OK;
}

const struct auth_family auth_hash_argon2 = {argon2_look, argon2_check, argon2_make};
