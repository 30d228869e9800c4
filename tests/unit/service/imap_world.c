#include "tests/unit/service/imap_world.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/work/inbox.h"
#include "core/work/watch.h"
#include "proto/mime/meta.h"
#include "proto/sasl/auth_request.h"

static const char world_account[] = "vagrant@mailserver.local";

static const struct imap_settings *world_settings(const struct imap_host *h, void **hold_r)
{
    *hold_r = NULL;
    return &CONTAINER_OF(h, const struct imap_world, host)->settings;
}

static void world_settings_done(const struct imap_host *h, void *hold)
{
    (void)h;
    (void)hold;
}

static void world_note(const struct imap_host *h, const struct imap_note *note)
{
    struct imap_world *w = CONTAINER_OF((struct imap_host *)h, struct imap_world, host);

    chain_addf(&w->notes, "%d user=%.*s method=%s reason=%s attempts=%u\n", (int)note->kind,
               (int)note->user.len, note->user.at, note->method,
               note->reason == NULL ? "" : note->reason, note->attempts);
}

static void world_wake(void *context)
{
    (void)context;
}

static void world_touched(void *context, store_mailbox mailbox)
{
    struct test_store *t = context;
    struct imap_world *w = CONTAINER_OF(t, struct imap_world, store);

    watch_publish(w->service.watches, mailbox);
}

void imap_world_open(struct imap_world *w)
{
    memset(w, 0, sizeof(*w));
    w->settings = (struct imap_settings)IMAP_SETTINGS_DEFAULT;
    w->host = (struct imap_host){world_settings, world_settings_done, world_note};
    w->service.watches = watch_board_open();
    w->inbox = inbox_open(world_wake, NULL);
    test_store_make(&w->store);
    w->store.config.touched = world_touched;
    w->store.config.segment_size = 16 << 20;
    test_store_open(&w->store);
    w->service.store = w->store.store;
}

void imap_world_close(struct imap_world *w)
{
    test_store_remove(&w->store);
    watch_board_close(&w->service.watches);
    inbox_close(&w->inbox);
    chain_free(&w->notes);
}

uint32_t imap_world_deliver(struct imap_world *w, const char *mailbox, struct span body)
{
    struct store_change *change = store_change_new(w->store.store);
    struct store_draft *draft;
    struct chain meta = {0};
    struct store_delivery delivery = {
        .account = span_str(world_account),
        .mailbox = span_str(mailbox),
        .missing = STORE_MISSING_CREATE,
        .header = SPAN("Return-Path: <username@example.com>\r\n"
                       "X-Original-To: vagrant@mailserver.local\r\n"
                       "Delivered-To: vagrant@mailserver.local\r\n"),
        .received_us = INT64_C(1594830684) * 1000000,
        .zone_minutes = 0,
    };
    unsigned message;

    assert_int_equal(store_draft_open(w->store.store, &draft), STORE_OK);
    assert_int_equal(store_draft_add(draft, body), STORE_OK);
    meta_build(body, &meta);
    message = store_change_message(change, &draft, chain_flat(&meta));
    chain_free(&meta);
    store_change_deliver(change, message, &delivery);
    return test_submit(&w->store, &change).uid;
}

void imap_world_mailbox(struct imap_world *w, const char *name)
{
    struct store_view *view = test_view(&w->store);
    struct store_change *change;
    store_account account;

    assert_int_equal(store_account_find(view, span_str(world_account), &account), STORE_OK);
    store_view_close(&view);
    change = store_change_new(w->store.store);
    store_change_mailbox_create(change, account, span_str(name), 0);
    (void)test_submit(&w->store, &change);
}

/* ---- a connection ---- */

static void client_home(struct job *job)
{
    CONTAINER_OF(job, struct imap_client, job)->is_home = true;
}

static void client_poked(struct job *job)
{
    struct watch *watch = CONTAINER_OF(job, struct watch, job);

    CONTAINER_OF(watch, struct imap_client, watch)->is_poked = true;
    watch_seen(watch);
}

static void client_hear(struct imap_client *c, struct chain *out)
{
    chain_move(&c->heard, out);
}

static void client_auth(struct request *request)
{
    struct auth_request *r = (struct auth_request *)request;
    struct span response = chain_flat(&r->response), user = chain_flat(&r->user);
    bool plain = span_eq(response, (struct span){"\0vagrant\0password", 17});
    bool login =
        span_eq(user, SPAN("vagrant")) && span_eq(chain_flat(&r->password), SPAN("password"));

    request->status = plain || login ? REQUEST_OK : REQUEST_REFUSED;
    memcpy(r->account, world_account, sizeof(world_account));
}

static void client_answer(struct imap_client *c)
{
    struct request *r = session_take_request(c->session);
    uint64_t steps = 0;

    r->watch = &c->watch;
    if (r->kind == REQUEST_AUTH) {
        client_auth(r);
    } else {
        do {
            c->is_home = false;
            steps++;
            if (service_table[r->kind].run(&c->world->service, r, &c->job) == SERVICE_LATER) {
                while (!c->is_home) {
                    inbox_drain(c->world->inbox);
                    usleep(50);
                }
            }
            client_hear(c, &r->out);
        } while (r->more);
    }
    if (steps > c->world->slowest_steps)
        c->world->slowest_steps = steps;
    c->session->ops->reply(c->session, r);
}

static void client_run(struct imap_client *c)
{
    for (;;) {
        struct span kept = chain_flat(&c->kept);
        size_t eaten;

        c->session->now_us = clock_wall_us();
        inbox_drain(c->world->inbox);
        if (c->session->want == SESSION_WANT_REPLY) {
            client_answer(c);
        } else if (c->session->want == SESSION_WANT_INPUT && c->is_poked) {
            c->is_poked = false;
            c->session->ops->poke(c->session);
        } else if (c->session->want == SESSION_WANT_INPUT && kept.len > 0) {
            eaten = session_feed(c->session, kept);
            client_hear(c, &c->session->out);
            if (eaten == 0 && c->session->want == SESSION_WANT_INPUT)
                return;
            chain_drop(&c->kept, eaten);
        } else {
            client_hear(c, &c->session->out);
            return;
        }
        client_hear(c, &c->session->out);
    }
}

void imap_client_open(struct imap_client *c, struct imap_world *w)
{
    static const struct session_peer peer = {
        .connection = 7, .address = "10.0.2.2", .local_address = "10.0.2.15"};

    memset(c, 0, sizeof(*c));
    c->world = w;
    c->job = (struct job){.home = client_home, .inbox = w->inbox};
    c->watch.job = (struct job){.home = client_poked, .inbox = w->inbox};
    c->session = imap_session_new(&w->host, &peer);
    c->session->now_us = clock_wall_us();
    c->session->ops->start(c->session);
    (void)imap_client_wait(c);
}

void imap_client_close(struct imap_client *c)
{
    if (c->watch.board != NULL && watch_clear(&c->watch))
        inbox_drain(c->world->inbox);
    if (c->session->want != SESSION_WANT_CLOSE)
        c->session->ops->hangup(c->session, SESSION_PEER_CLOSED);
    c->session->ops->end(c->session);
    chain_free(&c->kept);
    chain_free(&c->heard);
}

/* What was heard, as a string, after a strict client has read it. */
static const char *client_heard(struct imap_client *c)
{
    struct span at, heard = chain_flat(&c->heard);
    const char *why;

    if (!imap_response_read(heard, &c->view, &why, &at)) {
        fprintf(stderr, "expected %s:\n%.*s\n", why, (int)at.len, at.at);
        fail();
    }
    chain_add_byte(&c->heard, '\0');
    return chain_flat(&c->heard).at;
}

const char *imap_client_say_bytes(struct imap_client *c, struct span bytes)
{
    chain_free(&c->heard);
    chain_add(&c->kept, bytes);
    client_run(c);
    return client_heard(c);
}

const char *imap_client_say(struct imap_client *c, const char *text)
{
    return imap_client_say_bytes(c, span_str(text));
}

const char *imap_client_wait(struct imap_client *c)
{
    chain_free(&c->heard);
    client_run(c);
    return client_heard(c);
}

void imap_client_login(struct imap_client *c)
{
    const char *heard = imap_client_say(c, "a LOGIN vagrant password\r\n");

    assert_non_null(strstr(heard, "] Logged in\r\n"));
    heard = imap_client_say(c, "b SELECT INBOX\r\n");
    assert_non_null(strstr(heard, "b OK [READ-WRITE] Select completed."));
    c->view.is_selected = true;
}
