#ifndef CORE_SERVICE_AUTH_SASL_H
#define CORE_SERVICE_AUTH_SASL_H

/*
 * auth_sasl: the mechanisms, by GNU SASL's server side. The library asks through a callback whether
 * a password is right, and auth_check() says. An exchange is one library session, kept in the
 * request between its steps. Any worker thread, one at a time for a request.
 */

#include "core/base/attr.h"
#include "core/service/auth.h"

/* A Gsasl *, to be closed with auth_sasl_close(); NULL when the library does not start. */
MUST_USE void *auth_sasl_open(void);
void auth_sasl_close(void *mechanisms);

/* One step of the exchange; the request's account or challenge is set as the status says.
 * REQUEST_NOT_FOUND: no such mechanism. */
MUST_USE enum request_status auth_sasl_step(struct auth *a, const struct directory *d,
                                            struct auth_request *r);

#endif
