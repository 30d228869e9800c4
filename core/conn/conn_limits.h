#ifndef CORE_CONN_CONN_LIMITS_H
#define CORE_CONN_CONN_LIMITS_H

/*
 * conn_limits: whose connections are served: so many in all; and of one client (an IPv4 address or
 * an IPv6 /64, which is what one subscriber has) so many at once, so many anew in a unit of time,
 * and so much memory for all of them, and for all of one user. Shared by all reactors; any thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/network.h"

struct conn_limits;
struct usage;
struct usage_client;

struct conn_limits_config {
    struct usage *usage;          /* the caller's: it counts, with its own limit in all */
    unsigned client_max;          /* connections at once; 0: no limit */
    unsigned client_rate_max;     /* new ones in a unit of time; 0: no limit */
    uint64_t client_bytes_max;    /* of memory; 0: no limit */
    uint64_t user_bytes_max;      /* the same of one who is logged in, wherever he is; 0: none */
    const struct network *exempt; /* networks that only the limit in all counts for; copied */
    unsigned exempt_count;
};

MUST_USE struct conn_limits *conn_limits_open(const struct conn_limits_config *config);
void conn_limits_close(struct conn_limits **limits);

enum conn_admission {
    CONN_ADMITTED,
    CONN_TOO_MANY,     /* in all */
    CONN_CLIENT_MANY,  /* of this client at once */
    CONN_CLIENT_OFTEN, /* of this client lately */
};

/* What an admitted connection is counted as; the zero value is not counted. */
struct conn_ticket {
    struct usage_client *client; /* NULL: not counted */
    struct usage_client *user;   /* NULL: nobody is logged in */
    uint64_t user_number;        /* session.user */
    bool is_exempt;              /* set in any case */
};

/* Counts a connection from this address (text). *count_r is what is too much of this client's. */
MUST_USE enum conn_admission conn_limits_admit(struct conn_limits *limits, const char *address,
                                               uint64_t now_ns, struct conn_ticket *ticket_r,
                                               unsigned *count_r);
void conn_limits_leave(struct conn_limits *limits, struct conn_ticket *ticket);

/* Somebody else is logged in now (0: nobody). `bytes` are what the connection is charged with; they
 * go over to him. */
void conn_limits_user(struct conn_limits *limits, struct conn_ticket *ticket, uint64_t user,
                      int64_t bytes);

/* Charges memory to the connection's client and user; false when one has more than he may now. */
bool conn_limits_charge(struct conn_limits *limits, const struct conn_ticket *ticket,
                        int64_t bytes);

#endif
