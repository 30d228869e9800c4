#ifndef PROTO_SASL_AUTH_REQUEST_H
#define PROTO_SASL_AUTH_REQUEST_H

/*
 * auth_request: REQUEST_AUTH, the same for every protocol. The session frames and decodes (base64,
 * cancel with "*"), the service judges. One request lives for the whole exchange: after
 * REQUEST_CONTINUE the session sends `challenge` (raw, to be encoded), puts the next response into
 * `response` and hands the same request out again. proto/sasl/sasl.h does the framing.
 */

#include "core/base/attr.h"
#include "proto/request.h"

enum {
    AUTH_NAME_MAX = 320,       /* bytes of a user name, user@domain */
    AUTH_RESPONSE_MAX = 12288, /* bytes of one response line, encoded (SMTP.md 3; HOSTILE L3) */
};

struct session_tls;

struct auth_request {
    struct request base;
    char mechanism[24]; /* upper case: "PLAIN"; "" with user and password given */
    char protocol[8];   /* "imap", "smtp", "pop3": for log lines and policy */
    char remote_address[46];
    const struct session_tls *tls; /* lent by the session; NULL: in the clear */
    bool has_response;             /* false: the client sent no initial response */
    struct chain response;         /* decoded */
    struct chain
        challenge; /* out, REQUEST_CONTINUE: raw; not in base.out, which the driver sends */
    struct chain user, password; /* mechanism "" (LOGIN, USER/PASS) */
    void *exchange;              /* the service's state; freed by it with the last answer or by
                                    auth_request_free() through `drop` */
    void (*drop)(void *exchange);
    char account[AUTH_NAME_MAX + 1]; /* out, REQUEST_OK: user@domain, canonical */
};

MUST_USE struct auth_request *auth_request_new(void);
/* Wipes what was secret. Takes the request away from whoever held it. */
void auth_request_free(struct auth_request **request);

#endif
