/* tls_chain: certificates and keys out of files, and the hosts that they are for. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <mbedtls/oid.h>

#include "core/base/alloc.h"
#include "core/tls/tls_private.h"

enum {
    SAN_DNS = 2, /* of GeneralName, RFC 5280 4.2.1.6 */
    TAG_MASK = 0x1f,
    DAY_S = 24 * 3600,
    ERROR_TEXT_SIZE = 160,
};

/* ---- files ---- */

static void complain(struct chain *why, const char *path, const char *what, int error)
{
    char text[ERROR_TEXT_SIZE];

    mbedtls_strerror(error, text, sizeof(text));
    chain_addf(why, "%s: %s (%s)\n", path, what, text);
}

static ssize_t read_all(int fd, unsigned char *at, size_t size)
{
    size_t len = 0;

    while (len < size) {
        ssize_t got = read(fd, at + len, size - len);
        if (got < 0 && errno != EINTR)
            return -1;
        if (got == 0)
            break;
        if (got > 0)
            len += (size_t)got;
    }
    return (ssize_t)len;
}

/* The whole file with a NUL behind, which mbedtls wants of PEM; NULL when it can't be read. The
 * caller wipes it: there may be a key in it. */
static unsigned char *read_file(const char *path, size_t *size_r, struct chain *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    unsigned char *at = NULL;
    struct stat st;
    ssize_t len = -1;

    if (fd < 0 || fstat(fd, &st) < 0) {
        chain_addf(why, "%s: can't be read: %s; let the server's user read it\n", path,
                   strerror(errno));
    } else if (!S_ISREG(st.st_mode) || st.st_size > TLS_FILE_MAX) {
        chain_addf(why, "%s: not a file of certificates; name one in PEM format\n", path);
    } else {
        at = xcalloc((size_t)st.st_size + 1, 1);
        len = read_all(fd, at, (size_t)st.st_size);
        if (len < 0)
            chain_addf(why, "%s: can't be read: %s\n", path, strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    if (len < 0) {
        free(at);
        return NULL;
    }
    *size_r = (size_t)len + 1;
    return at;
}

static void wipe(unsigned char *at, size_t size)
{
    if (at != NULL)
        explicit_bzero(at, size);
    free(at);
}

static bool load_certificates(mbedtls_x509_crt *crt, const char *path, const unsigned char *pem,
                              size_t size, struct chain *why)
{
    int error = mbedtls_x509_crt_parse(crt, pem, size);

    if (error == 0)
        return true;
    if (error > 0)
        chain_addf(why, "%s: %d of its certificates can't be read; take them out\n", path, error);
    else
        complain(why, path, "no certificate in PEM format; name the file that has the chain",
                 error);
    return false;
}

static bool load_key(mbedtls_pk_context *key, const char *path, const unsigned char *pem,
                     size_t size, struct chain *why)
{
    int error = tls_mbed_key_parse(key, pem, size);

    if (error == 0)
        return true;
    if (error == MBEDTLS_ERR_PK_PASSWORD_REQUIRED)
        chain_addf(why, "%s: the key is locked by a password; take it off with openssl pkey\n",
                   path);
    else
        complain(why, path, "no private key in PEM format; name the file that has it", error);
    return false;
}

bool tls_chain_load(struct tls_chain *chain, const struct tls_files *files, struct chain *why)
{
    bool apart = files->key[0] != '\0' && strcmp(files->key, files->chain) != 0;
    const char *key_path = apart ? files->key : files->chain;
    size_t size = 0, key_size = 0;
    unsigned char *pem, *key = NULL;
    bool good;

    mbedtls_x509_crt_init(&chain->certificates);
    mbedtls_pk_init(&chain->key);
    pem = read_file(files->chain, &size, why);
    if (apart && pem != NULL)
        key = read_file(files->key, &key_size, why);
    good = pem != NULL && (!apart || key != NULL) &&
           load_certificates(&chain->certificates, files->chain, pem, size, why) &&
           load_key(&chain->key, key_path, apart ? key : pem, apart ? key_size : size, why);
    if (good && !tls_mbed_key_fits(&chain->certificates, &chain->key)) {
        chain_addf(why, "%s: the key is not that of the first certificate in %s; pair them\n",
                   key_path, files->chain);
        good = false;
    }
    wipe(pem, size);
    wipe(key, key_size);
    return good;
}

bool tls_chain_load_authorities(mbedtls_x509_crt *authorities, const char *path, struct chain *why)
{
    size_t size = 0;
    unsigned char *pem = read_file(path, &size, why);
    bool good = pem != NULL && load_certificates(authorities, path, pem, size, why);

    free(pem);
    return good;
}

void tls_chain_free(struct tls_chain *chain)
{
    mbedtls_x509_crt_free(&chain->certificates);
    mbedtls_pk_free(&chain->key);
}

/* ---- whom it is for ---- */

static bool name_matches(struct span pattern, const char *host)
{
    const char *dot = strchr(host, '.');
    size_t len = strlen(host);

    if (dot == host) /* any name below it */
        return pattern.len > len &&
               span_eq_nocase(span_after(pattern, pattern.len - len), span_str(host));
    if (pattern.len > 2 && pattern.at[0] == '*' && pattern.at[1] == '.')
        return dot != NULL && span_eq_nocase(span_after(pattern, 1), span_str(dot));
    return span_eq_nocase(pattern, span_str(host));
}

/* The common name counts only where there are no host names in the extension: RFC 6125 6.4.4. */
static bool common_name_matches(const mbedtls_x509_crt *crt, const char *host)
{
    for (const mbedtls_x509_name *n = &crt->subject; n != NULL; n = n->next) {
        if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &n->oid) == 0 &&
            name_matches((struct span){(const char *)n->val.p, n->val.len}, host))
            return true;
    }
    return false;
}

bool tls_chain_is_for(const mbedtls_x509_crt *crt, const char *host)
{
    bool has_names = false;

    for (const mbedtls_x509_sequence *s = &crt->subject_alt_names; s != NULL; s = s->next) {
        if (s->buf.p == NULL || (s->buf.tag & TAG_MASK) != SAN_DNS)
            continue;
        has_names = true;
        if (name_matches((struct span){(const char *)s->buf.p, s->buf.len}, host))
            return true;
    }
    return !has_names && common_name_matches(crt, host);
}

/* ---- when it is valid ---- */

static int64_t seconds_of(const mbedtls_x509_time *t)
{
    struct tm tm = {
        .tm_year = t->year - 1900,
        .tm_mon = t->mon - 1,
        .tm_mday = t->day,
        .tm_hour = t->hour,
        .tm_min = t->min,
        .tm_sec = t->sec,
    };

    return (int64_t)timegm(&tm);
}

void tls_chain_warn(const struct tls_chain *chain, int64_t now_s, struct chain *why)
{
    const mbedtls_x509_time *to = &chain->certificates.valid_to;
    int64_t left_s = seconds_of(to) - now_s;

    if (left_s < 0)
        chain_addf(why, "%s: the certificate expired on %04d-%02d-%02d; get a new one\n",
                   chain->path, to->year, to->mon, to->day);
    else if (left_s < TLS_EXPIRY_WARN_DAYS * (int64_t)DAY_S)
        chain_addf(why, "%s: the certificate expires on %04d-%02d-%02d; get a new one\n",
                   chain->path, to->year, to->mon, to->day);
    if (seconds_of(&chain->certificates.valid_from) > now_s)
        chain_addf(why, "%s: the certificate is not valid yet; look at the clock\n", chain->path);
}
