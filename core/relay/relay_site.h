#ifndef CORE_RELAY_RELAY_SITE_H
#define CORE_RELAY_RELAY_SITE_H

/*
 * relay_site: where mail goes. A hop is a next hop as the routes name it, with the recipients that
 * wait for it; a site is a set of hosts, which many hops may share: limits and connections are the
 * site's. This file keeps count and decides how many connections a site may have; it opens none.
 *
 * A site begins with initial_destination_concurrency connections and gets one more for each round
 * of deliveries that went well, up to the limit; one less for each that did not. One that nobody
 * gets through to is suspended: its mail waits without being tried. One that nobody
 * got through to yet gets a single connection, so that many dead ones cost little. The relay's
 * thread; time comes in.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/list.h"
#include "core/base/span.h"
#include "core/relay/relay_active.h"
#include "core/relay/relay_resolve.h"
#include "core/relay/relay_route.h"
#include "core/relay/relay_settings.h"

enum {
    RELAY_SITE_IDLE_MAX = 10000, /* sites, and hops, without mail that are remembered */
};

enum relay_hop_state {
    RELAY_HOP_NEW,
    RELAY_HOP_RESOLVING,
    RELAY_HOP_KNOWN, /* its site is */
};

struct relay_site;

struct relay_hop_queue {
    struct relay_route route;
    struct list entries;
    unsigned count;
    unsigned away; /* mails of it that are under way */
    enum relay_hop_state state;
    int64_t asked_us; /* when it was resolved last */
    struct relay_site *site;
    struct list node; /* in its site's hops, while it has entries */
    struct list idle; /* in the sites' list of those without any */
};

struct relay_site {
    char *name;
    struct relay_answer *answer;
    struct list hops;   /* with entries; those served last are last */
    unsigned waiting;   /* entries of them */
    struct list parked; /* connections without work */
    unsigned attempts;  /* connections, and those to be */
    unsigned dialling;  /* of them, those that are not ready */
    unsigned hop_count; /* hops that are known to lead here */
    bool is_lmtp;
    bool is_alive;     /* somebody got through, and nobody failed to since */
    double window;     /* connections that it may have */
    unsigned first;    /* the target to begin with */
    unsigned failures; /* in a row */
    int64_t dead_until_us;
    char reason[RELAY_REASON_MAX]; /* why it is suspended */
    char status[12];
    struct list dirty; /* in the relay's list of those to be served */
    struct list idle;
};

struct relay_sites;

MUST_USE struct relay_sites *relay_sites_new(const struct relay_settings *settings);
void relay_sites_free(struct relay_sites **sites); /* no entry may wait, no attempt be left */

/* Nobody waits any more: all entries are given up. */
void relay_sites_empty(struct relay_sites *s, struct relay_active *active);

/* The hop of a route, new perhaps. */
MUST_USE struct relay_hop_queue *relay_sites_hop(struct relay_sites *s,
                                                 const struct relay_route *route);

/* The hop's hosts are known. The answer is copied. */
void relay_sites_resolved(struct relay_sites *s, struct relay_hop_queue *hop,
                          const struct relay_answer *answer);

/* At the end of the hop's queue, or before all others. */
void relay_site_add(struct relay_sites *s, struct relay_hop_queue *hop, struct relay_entry *entry,
                    bool first);

/* The next ones that can go as one message: entries of one message, at most `max`. 0: none waits. A
 * hop's turn ends with it. */
MUST_USE unsigned relay_site_next(struct relay_sites *s, struct relay_site *site,
                                  struct relay_entry **entries_r, unsigned max);
/* The same of one hop, known or not. */
MUST_USE unsigned relay_hop_next(struct relay_sites *s, struct relay_hop_queue *hop,
                                 struct relay_entry **entries_r, unsigned max);

/* May it have one more connection? */
MUST_USE bool relay_site_may_dial(const struct relay_site *site, int64_t now_us);
MUST_USE bool relay_site_is_dead(const struct relay_site *site, int64_t now_us);

/* A connection is ready. */
void relay_site_answered(struct relay_site *site);

/* A connection did its work, or did not. False: nobody gets through, the site is suspended. */
void relay_site_succeeded(struct relay_sites *s, struct relay_site *site);
MUST_USE bool relay_site_failed(struct relay_sites *s, struct relay_site *site, int64_t now_us);

/* Somebody wants it tried now. */
void relay_site_revive(struct relay_site *site);
void relay_sites_revive(struct relay_sites *s);

/* An attempt began or ended: one without mail and attempts may go. */
void relay_site_settle(struct relay_sites *s, struct relay_site *site);

#endif
