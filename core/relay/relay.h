#ifndef CORE_RELAY_RELAY_H
#define CORE_RELAY_RELAY_H

/*
 * relay: mail for others, from the store's queue to their hosts.
 *
 * One thread has it all in hand: it reads what is due, finds hosts, hands mails to connections and
 * writes what became of them. The connections live on the reactors. What waits is the store's; in
 * memory is only what is being worked on, so a stop or a crash loses nothing.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/conn/conn.h"
#include "core/relay/relay_resolve.h"
#include "core/relay/relay_route.h"
#include "core/relay/relay_settings.h"
#include "core/relay/relay_unbound.h"
#include "core/service/service.h"

struct relay;

enum {
    RELAY_REACTORS_MAX = 256,
};

/* Where connections can live. */
struct relay_reactor {
    struct inbox *inbox;
    struct conn_set *conns;
};

struct relay_config { /* what is pointed to must outlive the relay */
    struct service *service;
    const struct relay_settings *settings;
    const struct relay_routes_config *routes;
    const struct relay_tls_config *tls;
    const struct relay_resolver_config *resolver; /* its `tls` is filled in here; and its `dns`, */
    const struct relay_unbound_config *dns;       /* from this */
    struct shared *tls_context; /* for connections of ours; NULL or NULL in it: without TLS */
};

/* Reads files, so before anything is given up. NULL with lines in `why`. */
MUST_USE struct relay *relay_open(const struct relay_config *config, struct chain *why);

/* The reactors go round. False when there is no thread. */
MUST_USE bool relay_start(struct relay *r, const struct relay_reactor *reactors, unsigned count);

/* Something was queued and is durable. Any thread; does not block. */
void relay_wake(struct relay *r);

/* Somebody wants all that waits to be tried now (postqueue -f). Any thread. */
void relay_flush(struct relay *r);

/* Begins nothing more and lets what is under way end, for at most `patience_ms`. Then the reactors
 * can be stopped. */
void relay_drain(struct relay *r, unsigned patience_ms);

/* The reactors have stopped and are not closed: tells the store what is left to be told, and ends
 * the thread. */
void relay_stop(struct relay *r);

/* Nobody calls relay_wake() any more. */
void relay_close(struct relay **relay);

#endif
