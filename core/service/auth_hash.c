#include "core/service/auth_hash.h"

#include <stdio.h>

#include "core/base/attr.h"
#include "core/service/auth_hash_private.h"

/* ---- passwords as they are ---- */

static enum auth_hash_answer plain_look(const struct auth_field *f)
{
    (void)f;
    return AUTH_HASH_MATCH;
}

static enum auth_hash_answer plain_check(const struct auth_field *f, struct span password)
{
    return auth_digest_equal(f->text, password) && f->text.len > 0 ? AUTH_HASH_MATCH
                                                                   : AUTH_HASH_DIFFERENT;
}

const struct auth_family auth_hash_plain = {plain_look, plain_check, NULL};

/* ---- the schemes ---- */

/* The first is that of fields without a scheme, and of new ones. Two costs are far above the
 * library's own: bcrypt's and crypt's for SHA-2 take 4 ms, which is a guesser's delight. */
static const struct auth_scheme schemes[] = {
    {"CRYPT",         &auth_hash_crypt,  "",           AUTH_MD5,    false, "$y$",  0 },
    {"BLF-CRYPT",     &auth_hash_crypt,  "$2",         AUTH_MD5,    false, "$2b$", 12},
    {"SHA512-CRYPT",  &auth_hash_crypt,  "$6$",        AUTH_MD5,    false, NULL,   0 },
    {"SHA256-CRYPT",  &auth_hash_crypt,  "$5$",        AUTH_MD5,    false, NULL,   0 },
    {"MD5-CRYPT",     &auth_hash_crypt,  "$1$",        AUTH_MD5,    false, NULL,   0 },
    {"DES-CRYPT",     &auth_hash_crypt,  "",           AUTH_MD5,    false, NULL,   0 },
    {"ARGON2ID",      &auth_hash_argon2, "$argon2id$", AUTH_MD5,    false, NULL,   0 },
    {"ARGON2I",       &auth_hash_argon2, "$argon2i$",  AUTH_MD5,    false, NULL,   0 },
    {"SCRAM-SHA-256", &auth_hash_scram,  "",           AUTH_SHA256, true,  NULL,   0 },
    {"SCRAM-SHA-1",   &auth_hash_scram,  "",           AUTH_SHA1,   true,  NULL,   0 },
    {"PBKDF2",        &auth_hash_pbkdf2, "$1$",        AUTH_SHA1,   true,  NULL,   0 },
    {"SSHA512",       &auth_hash_digest, "",           AUTH_SHA512, true,  NULL,   0 },
    {"SSHA256",       &auth_hash_digest, "",           AUTH_SHA256, true,  NULL,   0 },
    {"SSHA",          &auth_hash_digest, "",           AUTH_SHA1,   true,  NULL,   0 },
    {"SMD5",          &auth_hash_digest, "",           AUTH_MD5,    true,  NULL,   0 },
    {"SHA512",        &auth_hash_digest, "",           AUTH_SHA512, false, NULL,   0 },
    {"SHA256",        &auth_hash_digest, "",           AUTH_SHA256, false, NULL,   0 },
    {"SHA1",          &auth_hash_digest, "",           AUTH_SHA1,   false, NULL,   0 },
    {"SHA",           &auth_hash_digest, "",           AUTH_SHA1,   false, NULL,   0 },
    {"PLAIN-MD5",     &auth_hash_digest, "",           AUTH_MD5,    false, NULL,   0 },
    {"LDAP-MD5",      &auth_hash_digest, "",           AUTH_MD5,    false, NULL,   0 },
    {"MD5",           &auth_hash_digest, "",           AUTH_MD5,    false, NULL,   0 },
    {"PLAIN",         &auth_hash_plain,  "",           AUTH_MD5,    false, NULL,   0 },
    {"CLEARTEXT",     &auth_hash_plain,  "",           AUTH_MD5,    false, NULL,   0 },
    {"CLEAR",         &auth_hash_plain,  "",           AUTH_MD5,    false, NULL,   0 },
};

const char *auth_hash_schemes(void)
{
    return "CRYPT, BLF-CRYPT, SHA512-CRYPT, SHA256-CRYPT, MD5-CRYPT, DES-CRYPT, ARGON2ID, ARGON2I, "
           "SCRAM-SHA-256, SCRAM-SHA-1, PBKDF2, SSHA512, SSHA256, SSHA, SMD5, SHA512, SHA256, SHA, "
           "PLAIN-MD5, LDAP-MD5, MD5, PLAIN";
}

const char *auth_hash_schemes_made(void)
{
    return "CRYPT, BLF-CRYPT, ARGON2ID, SCRAM-SHA-256, SCRAM-SHA-1";
}

static const struct auth_scheme *scheme_find(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(schemes); i++)
        if (span_eq_nocase(name, span_str(schemes[i].name)))
            return &schemes[i];
    return NULL;
}

/* Cuts ".HEX" and the like off a scheme's name. False when it is no encoding. */
static bool cut_encoding(struct span *name, enum auth_encoding *encoding_r)
{
    const char *dot = name->len > 0 ? memchr(name->at, '.', name->len) : NULL;
    struct span suffix;

    *encoding_r = AUTH_ENCODING_AUTO;
    if (!dot)
        return true;
    suffix = span_after(*name, (size_t)(dot - name->at) + 1);
    name->len = (size_t)(dot - name->at);
    if (span_eq_nocase(suffix, SPAN("HEX")))
        *encoding_r = AUTH_ENCODING_HEX;
    else if (span_eq_nocase(suffix, SPAN("B64")) || span_eq_nocase(suffix, SPAN("BASE64")))
        *encoding_r = AUTH_ENCODING_BASE64;
    return *encoding_r != AUTH_ENCODING_AUTO;
}

static bool begins_with(struct span text, const char *prefix)
{
    return span_eq(span_first(text, strlen(prefix)), span_str(prefix));
}

bool auth_hash_field(struct span field, struct auth_field *f_r)
{
    const char *close;
    struct span name;

    *f_r = (struct auth_field){.scheme = &schemes[0], .text = field};
    if (field.len == 0 || field.at[0] != '{')
        return true;
    close = memchr(field.at, '}', field.len);
    if (!close)
        return false;
    name = (struct span){field.at + 1, (size_t)(close - field.at) - 1};
    f_r->text = span_after(field, name.len + 2);
    if (!cut_encoding(&name, &f_r->encoding))
        return false;
    if (span_eq_nocase(name, SPAN("MD5")) && begins_with(f_r->text, "$1$"))
        name = SPAN("MD5-CRYPT"); /* Dovecot's {MD5} is either */
    f_r->scheme = scheme_find(name);
    return f_r->scheme != NULL;
}

bool auth_hash_text(struct span text, char *at, size_t size)
{
    if (text.len >= size || (text.len > 0 && memchr(text.at, '\0', text.len)))
        return false;
    if (text.len > 0)
        memcpy(at, text.at, text.len);
    at[text.len] = '\0';
    return true;
}

/* ---- any of them ---- */

static enum auth_hash_answer look(struct span field, struct auth_field *f)
{
    if (!auth_hash_field(field, f))
        return AUTH_HASH_UNKNOWN;
    if (!begins_with(f->text, f->scheme->prefix))
        return AUTH_HASH_BROKEN;
    return f->scheme->family->look(f);
}

enum auth_hash_answer auth_hash_look(struct span field)
{
    struct auth_field f;

    return look(field, &f);
}

enum auth_hash_answer auth_hash_check(struct span field, struct span password)
{
    struct auth_field f;
    enum auth_hash_answer answer = look(field, &f);

    if (answer != AUTH_HASH_MATCH)
        return answer;
    if (password.len > AUTH_PASSWORD_MAX ||
        (password.len > 0 && memchr(password.at, '\0', password.len)))
        return AUTH_HASH_DIFFERENT;
    return f.scheme->family->check(&f, password);
}

enum auth_hash_answer auth_hash_make(struct span scheme, struct span password,
                                     char field[AUTH_HASH_MAX])
{
    const struct auth_scheme *s = scheme.len > 0 ? scheme_find(scheme) : &schemes[0];
    int len;

    if (!s || !s->family->make)
        return AUTH_HASH_UNKNOWN;
    if (password.len == 0 || password.len > AUTH_PASSWORD_MAX ||
        memchr(password.at, '\0', password.len))
        return AUTH_HASH_BROKEN;
    len = snprintf(field, AUTH_HASH_MAX, "{%s}", s->name);
    return s->family->make(s, password, field + len, AUTH_HASH_MAX - (size_t)len)
               ? AUTH_HASH_MATCH
               : AUTH_HASH_BROKEN;
}
