#ifndef CORE_CONN_CONN_LIMITS_H
#define CORE_CONN_CONN_LIMITS_H

/*
 * conn_limits: how many connections at once, in all and from one address (an IPv4 address or an
 * IPv6 /64, which is what one subscriber has). Shared by all reactors; any thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/network.h"

struct conn_limits;

struct conn_limits_config {
    unsigned total_max;
    unsigned address_max;         /* 0: no limit for one address */
    const struct network *exempt; /* networks that only the total counts for; copied */
    unsigned exempt_count;
};

MUST_USE struct conn_limits *conn_limits_open(const struct conn_limits_config *config);
void conn_limits_close(struct conn_limits **limits);

/* Counts a connection from this address (text). True: *key_r is for conn_limits_leave(). *exempt_r
 * says whether the address is in an exempt network, in both cases. */
MUST_USE bool conn_limits_admit(struct conn_limits *limits, const char *address, uint64_t *key_r,
                                bool *exempt_r);
void conn_limits_leave(struct conn_limits *limits, uint64_t key);
unsigned conn_limits_total(struct conn_limits *limits);

#endif
