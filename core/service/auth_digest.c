#include "core/service/auth_digest.h"

#include <mbedtls/md.h>
#include <mbedtls/pkcs5.h>
#include <mbedtls/version.h>

#include "core/base/ensure.h"

static const mbedtls_md_type_t digest_types[] = {
    [AUTH_MD5] = MBEDTLS_MD_MD5,       [AUTH_SHA1] = MBEDTLS_MD_SHA1,
    [AUTH_SHA256] = MBEDTLS_MD_SHA256, [AUTH_SHA384] = MBEDTLS_MD_SHA384,
    [AUTH_SHA512] = MBEDTLS_MD_SHA512,
};

static const mbedtls_md_info_t *info_of(enum auth_digest_kind kind)
{
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(digest_types[kind]);

    ensure(info != NULL);
    return info;
}

size_t auth_digest_size(enum auth_digest_kind kind)
{
    return mbedtls_md_get_size(info_of(kind));
}

static const unsigned char *bytes_of(struct span s)
{
    return (const unsigned char *)(s.at != NULL ? s.at : "");
}

static void open_context(mbedtls_md_context_t *context, enum auth_digest_kind kind, bool is_keyed)
{
    int failed;

    mbedtls_md_init(context);
    failed = mbedtls_md_setup(context, info_of(kind), is_keyed);
    ensure(failed == 0);
}

void auth_digest(enum auth_digest_kind kind, const struct span *parts, unsigned count,
                 unsigned char *out)
{
    mbedtls_md_context_t context;
    int failed;

    open_context(&context, kind, false);
    failed = mbedtls_md_starts(&context);
    for (unsigned i = 0; i < count; i++)
        failed |= mbedtls_md_update(&context, bytes_of(parts[i]), parts[i].len);
    failed |= mbedtls_md_finish(&context, out);
    ensure(failed == 0);
    mbedtls_md_free(&context);
}

void auth_digest_hmac(enum auth_digest_kind kind, struct span key, const struct span *parts,
                      unsigned count, unsigned char *out)
{
    mbedtls_md_context_t context;
    int failed;

    open_context(&context, kind, true);
    failed = mbedtls_md_hmac_starts(&context, bytes_of(key), key.len);
    for (unsigned i = 0; i < count; i++)
        failed |= mbedtls_md_hmac_update(&context, bytes_of(parts[i]), parts[i].len);
    failed |= mbedtls_md_hmac_finish(&context, out);
    ensure(failed == 0);
    mbedtls_md_free(&context);
}

void auth_digest_pbkdf2(enum auth_digest_kind kind, struct span password, struct span salt,
                        unsigned rounds, unsigned char *out, size_t len)
{
    int failed;

#if MBEDTLS_VERSION_NUMBER >= 0x03030000
    failed = mbedtls_pkcs5_pbkdf2_hmac_ext(digest_types[kind], bytes_of(password), password.len,
                                           bytes_of(salt), salt.len, rounds, (uint32_t)len, out);
#else
    mbedtls_md_context_t context;

    open_context(&context, kind, true);
    failed = mbedtls_pkcs5_pbkdf2_hmac(&context, bytes_of(password), password.len, bytes_of(salt),
                                       salt.len, rounds, (uint32_t)len, out);
    mbedtls_md_free(&context);
#endif
    ensure(failed == 0);
}

bool auth_digest_equal(struct span a, struct span b)
{
    unsigned char difference = a.len != b.len;

    for (size_t i = 0; i < a.len && i < b.len; i++)
        difference |= (unsigned char)(a.at[i] ^ b.at[i]);
    return difference == 0;
}
