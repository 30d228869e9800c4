#ifndef CORE_CONN_CONN_TLS_H
#define CORE_CONN_CONN_TLS_H

/*
 * conn_tls: TLS between the socket and the session. The handshake's steps are jobs of the workers,
 * a bounded number at a time; the connection is CONN_SHAKING meanwhile and its session hears
 * nothing. Then what comes is opened before it is fed, and what leaves is sealed before it is sent,
 * on the reactor; all rules of the connection are about the plain bytes, as without TLS.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"

struct conn;
struct conn_service;

/* Has the service a certificate now? */
MUST_USE bool conn_tls_is_there(const struct conn_service *service);

/* Starts a handshake, now that nothing is left to be sent in the clear. What came in the clear is
 * thrown away: it was not protected, and must not be taken for what is (CVE-2011-0411). */
void conn_tls_begin(struct conn *c);

/* The session wants TLS; false until its answer has left. */
bool conn_tls_wanted(struct conn *c);

/* CONN_SHAKING: as far as it goes; false when it waits for bytes or a worker. */
bool conn_tls_shake(struct conn *c);
MUST_USE bool conn_tls_wants_bytes(const struct conn *c);
MUST_USE uint64_t conn_tls_until_ns(const struct conn *c); /* the handshake's deadline */

/* Bytes from the socket. */
void conn_tls_received(struct conn *c, struct span data);

/* Moves the session's next bytes to c->sending, sealed; the last of all is close_notify. */
void conn_tls_seal(struct conn *c);

/* Bytes of memory that it takes. */
MUST_USE size_t conn_tls_held(const struct conn *c);

/* When a silent connection is to rest; 0: it does already, or has no TLS. */
MUST_USE uint64_t conn_tls_rest_ns(const struct conn *c);
void conn_tls_rest(struct conn *c);

/* A worker has it: it can't be freed. */
MUST_USE bool conn_tls_is_away(const struct conn *c);
void conn_tls_free(struct conn *c);

#endif
