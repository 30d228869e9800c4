#ifndef CORE_TLS_TLS_PRIVATE_H
#define CORE_TLS_TLS_PRIVATE_H

/*
 * What a context is made of, for the files of this folder.
 *
 * The library keeps results of computations in the keys that it computes with, so a key may serve
 * one thread at a time. A lane is a whole copy of all keys and certificates with a lock; each
 * connection belongs to one lane, and its handshake runs under the lane's lock. Reading and writing
 * touch no key.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "core/tls/tls.h"
#include "core/tls/tls_hello.h"
#include "core/tls/tls_mbed.h"

/* A certificate up to its authority, and its key. */
struct tls_chain {
    mbedtls_x509_crt certificates;
    mbedtls_pk_context key;
    const char *path; /* the context's */
};

struct tls_tickets;

struct tls_lane {
    pthread_mutex_t lock;
    struct tls_context *context;
    struct tls_chain *chains; /* context->count of them */
    mbedtls_x509_crt authorities;
    mbedtls_ssl_config configs[TLS_PROTOCOLS];
    struct tls *current; /* whose handshake runs, while the lock is held */
};

struct tls_context {
    unsigned count, lane_count;
    char **paths;
    struct tls_lane *lanes;
    atomic_uint next; /* connections so far */
    struct tls_tickets *tickets;
};

struct tls {
    mbedtls_ssl_context ssl;
    struct tls_lane *lane;
    const char *service;
    enum tls_protocol protocol;
    const struct tls_target *target; /* NULL: we are the server */
    bool is_done, is_failed, has_hello;
    bool is_resumed;
    int end; /* what the library said last, when that was the end; else 0 */
    char *why;
    struct tls_hello *hello;   /* until tls_settle() */
    struct tls_secret *secret; /* tls_binding.c; until tls_settle() */

    /* during a call */
    struct chain *held, *out;
    size_t whole; /* bytes of `held` that it may have */
    struct span *bytes;
};

/* tls_chain.c. Each appends a line to `why` when it returns false. */
MUST_USE bool tls_chain_load(struct tls_chain *chain, const struct tls_files *files,
                             struct chain *why);
/* A directory's files are all looked at; those that have no certificate are passed over. */
MUST_USE bool tls_chain_load_authorities(mbedtls_x509_crt *authorities, const char *path,
                                         struct chain *why);
void tls_chain_free(struct tls_chain *chain);
/* Is the certificate for this host (lower case)? "*.example.org" is for one more label; a host
 * ".example.org" asks for any name below. */
MUST_USE bool tls_chain_is_for(const mbedtls_x509_crt *certificate, const char *host);
void tls_chain_warn(const struct tls_chain *chain, int64_t now_s, struct chain *why);

/* tls_context.c */
void tls_lane_init(struct tls_context *context, struct tls_lane *lane);

/* tls_dial.c: how well the server is known, after the handshake. */
enum tls_trust tls_dial_trust(struct tls *t);

/* tls_client.c: the address that a client's certificate is for; false when there is none. */
bool tls_client_address(const mbedtls_x509_crt *certificate, char *address_r, size_t size);

/* tls_binding.c. The secret that bindings are made of lives from the handshake to wipe() or take().
 */
void tls_binding_prepare(struct tls_lane *lane, mbedtls_ssl_config *config);
void tls_binding_take(struct tls *t, struct tls_facts *facts); /* before t->hello is gone */
void tls_binding_wipe(struct tls *t);

/* tls_ticket.c */
MUST_USE struct tls_tickets *tls_tickets_open(void);
void tls_tickets_close(struct tls_tickets **tickets);
mbedtls_ssl_ticket_write_t tls_ticket_write; /* their first argument is the lane */
mbedtls_ssl_ticket_parse_t tls_ticket_parse;

#endif
