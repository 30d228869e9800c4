#ifndef PROTO_SASL_SASL_BEARER_H
#define PROTO_SASL_SASL_BEARER_H

/*
 * sasl_bearer: what a client says in OAUTHBEARER (RFC 7628) and in XOAUTH2, which is older and
 * simpler: a name and a token.
 *
 *     n,a=ann@example.org,^Ahost=mail.example.org^Aport=993^Aauth=Bearer vF9dft4qmT^A^A
 *     user=ann@example.org^Aauth=Bearer vF9dft4qmT^A^A
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "proto/sasl/auth_request.h"

struct sasl_bearer {
    char user[AUTH_NAME_MAX + 1]; /* whom the client wants to be; "": whom the token names */
    struct span token;            /* of the characters of RFC 6750 2.1; none: the client asks what
                                     we would want (RFC 7628 4.3) */
};

/* Takes a decoded response apart; the token lies in it. False when it is none. */
MUST_USE bool sasl_bearer_parse(struct span response, bool is_xoauth2, struct sasl_bearer *b_r);

#endif
