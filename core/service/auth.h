#ifndef CORE_SERVICE_AUTH_H
#define CORE_SERVICE_AUTH_H

/*
 * auth: who may log in, whichever protocol asks (REQUEST_AUTH, proto/sasl/auth_request.h).
 *
 * Hashes of passwords are slow by design (tens of milliseconds and megabytes), so they have threads
 * of their own, few, behind a queue that is short: a flood of logins is asked to come back and
 * hurts nobody else. A login that succeeded is remembered under a keyed hash of mechanism, account,
 * stored hash and password: the next one needs no thread, and changing the password in the users
 * file makes the memory void. Names that nobody has cost as much as names that somebody has.
 * Refusals are delayed, and addresses that guess are blocked (auth_penalty.h).
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "core/service/service.h"
#include "proto/sasl/auth_request.h"

struct auth_config {
    unsigned threads;    /* 0: none, logins are judged on the asking thread (simulator, tests) */
    unsigned cache_size; /* logins that are remembered; 0: none */
    uint64_t cache_ms;   /* for how long */

    bool introspects;        /* a provider is asked about tokens: needs the network */
    unsigned token_threads;  /* how many questions at the same time; as `threads` */
    uint64_t token_cache_ms; /* for how long an answer is remembered; 0: not at all */
};

/* NULL when the library for the mechanisms or a thread does not start. */
MUST_USE struct auth *auth_open(const struct auth_config *config);

/* Judges what waits, without asking a provider, then ends the threads. Before the reactors are closed, which get the answers.
 */
void auth_stop(struct auth *auth);
void auth_close(struct auth **auth); /* all seats must have been given back */

/* Of its threads; any thread. */
void auth_numbers(struct auth *a, struct worker_pool_numbers *numbers_r);

/* One more session of the account from this address, or NULL when there are `max`. Any thread. */
MUST_USE struct auth_seat *auth_session_seat(struct auth *a, struct span account,
                                             const char *address, unsigned max);

/* REQUEST_AUTH. Reactor thread; answers at once what costs little. */
enum service_outcome auth_run(struct service *s, struct request *r, struct job *job);

#endif
