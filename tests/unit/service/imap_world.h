#ifndef TESTS_UNIT_SERVICE_IMAP_WORLD_H
#define TESTS_UNIT_SERVICE_IMAP_WORLD_H

/*
 * imap_world: IMAP sessions over a real store, without sockets: what a connection, the workers and
 * the reactor's inbox do, in a loop. User "vagrant" is vagrant@mailserver.local, password
 * "password". All that a session says is read by a strict client on the way.
 */

#include "tests/unit/store/store_support.h"

#include "core/service/service.h"
#include "proto/imap/imap_session.h"
#include "tests/unit/service/imap_response.h"

struct imap_world {
    struct test_store store;
    struct service service;
    struct inbox *inbox;
    struct imap_host host;
    struct imap_settings settings;
    struct chain notes;     /* a line for each */
    uint64_t slowest_steps; /* steps of the request that took most */
};

struct imap_client {
    struct imap_world *world;
    struct session *session;
    struct job job;
    struct watch watch;
    struct chain kept;  /* sent by the client, not eaten */
    struct chain heard; /* said by the server since the last question */
    struct imap_client_view view;
    bool is_home, is_poked;
};

void imap_world_open(struct imap_world *w);
void imap_world_close(struct imap_world *w);

/* Delivers; *header_r: the delivery header has the seed's shape. */
uint32_t imap_world_deliver(struct imap_world *w, const char *mailbox, struct span body);
void imap_world_mailbox(struct imap_world *w, const char *name); /* by a delivery that is gone */

void imap_client_open(struct imap_client *c, struct imap_world *w);
void imap_client_login(struct imap_client *c); /* and SELECT INBOX */
void imap_client_close(struct imap_client *c);

/* Says `text` and returns all that is answered; valid until the next call. */
const char *imap_client_say(struct imap_client *c, const char *text);
const char *imap_client_say_bytes(struct imap_client *c, struct span bytes);
/* What comes by itself, after waiting for it. */
const char *imap_client_wait(struct imap_client *c);

#endif
