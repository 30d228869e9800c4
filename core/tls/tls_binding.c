/*
 * tls_binding: what a connection can be told by that both ends know and nobody in between can make
 * the same on two connections: tls-exporter (RFC 9266) and, for clients that know no other on TLS
 * 1.2, tls-unique (RFC 5929 3). In TLS 1.2 both are only worth something with the extended master
 * secret (RFC 7627), which a resumed session has when its first one had (tls_ticket.c).
 *
 * 3.6 has the exporter of RFC 5705 and RFC 8446 7.5; 2.28 shows the secret that it is made of while
 * the handshake runs. tls-unique is the first Finished message, which the library keeps for a
 * renegotiation that we never have.
 */

#include <stdlib.h>
#include <string.h>

#include <mbedtls/platform_util.h>

#include "core/base/alloc.h"
#include "core/tls/tls_private.h"

#define EXPORTER_LABEL "EXPORTER-Channel-Binding"

/* ---- tls-exporter ---- */

#if MBEDTLS_VERSION_MAJOR < 3 && defined(MBEDTLS_SSL_EXPORT_KEYS)

struct tls_secret {
    unsigned char master[48], randoms[64]; /* client's and server's */
    mbedtls_tls_prf_types prf;
};

/* NOLINTNEXTLINE(readability-function-size): a callback of mbedtls */
static int keep_secret(void *context, const unsigned char *master, const unsigned char *block,
                       size_t mac_len, size_t key_len, size_t iv_len,
                       const unsigned char client_random[32], const unsigned char server_random[32],
                       mbedtls_tls_prf_types prf)
{
    struct tls *t = ((struct tls_lane *)context)->current;

    (void)block;
    (void)mac_len;
    (void)key_len;
    (void)iv_len;
    if (t->secret == NULL)
        t->secret = xcalloc(1, sizeof(*t->secret));
    memcpy(t->secret->master, master, sizeof(t->secret->master));
    memcpy(t->secret->randoms, client_random, 32);
    memcpy(t->secret->randoms + 32, server_random, 32);
    t->secret->prf = prf;
    return 0;
}

void tls_binding_prepare(struct tls_lane *lane, mbedtls_ssl_config *config)
{
    mbedtls_ssl_conf_export_keys_ext_cb(config, keep_secret, lane);
}

void tls_binding_wipe(struct tls *t)
{
    if (t->secret == NULL)
        return;
    mbedtls_platform_zeroize(t->secret, sizeof(*t->secret));
    free(t->secret);
    t->secret = NULL;
}

static bool export(struct tls *t, unsigned char at[TLS_EXPORTER_LEN])
{
    const struct tls_secret *s = t->secret;

    return s != NULL &&
           mbedtls_ssl_tls_prf(s->prf, s->master, sizeof(s->master), EXPORTER_LABEL, s->randoms,
                               sizeof(s->randoms), at, TLS_EXPORTER_LEN) == 0;
}

#else

void tls_binding_prepare(struct tls_lane *lane, mbedtls_ssl_config *config)
{
    (void)lane;
    (void)config;
}

void tls_binding_wipe(struct tls *t)
{
    (void)t;
}

static bool export(struct tls *t, unsigned char at[TLS_EXPORTER_LEN])
{
#if defined(MBEDTLS_SSL_KEYING_MATERIAL_EXPORT)
    return mbedtls_ssl_export_keying_material(&t->ssl, at, TLS_EXPORTER_LEN, EXPORTER_LABEL,
                                              strlen(EXPORTER_LABEL), NULL, 0, 0) == 0;
#else
    (void)t;
    (void)at;
    return false;
#endif
}

#endif

/* ---- tls-unique ---- */

/* The client's Finished is the first of a full handshake, ours of a resumed one. */
static bool first_finished(const struct tls *t, unsigned char at[TLS_UNIQUE_LEN])
{
#if defined(MBEDTLS_SSL_RENEGOTIATION)
    if (TLS_MBED_FIELD(&t->ssl, verify_data_len) != TLS_UNIQUE_LEN)
        return false;
    memcpy(at,
           t->is_resumed ? TLS_MBED_FIELD(&t->ssl, own_verify_data)
                         : TLS_MBED_FIELD(&t->ssl, peer_verify_data),
           TLS_UNIQUE_LEN);
    return true;
#else
    (void)t;
    (void)at;
    return false;
#endif
}

void tls_binding_take(struct tls *t, struct tls_facts *facts)
{
    bool is_13 = strcmp(mbedtls_ssl_get_version(&t->ssl), "TLSv1.3") == 0;

    if (is_13 || (t->hello != NULL && t->hello->has_ems)) {
        facts->has_exporter = export(t, facts->exporter);
        facts->has_unique = !is_13 && first_finished(t, facts->unique);
    }
    tls_binding_wipe(t);
}
