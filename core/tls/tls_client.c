/* tls_client: who a client is by its certificate: an rfc822Name of the subject's alternative names,
 * else the e-mail address of the subject, else a common name that is an address. */

#include <string.h>

#include <mbedtls/oid.h>

#include "core/tls/tls_private.h"

enum {
    SAN_EMAIL = 1, /* of GeneralName, RFC 5280 4.2.1.6 */
    TAG_MASK = 0x1f,
};

/* Copies what looks like an address: one @ with something on both sides, printable ASCII. */
static bool take(struct span text, char *address_r, size_t size)
{
    const char *at = text.len == 0 ? NULL : memchr(text.at, '@', text.len);

    if (at == NULL || at == text.at || at + 1 == text.at + text.len || text.len >= size ||
        memchr(at + 1, '@', (size_t)(text.at + text.len - at - 1)) != NULL)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] <= ' ' || text.at[i] >= 0x7f)
            return false;
    }
    memcpy(address_r, text.at, text.len);
    address_r[text.len] = '\0';
    return true;
}

static bool take_attribute(const mbedtls_x509_crt *crt, const char *oid, size_t oid_len,
                           char *address_r, size_t size)
{
    for (const mbedtls_x509_name *n = &crt->subject; n != NULL; n = n->next) {
        if (n->oid.len == oid_len && memcmp(n->oid.p, oid, oid_len) == 0 &&
            take((struct span){(const char *)n->val.p, n->val.len}, address_r, size))
            return true;
    }
    return false;
}

bool tls_client_address(const mbedtls_x509_crt *crt, char *address_r, size_t size)
{
    for (const mbedtls_x509_sequence *s = &crt->subject_alt_names; s != NULL; s = s->next) {
        if (s->buf.p != NULL && (s->buf.tag & TAG_MASK) == SAN_EMAIL &&
            take((struct span){(const char *)s->buf.p, s->buf.len}, address_r, size))
            return true;
    }
    return take_attribute(crt, MBEDTLS_OID_PKCS9_EMAIL, MBEDTLS_OID_SIZE(MBEDTLS_OID_PKCS9_EMAIL),
                          address_r, size) ||
           take_attribute(crt, MBEDTLS_OID_AT_CN, MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_CN), address_r,
                          size);
}
