#ifndef CORE_RELAY_RELAY_MAIL_H
#define CORE_RELAY_RELAY_MAIL_H

/*
 * relay_mail: one message on its way to some of its recipients, all of one hop: what an SMTP client
 * session gets, and what became of it until the store knows. The relay's thread, but `client` while
 * a session has it.
 */

#include "core/base/list.h"
#include "core/relay/relay_active.h"
#include "core/relay/relay_site.h"
#include "core/work/job.h"
#include "proto/smtp/smtp_client.h"

struct relay_attempt;

enum {
    RELAY_MAIL_RECIPIENTS_MAX = 1000, /* bound of smtp_destination_recipient_limit */
};

/* What the store said of a recipient. */
struct relay_mail_recipient {
    struct relay_entry *entry; /* NULL once it went back into its hop's queue */
    struct span original;      /* what RCPT said, when that was another */
    uint32_t tries;
    bool is_expired; /* somebody wants it returned */
    bool is_over;    /* it is not tried again */
};

struct relay_mail {
    struct job job; /* home from the session */
    struct list node;
    struct relay_attempt *attempt; /* NULL: no host has seen it */
    struct relay_hop_queue *hop;
    struct relay_message *message;
    struct smtp_client_mail *client;
    struct relay_mail_recipient *recipients; /* as many as client->recipient_count */
    struct chain texts;                      /* of client->recipients and the above */
    int64_t given_us, done_us;
    bool is_logged; /* the change that tells the store is made once more, */
    bool lost_some; /* because some of them are gone in the store */
};

/* What the store has of these entries; those that are gone there are given up. NULL when all are.
 * Everything but the body. */
MUST_USE struct relay_mail *relay_mail_new(struct relay_active *active, struct store_view *view,
                                           struct relay_hop_queue *hop,
                                           struct relay_entry *const *entries, unsigned count);

/* Lends the body. STORE_CORRUPT, STORE_IO: it cannot be read. */
MUST_USE enum store_status relay_mail_body(struct relay_mail *mail, struct store_view *view);

/* The same outcome for all of them, by nobody's reply. */
void relay_mail_decide(struct relay_mail *mail, enum smtp_client_outcome outcome,
                       const char *status, const char *reason);

/* The entries must be NULL, or have gone elsewhere. */
void relay_mail_free(struct relay_mail **mail);

#endif
