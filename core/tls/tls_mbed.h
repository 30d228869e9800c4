#ifndef CORE_TLS_TLS_MBED_H
#define CORE_TLS_TLS_MBED_H

/*
 * tls_mbed: the one place that knows which mbedtls this is, 2.28 or 3.6. The first ends at TLS 1.2
 * and names many things differently; what both have alike is used directly by the other files.
 */

#include <stdbool.h>
#include <stdint.h>

#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#include "core/base/attr.h"

/* A member of a structure that 3.6 calls its own. */
#if MBEDTLS_VERSION_MAJOR >= 3
#define TLS_MBED_FIELD(ssl, name) ((ssl)->MBEDTLS_PRIVATE(name))
#else
#define TLS_MBED_FIELD(ssl, name) ((ssl)->name)
#endif

struct tls;

/* An f_rng: the kernel's bytes, so that threads share no state and need no lock. */
int tls_mbed_random(void *context, unsigned char *at, size_t size);

bool tls_mbed_has_13(void);

void tls_mbed_begin(void);

/* Versions, ciphers, groups and what else is the same on all listeners. */
void tls_mbed_rules(mbedtls_ssl_config *config, bool only_13);

/* The cipher's name in OpenSSL's words and its bits, by the library's name. */
const char *tls_mbed_cipher(const char *name, uint16_t *bits_r);

/* 0 or an error of mbedtls'. `size` counts the NUL at the end. */
int tls_mbed_key_parse(mbedtls_pk_context *key, const unsigned char *pem, size_t size);
bool tls_mbed_key_fits(const mbedtls_x509_crt *leaf, const mbedtls_pk_context *key);

int tls_mbed_set_serial(mbedtls_x509write_cert *w, unsigned char *at, size_t size);

/* The two record buffers, for tls_rest(). False when it is not known where they are, or one is in
 * use. `keep` bytes in front of each must stay. */
struct tls_mbed_buffer {
    unsigned char *at;
    size_t size;
};
bool tls_mbed_buffers(mbedtls_ssl_context *ssl, struct tls_mbed_buffer buffers_r[2]);

#endif
