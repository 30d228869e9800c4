/* tls_dial: the client's side: its context, and how well a server is known (RFC 7672 for pins). */

#include <stdlib.h>
#include <string.h>

#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>

#include "core/base/alloc.h"
#include "core/tls/tls_private.h"

enum {
    PIN_AUTHORITY = 2, /* DANE-TA */
    PIN_SERVER = 3,    /* DANE-EE */
    SELECT_ALL = 0,
    SELECT_KEY = 1,
    MATCH_ALL = 0,
    MATCH_SHA256 = 1,
    MATCH_SHA512 = 2,
};

/* ---- the context ---- */

static bool config_open(struct tls_lane *lane, const struct tls_client_config *config,
                        struct chain *why)
{
    mbedtls_ssl_config *c = &lane->configs[TLS_SMTP];
    int error = mbedtls_ssl_config_defaults(c, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                            MBEDTLS_SSL_PRESET_DEFAULT);

    if (error != 0) {
        chain_addf(why, "TLS can't be set up (-0x%04x); there is not enough memory\n",
                   (unsigned)-error);
        return false;
    }
    tls_mbed_rules(c, config->only_13);
    mbedtls_ssl_conf_authmode(c, MBEDTLS_SSL_VERIFY_OPTIONAL);
    mbedtls_ssl_conf_ca_chain(c, &lane->authorities, NULL);
    return true;
}

static bool lane_load(struct tls_lane *lane, const struct tls_client_config *config,
                      struct chain *why)
{
    if (config->ca_file[0] != '\0' &&
        !tls_chain_load_authorities(&lane->authorities, config->ca_file, why))
        return false;
    if (config->ca_path[0] != '\0' &&
        mbedtls_x509_crt_parse_path(&lane->authorities, config->ca_path) < 0) {
        chain_addf(why,
                   "%s: there is no directory of certificates; name another in "
                   "smtp_tls_CApath\n",
                   config->ca_path);
        return false;
    }
    return config_open(lane, config, why);
}

struct tls_context *tls_client_context_open(const struct tls_client_config *config,
                                            struct chain *why)
{
    struct tls_context *c = xcalloc(1, sizeof(*c));
    bool good = true;

    c->lane_count = config->lanes == 0 ? 1 : config->lanes;
    c->lanes = xcalloc(c->lane_count, sizeof(*c->lanes));
    for (unsigned i = 0; i < c->lane_count; i++)
        tls_lane_init(c, &c->lanes[i]);
    for (unsigned i = 0; good && i < c->lane_count; i++)
        good = lane_load(&c->lanes[i], config, why);
    if (!good)
        tls_context_close(&c);
    return c;
}

/* ---- pins ---- */

static struct span selected(const mbedtls_x509_crt *crt, const struct tls_pin *pin)
{
    if (pin->selector == SELECT_KEY)
        return (struct span){(const char *)crt->pk_raw.p, crt->pk_raw.len};
    if (pin->selector == SELECT_ALL)
        return (struct span){(const char *)crt->raw.p, crt->raw.len};
    return (struct span){NULL, 0};
}

static int digest_256(struct span data, unsigned char digest_r[32])
{
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_sha256((const unsigned char *)data.at, data.len, digest_r, 0);
#else
    return mbedtls_sha256_ret((const unsigned char *)data.at, data.len, digest_r, 0);
#endif
}

static int digest_512(struct span data, unsigned char digest_r[64])
{
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_sha512((const unsigned char *)data.at, data.len, digest_r, 0);
#else
    return mbedtls_sha512_ret((const unsigned char *)data.at, data.len, digest_r, 0);
#endif
}

static bool pin_fits(const mbedtls_x509_crt *crt, const struct tls_pin *pin)
{
    struct span data = selected(crt, pin);
    unsigned char digest[64];

    if (data.len == 0 || pin->data.len == 0)
        return false;
    switch (pin->matching) {
    case MATCH_ALL:
        return span_eq(data, pin->data);
    case MATCH_SHA256:
        return digest_256(data, digest) == 0 &&
               span_eq((struct span){(const char *)digest, 32}, pin->data);
    case MATCH_SHA512:
        return digest_512(data, digest) == 0 &&
               span_eq((struct span){(const char *)digest, 64}, pin->data);
    default:
        return false;
    }
}

/* ---- names ---- */

static bool is_meant(const struct tls *t, const mbedtls_x509_crt *server)
{
    const char *at = t->target->match[0] != '\0' ? t->target->match : t->target->name;
    char name[TLS_MATCH_MAX + 1];

    while (*at != '\0') {
        size_t len = strcspn(at, " ");

        if (len > 0 && len <= TLS_MATCH_MAX) {
            memcpy(name, at, len);
            name[len] = '\0';
            if (tls_chain_is_for(server, name))
                return true;
        }
        at += len + (at[len] == ' ');
    }
    return false;
}

/* The chain that came leads to this certificate of it, and is for the name. */
static bool leads_to(const struct tls *t, const mbedtls_x509_crt *chain,
                     const mbedtls_x509_crt *authority)
{
    mbedtls_x509_crt trusted, presented;
    uint32_t flags;
    bool good;

    mbedtls_x509_crt_init(&trusted);
    mbedtls_x509_crt_init(&presented);
    good = mbedtls_x509_crt_parse_der(&trusted, authority->raw.p, authority->raw.len) == 0;
    for (const mbedtls_x509_crt *c = chain; good && c != NULL; c = c->next)
        good = mbedtls_x509_crt_parse_der(&presented, c->raw.p, c->raw.len) == 0;
    good = good &&
           mbedtls_x509_crt_verify(&presented, &trusted, NULL, NULL, &flags, NULL, NULL) == 0 &&
           is_meant(t, chain);
    mbedtls_x509_crt_free(&presented);
    mbedtls_x509_crt_free(&trusted);
    return good;
}

/* A pin of the server's own says all there is to say: neither names nor dates matter (RFC 7672
 * 3.1.1). */
static bool is_pinned(const struct tls *t, const mbedtls_x509_crt *chain)
{
    const struct tls_target *target = t->target;

    for (unsigned i = 0; i < target->pin_count && i < TLS_PINS_MAX; i++) {
        const struct tls_pin *pin = &target->pins[i];

        if (pin->usage == PIN_SERVER && pin_fits(chain, pin))
            return true;
        for (const mbedtls_x509_crt *c = chain; pin->usage == PIN_AUTHORITY && c != NULL;
             c = c->next) {
            if (pin_fits(c, pin) && leads_to(t, chain, c))
                return true;
        }
    }
    return false;
}

enum tls_trust tls_dial_trust(struct tls *t)
{
    const mbedtls_x509_crt *chain = mbedtls_ssl_get_peer_cert(&t->ssl);
    uint32_t flags = mbedtls_ssl_get_verify_result(&t->ssl);

    if (chain == NULL)
        return TLS_UNTRUSTED;
    if (t->target->pin_count > 0)
        return is_pinned(t, chain) ? TLS_VERIFIED : TLS_UNTRUSTED;
    if ((flags & ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0)
        return TLS_UNTRUSTED;
    return is_meant(t, chain) ? TLS_VERIFIED : TLS_TRUSTED;
}
