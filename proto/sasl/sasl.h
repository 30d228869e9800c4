#ifndef PROTO_SASL_SASL_H
#define PROTO_SASL_SASL_H

/*
 * sasl: how an exchange is framed in lines, the same in SMTP (RFC 4954 4), IMAP (RFC 9051 6.2.2,
 * RFC 4959) and POP3 (RFC 5034): responses and challenges in base64, "=" for an initial response
 * that is empty, "*" to give up. The mechanisms are not here.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"
#include "proto/sasl/auth_request.h"
#include "proto/sasl/sasl_settings.h"

enum sasl_status {
    SASL_OK,
    SASL_CANCELLED, /* the client gave up */
    SASL_BAD,       /* not base64 */
    SASL_TOO_LONG,  /* more than response_max bytes */
};

/* Sets the mechanism's name, in upper case; false when it can't be one (RFC 4422 3.1). */
MUST_USE bool sasl_mechanism(struct auth_request *r, struct span name);

/* Bytes that a response may have, encoded. */
MUST_USE uint32_t sasl_response_max(const struct sasl_settings *set);

/* Takes the initial response, or a later one: the text without its line end. */
MUST_USE enum sasl_status sasl_initial(struct auth_request *r, struct span text);
MUST_USE enum sasl_status sasl_response(struct auth_request *r, struct span text);

/* Does the client speak first? Then the server's first challenge is empty, and nobody need be asked
 * for it. */
MUST_USE bool sasl_client_first(const struct auth_request *r);

/* Appends r->challenge in base64, without anything around it, and empties it. */
void sasl_challenge(struct auth_request *r, struct chain *out);

/* Overwrites the bytes of a chain that owns them all, then frees it. */
void sasl_wipe(struct chain *secret);

#endif
