/* tls_make: a self-signed certificate for the first minutes of a server. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/platform_util.h>

#include "core/base/alloc.h"
#include "core/base/random.h"
#include "core/tls/tls_private.h"

enum {
    PEM_SIZE = 4096, /* of the key, and of the certificate */
    SERIAL_LEN = 16,
    DATE_SIZE = 16,
    DAY_S = 24 * 3600,
    YEARS = 10,
    SAN_MAX = 127 - 2, /* bytes of all names, so that a length is one byte */
    TAG_SEQUENCE = 0x30,
    TAG_DNS_NAME = 0x82,
};

struct made {
    unsigned char key[PEM_SIZE], certificate[PEM_SIZE];
};

static void date_text(int64_t at_s, char text_r[DATE_SIZE])
{
    time_t t = (time_t)at_s;
    struct tm tm;

    (void)gmtime_r(&t, &tm);
    (void)strftime(text_r, DATE_SIZE, "%Y%m%d%H%M%S", &tm);
}

static size_t add_name(unsigned char *at, size_t len, const char *name)
{
    size_t name_len = strlen(name);

    if (len + 2 + name_len > SAN_MAX)
        return len;
    at[len] = TAG_DNS_NAME;
    at[len + 1] = (unsigned char)name_len;
    memcpy(at + len + 2, name, name_len);
    return len + 2 + name_len;
}

/* SubjectAltName of RFC 5280 4.2.1.6: the host and localhost. */
static int set_names(mbedtls_x509write_cert *w, const char *host)
{
    unsigned char der[2 + SAN_MAX];
    size_t len = add_name(der + 2, 0, host);

    if (strcmp(host, "localhost") != 0)
        len = add_name(der + 2, len, "localhost");
    der[0] = TAG_SEQUENCE;
    der[1] = (unsigned char)len;
    return mbedtls_x509write_crt_set_extension(w, MBEDTLS_OID_SUBJECT_ALT_NAME,
                                               MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0,
                                               der, len + 2);
}

static int describe(mbedtls_x509write_cert *w, mbedtls_pk_context *key, const char *host,
                    int64_t now_s)
{
    char subject[80], from[DATE_SIZE], to[DATE_SIZE];
    unsigned char serial[SERIAL_LEN];
    int error;

    /* A common name has 64 bytes at most: RFC 5280, appendix A.1. */
    (void)snprintf(subject, sizeof(subject), "CN=%s", strlen(host) <= 64 ? host : "localhost");
    date_text(now_s - DAY_S, from);
    date_text(now_s + YEARS * 365 * (int64_t)DAY_S, to);
    random_bytes(serial, sizeof(serial));
    serial[0] = (serial[0] & 0x3f) | 0x40; /* positive, and its length is certain */
    mbedtls_x509write_crt_set_version(w, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(w, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(w, key);
    mbedtls_x509write_crt_set_issuer_key(w, key);
    error = mbedtls_x509write_crt_set_subject_name(w, subject);
    if (error == 0)
        error = mbedtls_x509write_crt_set_issuer_name(w, subject);
    if (error == 0)
        error = tls_mbed_set_serial(w, serial, sizeof(serial));
    if (error == 0)
        error = mbedtls_x509write_crt_set_validity(w, from, to);
    if (error == 0)
        error = mbedtls_x509write_crt_set_basic_constraints(w, 0, -1);
    return error == 0 ? set_names(w, host) : error;
}

static int make(const char *host, int64_t now_s, struct made *made)
{
    mbedtls_x509write_cert w;
    mbedtls_pk_context key;
    int error;

    mbedtls_x509write_crt_init(&w);
    mbedtls_pk_init(&key);
    error = mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (error == 0)
        error = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key), tls_mbed_random,
                                    NULL);
    if (error == 0)
        error = describe(&w, &key, host, now_s);
    if (error == 0)
        error = mbedtls_pk_write_key_pem(&key, made->key, PEM_SIZE);
    if (error == 0)
        error = mbedtls_x509write_crt_pem(&w, made->certificate, PEM_SIZE, tls_mbed_random, NULL);
    mbedtls_x509write_crt_free(&w);
    mbedtls_pk_free(&key);
    return error;
}

static bool write_text(int fd, const unsigned char *text)
{
    size_t len = strlen((const char *)text);

    while (len > 0) {
        ssize_t done = write(fd, text, len);
        if (done < 0 && errno != EINTR)
            return false;
        if (done > 0) {
            text += done;
            len -= (size_t)done;
        }
    }
    return true;
}

/* Under another name first; link() then gives it the name at once, unless somebody was faster. */
static bool write_file(const char *path, const struct made *made)
{
    struct chain name = {0};
    const char *temporary;
    bool good = false;
    int fd;

    chain_addf(&name, "%s.%016llx", path, (unsigned long long)random_u64());
    chain_add_byte(&name, '\0');
    temporary = chain_flat(&name).at;
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        good = write_text(fd, made->key) && write_text(fd, made->certificate) && fsync(fd) == 0;
        good = close(fd) == 0 && good;
        good = good && (link(temporary, path) == 0 || errno == EEXIST);
        (void)unlink(temporary);
    }
    chain_free(&name);
    return good;
}

bool tls_make_certificate(const char *path, const char *host, int64_t now_s, struct chain *why)
{
    struct made *made;
    char text[128];
    int error;
    bool good = false;

    if (access(path, F_OK) == 0)
        return true;
    made = xcalloc(1, sizeof(*made));
    error = make(host, now_s, made);
    if (error != 0) {
        mbedtls_strerror(error, text, sizeof(text));
        chain_addf(why, "%s: no certificate can be made: %s\n", path, text);
    } else if (!write_file(path, made)) {
        chain_addf(why,
                   "%s: the certificate can't be written: %s; let the server's user write "
                   "there, or name one in smtpd_tls_chain_files\n",
                   path, strerror(errno));
    } else {
        good = true;
    }
    mbedtls_platform_zeroize(made, sizeof(*made));
    free(made);
    return good;
}
