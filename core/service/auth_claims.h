#ifndef CORE_SERVICE_AUTH_CLAIMS_H
#define CORE_SERVICE_AUTH_CLAIMS_H

/*
 * auth_claims: what is said of a token, by itself (a JSON Web Token, RFC 7519 4.1) or by who gave
 * it out (introspection, RFC 7662 2.2): JSON either way, and checked alike. Any thread.
 */

#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "core/service/auth_settings.h"
#include "proto/sasl/auth_request.h"

enum {
    AUTH_CLAIMS_MAX = 64 * 1024, /* bytes of JSON */
    AUTH_CLAIMS_DEPTH_MAX = 16,  /* of lists and objects in each other */
    AUTH_CLAIMS_SKEW_S = 30,     /* clocks may differ by so much */
};

enum auth_claims_answer {
    AUTH_CLAIMS_GOOD,
    AUTH_CLAIMS_BAD,    /* expired, somebody else's, not active, ... */
    AUTH_CLAIMS_SCOPE,  /* good, but not for mail */
    AUTH_CLAIMS_BROKEN, /* not an object of JSON */
};

struct auth_claims {
    char name[AUTH_NAME_MAX + 1]; /* whom the token is for */
    int64_t until_s;              /* until when it is good, since 1970; INT64_MAX: not said */
    const char *why;              /* of a refusal, for the log; valid for ever */
};

/* `is_own`: the token says it itself, and must say when it ends. Otherwise the words of somebody
 * whom we asked, who may leave that out, but has to say that it is active. */
MUST_USE enum auth_claims_answer auth_claims_check(const struct auth_oauth_settings *set,
                                                   struct span json, bool is_own, int64_t now_s,
                                                   struct auth_claims *c_r);

/* The text of a JSON object's member; false when it has none. For the head of a token. */
MUST_USE bool auth_claims_text(struct span json, const char *name, char *at, size_t size);

/* Has the object such a member? False for what is no object. */
MUST_USE bool auth_claims_has(struct span json, const char *name);

#endif
