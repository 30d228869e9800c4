#include "tests/unit/tls/tls_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>

#include "core/base/ensure.h"
#include "core/tls/tls_mbed.h"

enum {
    PEM_SIZE = 4096,
    PATH_SIZE = 200,
    PATHS = 16,
    NAMES_MAX = 120, /* bytes of all names */
};

/* ---- files ---- */

static char directory[PATH_SIZE], paths[PATHS][PATH_SIZE];
static unsigned path_count;

static void remove_files(void)
{
    for (unsigned i = 0; i < path_count; i++)
        (void)unlink(paths[i]);
    (void)rmdir(directory);
}

const char *tls_peer_path(const char *name)
{
    if (directory[0] == '\0') {
        (void)snprintf(directory, sizeof(directory), "/tmp/ringpost-tls-XXXXXX");
        ensure(mkdtemp(directory) != NULL);
        ensure(atexit(remove_files) == 0);
    }
    ensure(path_count < PATHS);
    (void)snprintf(paths[path_count], PATH_SIZE, "%.100s/%.80s", directory, name);
    return paths[path_count++];
}

static size_t add_names(unsigned char *at, unsigned char tag, const char *names)
{
    size_t len = 0;

    while (*names != '\0') {
        size_t name_len = strcspn(names, " ");
        ensure(len + 2 + name_len <= NAMES_MAX);
        at[len] = tag;
        at[len + 1] = (unsigned char)name_len;
        memcpy(at + len + 2, names, name_len);
        len += 2 + name_len;
        names += name_len + (names[name_len] == ' ');
    }
    return len;
}

static void describe(mbedtls_x509write_cert *w, mbedtls_pk_context *key, const char *names,
                     const char *email)
{
    unsigned char serial[] = {1, 2, 3}, der[2 + NAMES_MAX] = {0x30};
    size_t len = email != NULL ? add_names(der + 2, 0x81, email) : add_names(der + 2, 0x82, names);

    der[1] = (unsigned char)len;
    mbedtls_x509write_crt_set_version(w, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(w, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(w, key);
    mbedtls_x509write_crt_set_issuer_key(w, key);
    ensure(mbedtls_x509write_crt_set_subject_name(w, "CN=test") == 0);
    ensure(mbedtls_x509write_crt_set_issuer_name(w, "CN=test") == 0);
    ensure(tls_mbed_set_serial(w, serial, sizeof(serial)) == 0);
    ensure(mbedtls_x509write_crt_set_validity(w, "20200101000000", "20900101000000") == 0);
    ensure(mbedtls_x509write_crt_set_basic_constraints(w, 1, -1) == 0);
    ensure(mbedtls_x509write_crt_set_extension(w, MBEDTLS_OID_SUBJECT_ALT_NAME,
                                               MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0,
                                               der, len + 2) == 0);
}

void tls_peer_make(const char *path, const char *names, const char *email)
{
    unsigned char key_pem[PEM_SIZE], pem[PEM_SIZE];
    mbedtls_x509write_cert w;
    mbedtls_pk_context key;
    FILE *f = fopen(path, "we");

    ensure(f != NULL);
    mbedtls_x509write_crt_init(&w);
    mbedtls_pk_init(&key);
    ensure(mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) == 0);
    ensure(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key), tls_mbed_random,
                               NULL) == 0);
    describe(&w, &key, names, email);
    ensure(mbedtls_pk_write_key_pem(&key, key_pem, PEM_SIZE) == 0);
    ensure(mbedtls_x509write_crt_pem(&w, pem, PEM_SIZE, tls_mbed_random, NULL) == 0);
    ensure(fputs((char *)key_pem, f) >= 0 && fputs((char *)pem, f) >= 0);
    ensure(fclose(f) == 0);
    mbedtls_x509write_crt_free(&w);
    mbedtls_pk_free(&key);
}

/* ---- the two queues ---- */

static int receive(void *context, unsigned char *at, size_t size)
{
    struct tls_peer *p = context;
    size_t len = p->in.len < size ? p->in.len : size;

    if (len == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    chain_copy(&p->in, 0, (char *)at, len);
    chain_drop(&p->in, len);
    return (int)len;
}

static int send_out(void *context, const unsigned char *at, size_t size)
{
    struct tls_peer *p = context;

    chain_add(&p->out, (struct span){(const char *)at, size});
    return (int)size;
}

/* ---- the conversation ---- */

void tls_peer_open(struct tls_peer *p)
{
    *p = (struct tls_peer){0};
    mbedtls_ssl_init(&p->ssl);
    mbedtls_ssl_config_init(&p->config);
    mbedtls_ssl_session_init(&p->session);
    mbedtls_x509_crt_init(&p->certificate);
    mbedtls_pk_init(&p->key);
    ensure(mbedtls_ssl_config_defaults(&p->config, MBEDTLS_SSL_IS_CLIENT,
                                       MBEDTLS_SSL_TRANSPORT_STREAM,
                                       MBEDTLS_SSL_PRESET_DEFAULT) == 0);
    mbedtls_ssl_conf_authmode(&p->config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_rng(&p->config, tls_mbed_random, NULL);
}

void tls_peer_close(struct tls_peer *p)
{
    mbedtls_ssl_free(&p->ssl);
    mbedtls_ssl_config_free(&p->config);
    mbedtls_ssl_session_free(&p->session);
    mbedtls_x509_crt_free(&p->certificate);
    mbedtls_pk_free(&p->key);
    chain_free(&p->in);
    chain_free(&p->out);
}

void tls_peer_only_12(struct tls_peer *p)
{
#if MBEDTLS_VERSION_MAJOR >= 3
    mbedtls_ssl_conf_max_tls_version(&p->config, MBEDTLS_SSL_VERSION_TLS1_2);
#else
    (void)p;
#endif
}

void tls_peer_offer(struct tls_peer *p, const char *alpn)
{
    p->alpn[0] = alpn;
    ensure(mbedtls_ssl_conf_alpn_protocols(&p->config, p->alpn) == 0);
}

void tls_peer_show(struct tls_peer *p, const char *pem_path)
{
    unsigned char pem[2 * PEM_SIZE] = {0};
    FILE *f = fopen(pem_path, "re");
    size_t len;

    ensure(f != NULL);
    len = fread(pem, 1, sizeof(pem) - 1, f);
    ensure(fclose(f) == 0);
    ensure(mbedtls_x509_crt_parse(&p->certificate, pem, len + 1) == 0);
    ensure(tls_mbed_key_parse(&p->key, pem, len + 1) == 0);
    ensure(mbedtls_ssl_conf_own_cert(&p->config, &p->certificate, &p->key) == 0);
}

void tls_peer_begin(struct tls_peer *p, const char *server_name)
{
    ensure(mbedtls_ssl_setup(&p->ssl, &p->config) == 0);
    if (p->has_session)
        ensure(mbedtls_ssl_set_session(&p->ssl, &p->session) == 0);
    ensure(mbedtls_ssl_set_hostname(&p->ssl, server_name) == 0);
    mbedtls_ssl_set_bio(&p->ssl, p, send_out, receive, NULL);
}

int tls_peer_shake(struct tls_peer *p)
{
    return mbedtls_ssl_handshake(&p->ssl);
}

void tls_peer_keep(struct tls_peer *p)
{
    p->has_session = mbedtls_ssl_get_session(&p->ssl, &p->session) == 0;
}

void tls_peer_resume(struct tls_peer *p, const struct tls_peer *before)
{
    unsigned char at[PEM_SIZE];
    size_t len;

    ensure(before->has_session);
    ensure(mbedtls_ssl_session_save(&before->session, at, sizeof(at), &len) == 0);
    ensure(mbedtls_ssl_session_load(&p->session, at, len) == 0);
    p->has_session = true;
}
