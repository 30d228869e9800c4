#ifndef PROTO_SASL_SASL_OFFER_H
#define PROTO_SASL_SASL_OFFER_H

/*
 * sasl_offer: which ways to log in are open to one client. All protocols ask here, so that what is
 * advertised and what is taken can't differ.
 *
 * A connection is safe from listeners when it has TLS, when client and server are the same host,
 * and when the client is in a trusted network. EXTERNAL, which needs a client certificate, and the
 * -PLUS forms, which bind the login to the TLS connection, are left out where there is nothing of
 * the kind.
 */

#include <stdbool.h>

#include "core/base/chain.h"
#include "core/base/span.h"
#include "proto/sasl/sasl_settings.h"
#include "proto/session.h"

struct sasl_client {
    const char *address, *local_address; /* as in struct session_peer; a proxy's client's own */
    const struct session_tls *tls;       /* NULL: in the clear */
};

/* May user and password come as they are (LOGIN of IMAP, USER and PASS of POP3)? */
MUST_USE bool sasl_takes_passwords(const struct sasl_settings *set, struct sasl_client client);

/* Is the mechanism, in any case, offered to this client? */
MUST_USE bool sasl_offers(const struct sasl_settings *set, struct sasl_client client,
                          struct span mechanism);

/* Would it be, if the connection were safe? Then the answer is "not without TLS". */
MUST_USE bool sasl_offers_with_tls(const struct sasl_settings *set, struct span mechanism);

/* Appends each offered mechanism with `before` in front of it; returns how many. */
unsigned sasl_offer_write(const struct sasl_settings *set, struct sasl_client client,
                          struct span before, struct chain *out);

#endif
