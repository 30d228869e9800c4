#ifndef CORE_SERVICE_AUTH_INTROSPECT_H
#define CORE_SERVICE_AUTH_INTROSPECT_H

/*
 * auth_introspect: asks over HTTP what a token is worth: RFC 7662, or a page of the provider's that
 * tells who comes with a token. One question, one connection; the calling thread waits for the
 * answer, but never longer than oauth2_timeout. Any thread.
 */

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"
#include "core/service/auth_settings.h"

enum auth_introspect_answer {
    AUTH_INTROSPECT_TOLD,    /* JSON is in *json_r */
    AUTH_INTROSPECT_REFUSED, /* the token is not taken (only when it is what we come with) */
    AUTH_INTROSPECT_TROUBLE, /* *why_r says what went wrong */
};

MUST_USE bool auth_introspect_begin(void); /* once, before other threads */

/* `token` is of the characters of RFC 6750 2.1. *why_r gets text in every case but the first. */
MUST_USE enum auth_introspect_answer auth_introspect(const struct auth_oauth_settings *set,
                                                     struct span token, struct chain *json_r,
                                                     struct chain *why_r);

#endif
