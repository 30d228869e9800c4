#ifndef CORE_CONN_CONN_GUARD_H
#define CORE_CONN_CONN_GUARD_H

/*
 * conn_guard: what a connection holds in memory is charged to the budget and to its client, and
 * what the colour of the pressure asks for is done: nothing received ahead, new strangers turned
 * away, those shed who have been idle longest. The reactor's thread.
 */

#include <stdbool.h>

#include "core/conn/conn_limits.h"
#include "core/conn/conn_private.h"

/* Notes what the session holds, before its request takes a part of that away. */
void conn_guard_note(struct conn *c);

/* Charges what the connection holds now; false when that is more than there may be. */
MUST_USE bool conn_guard_charge(struct conn *c);
void conn_guard_release(struct conn *c); /* it is about to be freed */

/* Looks at the pressure, at most every PRESSURE_LOOK_MS. Sets set->stress. */
void conn_guard_look(struct conn_set *set);

/* May a connection from this address begin? Not admitted: `why_r` is for hangup(). */
MUST_USE bool conn_guard_admit(struct conn *c, const char *address, enum session_end *why_r);

#endif
