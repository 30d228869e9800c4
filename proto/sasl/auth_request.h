#ifndef PROTO_SASL_AUTH_REQUEST_H
#define PROTO_SASL_AUTH_REQUEST_H

/*
 * auth_request: REQUEST_AUTH, the same for every protocol. The session frames and decodes (base64,
 * cancel with "*"), the service judges. One request lives for the whole exchange: after
 * REQUEST_CONTINUE the session sends `challenge` (raw, to be encoded), puts the next response into
 * `response` and hands the same request out again. proto/sasl/sasl.h does the framing.
 */

#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "proto/request.h"

enum {
    AUTH_NAME_MAX = 320,       /* bytes of a user name, user@domain */
    AUTH_RESPONSE_MAX = 12288, /* bytes of one response line, encoded, when nobody says (L3) */
};

struct session_tls;

/* One of the sessions that an account may have from one address. Whoever holds it gives it back
 * with auth_seat_leave(). */
struct auth_seat {
    void (*leave)(struct auth_seat *seat); /* any thread; frees it */
};

struct auth_request {
    struct request base;
    char mechanism[24]; /* upper case: "PLAIN"; "" with user and password given */
    char protocol[8];   /* "imap", "smtp", "pop3": for log lines and policy */
    char remote_address[46];
    const struct session_tls *tls; /* lent by the session; NULL: in the clear */
    bool has_response;             /* false: the client sent no initial response */
    uint32_t response_max;         /* bytes of a response, encoded */
    struct chain response;         /* decoded */
    struct chain
        challenge; /* out, REQUEST_CONTINUE: raw; not in base.out, which the driver sends */
    struct chain user, password; /* mechanism "" (LOGIN, USER/PASS) */
    void *exchange;              /* the service's state; freed by it with the last answer or by
                                    auth_request_free() through `drop` */
    void (*drop)(void *exchange);
    char account[AUTH_NAME_MAX + 1]; /* out, REQUEST_OK: user@domain, canonical */
    char tried[AUTH_NAME_MAX + 1];   /* out: the name that the client gave, for the log; "" before
                                        it gave one. Any bytes */
    bool wants_seat;                 /* the session that begins lasts, and is counted */
    struct auth_seat *seat;          /* out, REQUEST_OK when wanted: the session takes it, and
                                        gives it back at its end; NULL: sessions are not counted */
    uint32_t delay_ms;               /* out, REQUEST_REFUSED: how much later the answer leaves, for
                                        session.delay_ms */
};

MUST_USE struct auth_request *auth_request_new(void);
/* Wipes what was secret. Takes the request away from whoever held it. */
void auth_request_free(struct auth_request **request);

/* Bytes of memory that it holds. */
MUST_USE size_t auth_request_held(const struct auth_request *r);

/* Keeps the name for the log, cut at AUTH_NAME_MAX bytes and at a NUL. */
void auth_request_tried(struct auth_request *r, struct span name);

void auth_seat_leave(struct auth_seat **seat); /* *seat may be NULL */

#endif
