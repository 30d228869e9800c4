#ifndef CORE_SERVICE_AUTH_SASL_H
#define CORE_SERVICE_AUTH_SASL_H

/*
 * auth_sasl: the mechanisms. What is on the wire of PLAIN, LOGIN, SCRAM and EXTERNAL is GNU SASL's
 * matter; it asks through a callback what it wants to know. An exchange is kept in the request
 * between its steps. Any thread, one at a time for a request.
 */

#include "core/base/attr.h"
#include "core/service/auth.h"
#include "core/service/auth_settings.h"
#include "core/service/directory.h"

/* What a step may know. */
struct auth_step {
    struct auth *auth;
    const struct directory *directory;
    const struct auth_settings *settings;
    struct auth_request *request;
};

/* A Gsasl *, to be closed with auth_sasl_close(); NULL when the library does not start. */
MUST_USE void *auth_sasl_open(void);
void auth_sasl_close(void *mechanisms);

/* One step of the exchange; the request's account or challenge is set as the status says.
 * REQUEST_NOT_FOUND: no such mechanism. */
MUST_USE enum request_status auth_sasl_step(const struct auth_step *step);

/* Is the next step one that computes no hash? */
MUST_USE bool auth_sasl_is_quick(const struct auth_request *r);

#endif
