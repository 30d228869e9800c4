#include "core/tls/tls_mbed.h"

#include <string.h>

#include <mbedtls/gcm.h>
#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif

#include "core/base/ensure.h"
#include "core/base/random.h"
#include "core/tls/tls.h"

int tls_mbed_random(void *context, unsigned char *at, size_t size)
{
    (void)context;
    random_bytes(at, size);
    return 0;
}

/* ---- ciphers: forward secret AEAD only, in the order in which we like them ---- */

struct cipher {
    int id;
    uint16_t bits;
    const char *name;
};

static const struct cipher ciphers[] = {
#if MBEDTLS_VERSION_MAJOR >= 3
    {MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,               256, "TLS_CHACHA20_POLY1305_SHA256" },
    {MBEDTLS_TLS1_3_AES_128_GCM_SHA256,                     128, "TLS_AES_128_GCM_SHA256"       },
    {MBEDTLS_TLS1_3_AES_256_GCM_SHA384,                     256, "TLS_AES_256_GCM_SHA384"       },
#endif
    {MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, 256, "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,   256, "ECDHE-RSA-CHACHA20-POLY1305"  },
    {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,       128, "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,         128, "ECDHE-RSA-AES128-GCM-SHA256"  },
    {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,       256, "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,         256, "ECDHE-RSA-AES256-GCM-SHA384"  },
};

/* The same as the library wants it; made once by tls_mbed_begin(). */
static int cipher_ids[COUNT_OF(ciphers) + 1];

const char *tls_mbed_cipher(const char *name, uint16_t *bits_r)
{
    int id = name == NULL ? 0 : mbedtls_ssl_get_ciphersuite_id(name);

    for (size_t i = 0; i < COUNT_OF(ciphers); i++) {
        if (ciphers[i].id == id) {
            *bits_r = ciphers[i].bits;
            return ciphers[i].name;
        }
    }
    *bits_r = 0;
    return "unknown";
}

/* 3.6 before 3.6.4 finds out about the processor's AES without a lock, at its first use. */
static void use_aes_once(void)
{
    static const unsigned char zeros[32];
    unsigned char sealed[16], tag[16];
    mbedtls_gcm_context gcm;

    mbedtls_gcm_init(&gcm);
    (void)mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, zeros, 128);
    (void)mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, sizeof(sealed), zeros, 12, NULL, 0,
                                    zeros, sealed, sizeof(tag), tag);
    mbedtls_gcm_free(&gcm);
}

void tls_mbed_begin(void)
{
    for (size_t i = 0; i < COUNT_OF(ciphers); i++)
        cipher_ids[i] = ciphers[i].id;
#if MBEDTLS_VERSION_MAJOR >= 3
    ensure(psa_crypto_init() == PSA_SUCCESS);
#endif
    use_aes_once();
}

/* ---- rules ---- */

bool tls_mbed_has_13(void)
{
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
    return true;
#else
    return false;
#endif
}

#if MBEDTLS_VERSION_MAJOR >= 3
static void rules_of_version(mbedtls_ssl_config *config, bool only_13)
{
    static const uint16_t groups[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
                                      MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
                                      MBEDTLS_SSL_IANA_TLS_GROUP_NONE};

    mbedtls_ssl_conf_min_tls_version(config, only_13 ? MBEDTLS_SSL_VERSION_TLS1_3
                                                     : MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(config, tls_mbed_has_13() ? MBEDTLS_SSL_VERSION_TLS1_3
                                                               : MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_groups(config, groups);
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
    mbedtls_ssl_conf_tls13_key_exchange_modes(config,
                                              MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL);
#if defined(MBEDTLS_SSL_SESSION_TICKETS)
    mbedtls_ssl_conf_new_session_tickets(config, 1);
#endif
#endif
}
#else
static void rules_of_version(mbedtls_ssl_config *config, bool only_13)
{
    static const mbedtls_ecp_group_id groups[] = {MBEDTLS_ECP_DP_CURVE25519,
                                                  MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_NONE};
    static const int hashes[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512,
                                 MBEDTLS_MD_NONE};

    (void)only_13; /* refused before: this library has none */
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_curves(config, groups);
    mbedtls_ssl_conf_sig_hashes(config, hashes);
}
#endif

void tls_mbed_rules(mbedtls_ssl_config *config, bool only_13)
{
    mbedtls_ssl_conf_rng(config, tls_mbed_random, NULL);
    mbedtls_ssl_conf_ciphersuites(config, cipher_ids);
    mbedtls_ssl_conf_renegotiation(config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
    mbedtls_ssl_conf_legacy_renegotiation(config, MBEDTLS_SSL_LEGACY_NO_RENEGOTIATION);
    mbedtls_ssl_conf_extended_master_secret(config, MBEDTLS_SSL_EXTENDED_MS_ENABLED);
    rules_of_version(config, only_13);
}

/* ---- keys and certificates ---- */

#if MBEDTLS_VERSION_MAJOR >= 3
int tls_mbed_key_parse(mbedtls_pk_context *key, const unsigned char *pem, size_t size)
{
    return mbedtls_pk_parse_key(key, pem, size, NULL, 0, tls_mbed_random, NULL);
}

bool tls_mbed_key_fits(const mbedtls_x509_crt *leaf, const mbedtls_pk_context *key)
{
    return mbedtls_pk_check_pair(&leaf->pk, key, tls_mbed_random, NULL) == 0;
}

int tls_mbed_set_serial(mbedtls_x509write_cert *w, unsigned char *at, size_t size)
{
    return mbedtls_x509write_crt_set_serial_raw(w, at, size);
}

#else
int tls_mbed_key_parse(mbedtls_pk_context *key, const unsigned char *pem, size_t size)
{
    return mbedtls_pk_parse_key(key, pem, size, NULL, 0);
}

bool tls_mbed_key_fits(const mbedtls_x509_crt *leaf, const mbedtls_pk_context *key)
{
    return mbedtls_pk_check_pair(&leaf->pk, key) == 0;
}

int tls_mbed_set_serial(mbedtls_x509write_cert *w, unsigned char *at, size_t size)
{
    mbedtls_mpi serial;
    int error;

    mbedtls_mpi_init(&serial);
    error = mbedtls_mpi_read_binary(&serial, at, size);
    if (error == 0)
        error = mbedtls_x509write_crt_set_serial(w, &serial);
    mbedtls_mpi_free(&serial);
    return error;
}

#endif

/* ---- buffers ---- */

bool tls_mbed_buffers(mbedtls_ssl_context *ssl, struct tls_mbed_buffer buffers_r[2])
{
    if (TLS_MBED_FIELD(ssl, in_left) != 0 || TLS_MBED_FIELD(ssl, out_left) != 0 ||
        TLS_MBED_FIELD(ssl, in_offt) != NULL)
        return false;
    buffers_r[0] = (struct tls_mbed_buffer){TLS_MBED_FIELD(ssl, in_buf), TLS_RECORD_MAX};
    buffers_r[1] = (struct tls_mbed_buffer){TLS_MBED_FIELD(ssl, out_buf), TLS_RECORD_MAX};
    return true;
}
