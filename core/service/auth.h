#ifndef CORE_SERVICE_AUTH_H
#define CORE_SERVICE_AUTH_H

/*
 * auth: is this the password of that account?
 *
 * The hashes are slow by design (tens of milliseconds), so this runs on workers only. A login that
 * succeeded is remembered under a keyed hash of account, stored hash and password: the next one
 * costs microseconds, and changing the password in the users file makes the memory void. Names that
 * nobody has cost as much as names that somebody has. Any worker thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "core/service/service.h"
#include "proto/sasl/auth_request.h"

struct directory;

struct auth_config {
    unsigned cache_size; /* logins that are remembered; 0: none */
    uint64_t cache_ms;   /* for how long */
};

/* NULL when the library for the mechanisms does not start. */
MUST_USE struct auth *auth_open(const struct auth_config *config);
void auth_close(struct auth **auth);

enum auth_answer {
    AUTH_GOOD,
    AUTH_BAD,     /* unknown name or wrong password: never told apart */
    AUTH_TROUBLE, /* the stored hash cannot be checked: the log says why */
};

/* AUTH_GOOD: the canonical account is in *account_r, which lives as long as the directory. */
MUST_USE enum auth_answer auth_check(struct auth *a, const struct directory *d, struct span name,
                                     struct span password, struct span *account_r);

/* Sessions of one account from one address: counted while they are logged in, so that auth_run()
 * can refuse one more than mail_max_userip_connections. A begin and its end name the same. */
void auth_session_began(struct auth *a, struct span account, const char *address);
void auth_session_ended(struct auth *a, struct span account, const char *address);
MUST_USE bool auth_session_fits(struct auth *a, struct span account, const char *address,
                                unsigned max);

/* REQUEST_AUTH (proto/sasl/auth_request.h); auth_run.c. */
enum service_outcome auth_run(struct service *s, struct request *r, struct job *job);

/* For auth_run.c and auth_sasl.c. */
void *auth_mechanisms(struct auth *a);
void auth_take_account(struct auth_request *r, struct span account);

#endif
