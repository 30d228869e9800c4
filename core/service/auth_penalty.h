#ifndef CORE_SERVICE_AUTH_PENALTY_H
#define CORE_SERVICE_AUTH_PENALTY_H

/*
 * auth_penalty: who failed to log in lately, and what it costs. Addresses (an IPv6 one by its /64)
 * and names are looked at alike, whether the name exists or not. A refusal is delayed, twice as
 * long each time; an address with too many failures is blocked for some time.
 *
 * Two fixed tables: a full set loses the entry that failed longest ago. Any thread; held for well
 * under a microsecond.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "core/service/auth_settings.h"

struct auth_penalty;

struct auth_penalty_try {
    const char *address;
    bool is_trusted;  /* its address counts no failures: many users stand behind it */
    struct span name; /* canonical where the account exists */
    uint64_t secret;  /* a keyed hash of what was tried; 0: not known. The same wrong password
                         again and again is a forgotten phone, no guessing, and is counted once */
};

struct auth_penalty_outcome {
    uint32_t delay_ms;
    bool blocks; /* with this failure the address became blocked */
};

MUST_USE struct auth_penalty *auth_penalty_open(void);
void auth_penalty_close(struct auth_penalty **penalty);

MUST_USE bool auth_penalty_is_blocked(struct auth_penalty *p, const char *address, uint64_t now_ns);
MUST_USE struct auth_penalty_outcome auth_penalty_failed(struct auth_penalty *p,
                                                         const struct auth_settings *set,
                                                         const struct auth_penalty_try *try,
                                                         uint64_t now_ns);
/* The name's delays begin anew; the address keeps its own. */
void auth_penalty_succeeded(struct auth_penalty *p, struct span name);

#endif
