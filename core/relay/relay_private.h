#ifndef CORE_RELAY_RELAY_PRIVATE_H
#define CORE_RELAY_RELAY_PRIVATE_H

/* What the relay is made of, for the files of this folder. Everything belongs to its thread. */

#include <stdatomic.h>

#include "core/base/thread.h"
#include "core/relay/relay.h"
#include "core/relay/relay_active.h"
#include "core/relay/relay_mail.h"
#include "core/relay/relay_site.h"
#include "core/work/inbox.h"
#include "proto/smtp/dsn.h"

enum {
    RELAY_BATCH_MAX = 32,                /* mails handed to a connection at once */
    RELAY_BATCH_BYTES = 8 * 1024 * 1024, /* of bodies, after which no more are added */
    RELAY_ROUNDS_MAX = 5, /* connections that end before it was its turn, for one recipient */
    RELAY_RESOLVE_AGAIN_US = 60 * 1000000, /* a hop that is busy is looked up again after so long */
    RELAY_REDO_US = 1000000,               /* before the store is told once more */
    RELAY_SHORT_US = 1000000, /* before another connection, when we are short of something */
    RELAY_PARKED_MAX = 500,   /* idle connections that are kept */
};

struct relay_unbound;
struct relay_change;

struct relay {
    struct relay_config config;
    const struct relay_settings *settings;
    struct relay_reactor *reactors;
    unsigned reactor_count, reactor_next;
    struct thread *thread;
    struct inbox *inbox;
    int wake_fd;
    struct job wake_job, flush_job, drain_job, stop_job;
    atomic_bool is_woken, is_flushed;

    struct relay_active *active;
    struct relay_sites *sites;
    struct relay_routes *routes;
    struct relay_tls_rules *tls;
    struct relay_resolver *resolver;
    struct relay_unbound *unbound;
    struct relay_dns_source dns;
    struct list dirty;  /* sites that may have something to do */
    struct list parked; /* connections without work, the longest so first */
    unsigned attempts, parked_count;
    int64_t short_until_us; /* no new connections until then */

    struct store_view *view; /* during a turn, once somebody needed it */
    int64_t now_us;

    /* reading the queue */
    store_queue_id seen;          /* messages up to here were looked at */
    struct store_queue_due after; /* and rows up to here */
    bool has_after, has_news, is_full;
    int64_t due_us;    /* the next row is due then */
    int64_t rescan_us; /* the queue is read from the front then */

    /* telling the store */
    struct relay_change *change; /* being filled */
    unsigned changes;            /* on their way */
    struct list redo;            /* mails whose change failed */
    int64_t redo_us;

    bool drains, stops; /* nothing more begins; the thread ends */
    int drained_fd;
};

/* NULL when the store cannot be read now. */
MUST_USE struct store_view *relay_view(struct relay *r);

/* relay_load.c: reads what is due, as far as there is room. */
void relay_load(struct relay *r);
void relay_load_again(struct relay *r); /* from the front, all that is due */

/* relay_hand.c: recipients to hops, hops to sites, mails to connections. */
void relay_hand_entry(struct relay *r, struct relay_entry *entry,
                      const struct store_queue_recipient *recipient);
void relay_hand_back(struct relay *r, struct relay_hop_queue *hop, struct relay_entry *entry);
struct smtp_client_mail *relay_hand_mails(struct relay *r, struct relay_attempt *attempt);
void relay_hand_dirty(struct relay *r, struct relay_site *site);
void relay_hand_turn(struct relay *r); /* serves the dirty sites */
void relay_hand_give_up(struct relay *r, struct relay_site *site, enum smtp_client_outcome outcome,
                        const char *status, const char *reason);

/* relay_result.c */
void relay_result_add(struct relay *r, struct relay_mail **mail);
void relay_result_turn(struct relay *r);

/* relay_bounce.c: tells the sender by the same change, if he wants to know. `told` are indices of
 * recipients. */
void relay_bounce_add(struct relay *r, struct store_change *change, const struct relay_mail *mail,
                      const unsigned *told, unsigned count, enum dsn_action action);
MUST_USE bool relay_bounce_is_wanted(const struct relay_mail *mail, unsigned index,
                                     enum dsn_action action);

#endif
