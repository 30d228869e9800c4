#ifndef CORE_WORK_USAGE_H
#define CORE_WORK_USAGE_H

/*
 * usage: what each client uses of us: connections at once, bytes of memory, and events in the
 * current unit of time (what Postfix's anvil counts). A client is a number (network_client()).
 *
 * Bounded: a client takes memory while it is connected, and until the unit of time in which it was
 * last counted is over; of the latter there are USAGE_GONE_MAX at most, the longest gone are
 * forgotten first. Any thread; the lock is held for well under a microsecond, and charging takes
 * none.
 */

#include <stdint.h>

#include "core/base/attr.h"

enum {
    USAGE_GONE_MAX = 65536,
};

enum usage_event {
    USAGE_CONNECTIONS,
    USAGE_MESSAGES,
    USAGE_RECIPIENTS,
    USAGE_AUTHS,
    USAGE_EVENTS,
};

struct usage;
struct usage_client; /* one that is connected */

/* unit_ns: how long a unit of time is. */
MUST_USE struct usage *usage_open(unsigned total_max, uint64_t unit_ns);
void usage_close(struct usage **usage); /* nobody is connected */

enum usage_status {
    USAGE_OK,
    USAGE_TOTAL, /* there are total_max connections of all */
    USAGE_FULL,  /* there are client_max connections of this one */
};

/* Counts a connection of a client, which stays until usage_leave(). *count_r is how many it has
 * with this one, counted or not. */
MUST_USE enum usage_status usage_enter(struct usage *u, uint64_t key, unsigned client_max,
                                       struct usage_client **client_r, unsigned *count_r);
void usage_leave(struct usage *u, struct usage_client **client);
unsigned usage_total(struct usage *u); /* connections */

/* Counts an event, and says how many of its kind there are in this unit with it. */
unsigned usage_count(struct usage *u, uint64_t key, enum usage_event event, uint64_t now_ns);

/* Memory held for a client: more or less of it, and all of it. */
void usage_charge(struct usage_client *client, int64_t bytes);
uint64_t usage_charged(const struct usage_client *client);

#endif
