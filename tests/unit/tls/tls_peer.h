#ifndef TESTS_UNIT_TLS_TLS_PEER_H
#define TESTS_UNIT_TLS_TLS_PEER_H

/* tls_peer: a client's end of TLS in memory, and files of certificates for both. */

#include <stdbool.h>

#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include "core/base/chain.h"
#include "core/tls/tls.h"

struct tls_peer {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_x509_crt certificate;
    mbedtls_pk_context key;
    mbedtls_ssl_session session;
    bool has_session;
    const char *alpn[3];
    struct chain in, out; /* from the server, to it */
};

void tls_peer_open(struct tls_peer *p);
void tls_peer_close(struct tls_peer *p);

/* Optional, before tls_peer_begin(). */
void tls_peer_only_12(struct tls_peer *p); /* no newer version than TLS 1.2 */
void tls_peer_offer(struct tls_peer *p, const char *alpn);
void tls_peer_show(struct tls_peer *p, const char *pem_path);
void tls_peer_resume(struct tls_peer *p, const struct tls_peer *before);

void tls_peer_begin(struct tls_peer *p, const char *server_name);

/* One step of the handshake; 0, MBEDTLS_ERR_SSL_WANT_READ, or an error. */
int tls_peer_shake(struct tls_peer *p);

/* After the handshake: keeps the session for tls_peer_resume(). */
void tls_peer_keep(struct tls_peer *p);

/* A directory that goes when the program ends, and a file in it. */
const char *tls_peer_path(const char *name);

/* A certificate for these hosts (divided by blanks), or for a client with this address, with its
 * key, signed by itself. */
void tls_peer_make(const char *path, const char *names, const char *email);

#endif
