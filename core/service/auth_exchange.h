#ifndef CORE_SERVICE_AUTH_EXCHANGE_H
#define CORE_SERVICE_AUTH_EXCHANGE_H

/* auth_exchange: what an exchange keeps between its steps (auth_request.exchange), and the
 * mechanisms that auth_sasl.c knows. */

#include "core/service/auth_hash.h"
#include "core/service/auth_private.h"
#include "core/service/auth_sasl.h"
#include "proto/sasl/sasl_offer.h"

struct auth_exchange {
    const struct auth_step *step; /* of the step in hand */
    void *library;                /* a Gsasl_session *, or NULL */
    unsigned steps;               /* responses taken */
    bool has_begun;               /* LOGIN: the name was asked for */
    bool is_right; /* all was shown; the client has yet to take note of our last word */
    bool is_wrong; /* the same for a refusal that says more than no */
    enum auth_answer answer;
};

/* auth_scram.c: gives the library what the name's field has, or what looks like it. */
int auth_scram_property(struct auth_exchange *x, void *library, int property);

/* auth_oauth.c: a step of OAUTHBEARER or XOAUTH2, and whether a request is one of them. */
enum request_status auth_oauth_step(struct auth_exchange *x);
MUST_USE bool auth_oauth_is_it(const struct auth_request *r);

/* The account behind a name that was shown to be the client's, when the client is to act as nobody
 * but itself; false else. */
MUST_USE bool auth_exchange_accept(struct auth_exchange *x, struct span name, const char *other);

#endif
