#ifndef TESTS_SIM_SIM_CLIENT_H
#define TESTS_SIM_SIM_CLIENT_H

/*
 * sim_client: a peer of the gateway, as a state machine that the driver steps: what all kinds of
 * them share. It connects, hears, thinks a while, says something, and sometimes hangs up in the
 * middle of a word. When its connection is gone it begins another session, until it had all its
 * sessions.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "tests/sim/sim_model.h"
#include "tests/support/sim_io.h"

enum {
    CLIENT_SMTP_PORT = 25,
    CLIENT_LMTP_PORT = 24,
    CLIENT_IMAP_PORT = 143,
    CLIENT_POP3_PORT = 110,
};

struct client;

struct client_kind {
    const char *name;
    uint16_t port;
    void (*begin)(struct client *c); /* connected */
    /* Takes one whole answer off the front of what was heard; returns its length, 0: not whole. */
    size_t (*hear)(struct client *c, struct span heard);
    bool (*is_waiting)(const struct client *c); /* for an answer: it will say nothing now */
    void (*act)(struct client *c);              /* says something */
    void (*lost)(struct client *c);             /* the connection is gone */
    void (*free)(struct client *c);
};

enum client_end { /* how it hangs up when it does not wait for the last word */
    CLIENT_SHUT,
    CLIENT_CLOSE,
    CLIENT_RESET,
};

struct client {
    struct run *run;
    const struct client_kind *kind;
    void *state; /* the kind's */
    char name[16];
    unsigned sessions; /* still to begin */
    bool is_auditor;   /* reads everything; nothing goes wrong with it */
    bool is_lazy;      /* reads seldom */
    bool is_crowded;   /* one of many in the same mailbox, for long */

    struct sim_client *wire; /* NULL: not connected */
    char *heard;
    size_t heard_len, heard_size;
    uint64_t wake_ns; /* it is silent till then */

    uint64_t said, hang_at; /* bytes of this session; it hangs up after so many, 0: never */
    enum client_end hang_how;
    bool has_hung_up; /* and only listens, if it can */
};

struct client *client_new(struct run *run, const struct client_kind *kind, unsigned number,
                          unsigned sessions);
void client_free(struct client **client);

/* Does something, if there is anything to do; `hurry`: also when it is lazy. */
bool client_step(struct client *c, bool hurry);
bool client_is_done(const struct client *c); /* no session left, not connected */

/* For kinds. False when it hung up before the end of the bytes. */
bool client_say(struct client *c, struct span bytes);
void client_think(struct client *c, uint64_t most_ms);
void client_leave(struct client *c); /* at once; the next session may come */
/* The connection breaks, or the power of the other side fails. */
void client_drop(struct client *c);

extern const struct client_kind client_smtp, client_lmtp, client_noise, client_imap, client_pop3,
    client_keeper;
void client_imap_audit(struct client *c); /* this one reads all mailboxes, then is done */
void client_imap_crowd(struct client *c); /* this one works in the first INBOX */

#endif
