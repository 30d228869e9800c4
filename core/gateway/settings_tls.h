#ifndef CORE_GATEWAY_SETTINGS_TLS_H
#define CORE_GATEWAY_SETTINGS_TLS_H

/* settings_tls: struct config -> certificates. Reads and writes files: not for reactors. */

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/gateway/config.h"
#include "core/tls/tls.h"

/* Are certificates configured? Else one of our own making serves. */
MUST_USE bool settings_tls_has_files(const struct config *config);

/* Sets *context_r to the certificates as configured, the self-signed one when there is none (it is
 * made if need be), or NULL when there is to be no TLS. False with lines in `why` when something is
 * wrong with them. */
MUST_USE bool settings_tls_open(const struct config *config, struct tls_context **context_r,
                                struct chain *why);

/* For shared_open(); NULL is fine. */
void settings_tls_free(void *context);

/* Looks at what is there, and makes nothing: for `ringpost check`. False when something is wrong;
 * warnings alone are true, with lines in `why` too. */
MUST_USE bool settings_tls_check(const struct config *config, struct chain *why);

#endif
