/* POP3 sessions through the service over a real store, IMAP sessions beside them. */
#include "tests/unit/service/imap_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/service/service_pop3.h"
#include "core/service/service_settings.h"
#include "core/work/inbox.h"
#include "proto/sasl/auth_request.h"

struct world {
    struct imap_world imap; /* with the store */
    struct service_settings settings;
    struct pop3_host *host;
};

struct client {
    struct world *world;
    struct session *session;
    struct job job;
    struct chain heard;
    bool is_home;
    unsigned steps; /* of the last request */
};

/* ---- the world ---- */

static void keep(void *item)
{
    (void)item;
}

static int world_setup(void **state)
{
    struct world *w = xcalloc(1, sizeof(*w));

    imap_world_open(&w->imap);
    w->settings.pop3 = (struct pop3_settings)POP3_SETTINGS_DEFAULT;
    w->imap.service.settings = shared_open(&w->settings, keep);
    w->host = service_pop3_open(&w->imap.service);
    *state = w;
    return 0;
}

static int world_teardown(void **state)
{
    struct world *w = *state;

    service_pop3_close(&w->host);
    shared_close(&w->imap.service.settings);
    imap_world_close(&w->imap);
    free(w);
    return 0;
}

/* ---- a connection ---- */

static void client_home(struct job *job)
{
    CONTAINER_OF(job, struct client, job)->is_home = true;
}

static void client_open(struct client *c, struct world *w)
{
    static const struct session_peer peer = {
        .connection = 7, .address = "10.0.2.2", .local_address = "10.0.2.15"};

    *c = (struct client){.world = w};
    c->job = (struct job){.home = client_home, .inbox = w->imap.inbox};
    c->session = pop3_session_new(w->host, &peer);
    c->session->now_us = clock_wall_us();
    c->session->ops->start(c->session);
}

static void client_close(struct client *c)
{
    if (c->session->want != SESSION_WANT_CLOSE)
        c->session->ops->hangup(c->session, SESSION_PEER_CLOSED);
    c->session->ops->end(c->session);
    chain_free(&c->heard);
}

static void client_auth(struct request *request)
{
    struct auth_request *r = (struct auth_request *)request;
    struct span user = chain_flat(&r->user);

    request->status = REQUEST_OK;
    (void)snprintf(r->account, sizeof(r->account), "%.*s@mailserver.local", (int)user.len, user.at);
}

static void client_answer(struct client *c)
{
    struct request *r = session_take_request(c->session);

    c->steps = 0;
    if (r->kind == REQUEST_AUTH) {
        client_auth(r);
        c->session->ops->reply(c->session, r);
        return;
    }
    do {
        c->is_home = false;
        c->steps++;
        if (service_table[r->kind].run(&c->world->imap.service, r, &c->job) == SERVICE_LATER) {
            while (!c->is_home) {
                inbox_drain(c->world->imap.inbox);
                usleep(50);
            }
        }
        chain_move(&c->heard, &r->out);
    } while (r->more);
    c->session->ops->reply(c->session, r);
}

/* Says `text` and returns all that is answered; valid until the next call. */
static struct span say(struct client *c, const char *text)
{
    struct span bytes = span_str(text);

    chain_free(&c->heard);
    chain_move(&c->heard, &c->session->out);
    chain_free(&c->heard);
    while (c->session->want == SESSION_WANT_REPLY ||
           (c->session->want == SESSION_WANT_INPUT && bytes.len > 0)) {
        if (c->session->want == SESSION_WANT_REPLY)
            client_answer(c);
        else
            bytes = span_after(bytes, session_feed(c->session, bytes));
        chain_move(&c->heard, &c->session->out);
    }
    return chain_flat(&c->heard);
}

static void assert_says(struct client *c, const char *text, const char *wanted, int line)
{
    struct span heard = say(c, text);

    if (span_eq(heard, span_str(wanted)))
        return;
    fprintf(stderr, "line %d: %snot %sbut %.*s\n", line, text, wanted, (int)heard.len, heard.at);
    fail();
}
#define SAYS(client, text, wanted) assert_says((client), (text), (wanted), __LINE__)

static void login(struct client *c, struct world *w, const char *user)
{
    char command[100];

    client_open(c, w);
    (void)snprintf(command, sizeof(command), "USER %s\r\nPASS password\r\n", user);
    SAYS(c, command, "+OK\r\n+OK Logged in.\r\n");
}

static void enter(struct client *c, struct world *w)
{
    login(c, w, "vagrant");
}

/* ---- messages ---- */

#define DELIVERY                                                                                   \
    "Return-Path: <username@example.com>\r\nX-Original-To: vagrant@mailserver.local\r\n"           \
    "Delivered-To: vagrant@mailserver.local\r\n"
#define FIRST  "Subject: one\r\n\r\n.dot\r\nlast\r\n"
#define SECOND "Subject: two\r\n\r\na\0b"

enum {
    FIRST_SIZE = sizeof(DELIVERY FIRST) - 1,
    SECOND_SIZE = sizeof(DELIVERY SECOND) - 1,
};

static void deliver_two(struct world *w)
{
    imap_world_deliver(&w->imap, "INBOX", SPAN(FIRST));
    imap_world_deliver(&w->imap, "INBOX", SPAN(SECOND));
}

/* What IMAP says of the flags of message 1, once it is \Seen or has had the time to become it. */
static bool is_seen(struct world *w, bool wanted)
{
    bool seen = !wanted;

    for (unsigned i = 0; i < 200 && seen != wanted; i++) {
        struct imap_client c;

        imap_client_open(&c, &w->imap);
        imap_client_login(&c);
        seen = strstr(imap_client_say(&c, "c FETCH 1 FLAGS\r\n"), "\\Seen") != NULL;
        imap_client_close(&c);
        usleep(1000);
    }
    return seen;
}

static void retr_test(void **state)
{
    struct world *w = *state;
    struct client c;
    char text[400];
    struct span heard;

    deliver_two(w);
    enter(&c, w);
    (void)snprintf(text, sizeof(text), "+OK 2 %d\r\n", FIRST_SIZE + SECOND_SIZE);
    SAYS(&c, "STAT\r\n", text);
    (void)snprintf(text, sizeof(text), "+OK 2 messages:\r\n1 %d\r\n2 %d\r\n.\r\n", FIRST_SIZE,
                   SECOND_SIZE);
    SAYS(&c, "LIST\r\n", text);
    (void)snprintf(text, sizeof(text), "+OK %d octets\r\n%s.\r\n", FIRST_SIZE,
                   DELIVERY "Subject: one\r\n\r\n..dot\r\nlast\r\n");
    SAYS(&c, "RETR 1\r\n", text);
    SAYS(&c, "TOP 1 1\r\n", "+OK\r\n" DELIVERY "Subject: one\r\n\r\n..dot\r\n.\r\n");
    SAYS(&c, "TOP 1 0\r\n", "+OK\r\n" DELIVERY "Subject: one\r\n\r\n.\r\n");
    heard = say(&c, "RETR 2\r\n");
    assert_true(span_eq(span_after(heard, heard.len - 8), SPAN("a\0b\r\n.\r\n")));
    client_close(&c);
    assert_true(is_seen(w, true));
}

/* Headers with 8-bit bytes, of the message and of its parts, one of them behind a long body. */
static void surrogate_test(void **state)
{
#define BETWEEN "\r\n\r\n\xc3\xbc 1\r\n--b\r\nContent-Type: text/plain"
#define AFTER   "\r\n\r\n\xc3\xbc 2\r\n--b--\r\n"
#define HEADER  "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    static const char message[] =
        "Subject: Gr\xc3\xbc\xc3\x9f"
        "e\r\nFrom: J\xc3\xb6 <j@x.example>\r\n"
        "X-Other: \xc3\xbc\r\n" HEADER "\xc3\xa4\r\n--b\r\nContent-Description: \xc3\xbc" BETWEEN
        "; name=\"\xc3\xbc\"" AFTER;
    static const char surrogate[] =
        "Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\nFrom: =?utf-8?b?SsO2?= <j@x.example>\r\n" HEADER
        "\xc3\xa4\r\n--b\r\nContent-Description: =?utf-8?b?w7w=?=" BETWEEN AFTER;
    struct world *w = *state;
    struct client c;
    char text[1200];
    int size = (int)(sizeof(DELIVERY) + sizeof(message) - 2);

    imap_world_deliver(&w->imap, "INBOX", span_str(message));
    for (unsigned i = 0; i < 2; i++) { /* in steps, and at once */
        w->settings.pop3.output_size = i == 0 ? 1 : 1 << 20;
        enter(&c, w);
        (void)snprintf(text, sizeof(text), "+OK 1 %d\r\n", size);
        SAYS(&c, "LIST 1\r\n", text);
        (void)snprintf(text, sizeof(text), "+OK %d octets\r\n%s%s.\r\n", size, DELIVERY, surrogate);
        SAYS(&c, "RETR 1\r\n", text);
        (void)snprintf(text, sizeof(text), "+OK\r\n%s%.*s.\r\n", DELIVERY,
                       (int)(strstr(surrogate, "--b") - surrogate), surrogate);
        SAYS(&c, "TOP 1 1\r\n", text);
        client_close(&c);
        client_open(&c, w);
        SAYS(&c, "UTF8\r\nUSER vagrant\r\nPASS password\r\n",
             "+OK UTF8 enabled.\r\n+OK\r\n+OK Logged in.\r\n");
        (void)snprintf(text, sizeof(text), "+OK %d octets\r\n%s%s.\r\n", size, DELIVERY, message);
        SAYS(&c, "RETR 1\r\n", text);
        client_close(&c);
    }
}

static void workarounds_test(void **state)
{
    struct world *w = *state;
    struct client c;
    struct span heard;

    deliver_two(w);
    imap_world_deliver(&w->imap, "INBOX", SPAN("X: no end of the header\r\n"));
    w->settings.pop3.no_nuls = w->settings.pop3.adds_end_of_header = true;
    w->settings.pop3.no_flag_updates = true;
    enter(&c, w);
    heard = say(&c, "RETR 2\r\n");
    assert_true(span_eq(span_after(heard, heard.len - 8), SPAN("a\200b\r\n.\r\n")));
    heard = say(&c, "RETR 3\r\n");
    assert_true(span_eq(span_after(heard, heard.len - 16), SPAN("the header\r\n\r\n.\r\n")) ||
                span_eq(span_after(heard, heard.len - 17), SPAN("the header\r\n\r\n.\r\n")));
    SAYS(&c, "RETR 4\r\n", "-ERR There's no message 4.\r\n");
    (void)say(&c, "RETR 1\r\n");
    SAYS(&c, "QUIT\r\n", "+OK Logging out.\r\n");
    client_close(&c);
    assert_false(is_seen(w, false));
}

static void delete_test(void **state)
{
    struct world *w = *state;
    struct client c;
    char text[100], uidl[60];
    struct span heard;

    deliver_two(w);
    enter(&c, w);
    heard = say(&c, "UIDL 2\r\n");
    (void)snprintf(uidl, sizeof(uidl), "%.*s", (int)heard.len - 5, heard.at + 5);
    SAYS(&c, "DELE 1\r\n", "+OK Marked to be deleted.\r\n");
    (void)snprintf(text, sizeof(text), "+OK 1 %d\r\n", SECOND_SIZE);
    SAYS(&c, "STAT\r\n", text);
    client_close(&c); /* without QUIT nothing is deleted (HOSTILE P05) */
    enter(&c, w);
    (void)snprintf(text, sizeof(text), "+OK 1 %d\r\n", FIRST_SIZE);
    SAYS(&c, "LIST 1\r\n", text);
    SAYS(&c, "DELE 1\r\nQUIT\r\n",
         "+OK Marked to be deleted.\r\n+OK Logging out, messages deleted.\r\n");
    client_close(&c);
    test_store_reopen(&w->imap.store);
    w->imap.service.store = w->imap.store.store;
    enter(&c, w);
    (void)snprintf(text, sizeof(text), "+OK\r\n1%s.\r\n", uidl); /* HOSTILE P10 */
    SAYS(&c, "UIDL\r\n", text);
    SAYS(&c, "DELE 1\r\nQUIT\r\n",
         "+OK Marked to be deleted.\r\n+OK Logging out, messages deleted.\r\n");
    client_close(&c);
    enter(&c, w);
    SAYS(&c, "STAT\r\nLIST\r\nUIDL\r\n", "+OK 0 0\r\n+OK 0 messages:\r\n.\r\n+OK\r\n.\r\n");
    client_close(&c);
}

static void lock_test(void **state)
{
    struct world *w = *state;
    struct client one, two;

    deliver_two(w);
    enter(&one, w);
    client_open(&two, w);
    SAYS(&two, "USER vagrant\r\nPASS x\r\n",
         "+OK\r\n-ERR [IN-USE] Another POP3 session has this mailbox open.\r\n");
    SAYS(&one, "QUIT\r\n", "+OK Logging out.\r\n"); /* free before it is closed */
    SAYS(&two, "USER vagrant\r\nPASS x\r\n", "+OK\r\n+OK Logged in.\r\n");
    client_close(&one);
    client_close(&two);
    w->settings.pop3.login_delay_s = 300;
    enter(&one, w);
    client_close(&one);
    client_open(&two, w);
    SAYS(&two, "USER vagrant\r\nPASS x\r\n",
         "+OK\r\n-ERR [LOGIN-DELAY] The last login was too short a time ago.\r\n");
    client_close(&two);
    login(&one, w, "ann"); /* who never got mail */
    SAYS(&one, "STAT\r\nRETR 1\r\n", "+OK 0 0\r\n-ERR There's no message 1.\r\n");
    client_close(&one);
}

/* An IMAP client goes on beside us. */
static void beside_test(void **state)
{
    struct world *w = *state;
    struct imap_client imap;
    struct client c;
    char text[100];

    deliver_two(w);
    imap_world_deliver(&w->imap, "INBOX", SPAN(FIRST));
    enter(&c, w);
    (void)snprintf(text, sizeof(text), "+OK 2 %d\r\n", SECOND_SIZE);
    SAYS(&c, "LIST 2\r\n", text);
    imap_client_open(&imap, &w->imap);
    imap_client_login(&imap);
    (void)imap_client_say(&imap, "c STORE 2 +FLAGS (\\Deleted)\r\nd EXPUNGE\r\n");
    imap_world_deliver(&w->imap, "INBOX", SPAN(FIRST));
    (void)snprintf(text, sizeof(text), "+OK 2 %d\r\n", 2 * FIRST_SIZE);
    SAYS(&c, "STAT\r\n", text);
    (void)snprintf(text, sizeof(text), "+OK 3 messages:\r\n1 %d\r\n3 %d\r\n.\r\n", FIRST_SIZE,
                   FIRST_SIZE);
    SAYS(&c, "LIST\r\n", text);
    SAYS(&c, "LIST 2\r\n", "-ERR [SYS/PERM] The message has been expunged.\r\n");
    SAYS(&c, "RETR 2\r\n", "-ERR [SYS/PERM] Message 2 has been expunged.\r\n");
    SAYS(&c, "RETR 4\r\n", "-ERR There's no message 4.\r\n");
    SAYS(&c, "DELE 1\r\nDELE 2\r\n", "+OK Marked to be deleted.\r\n+OK Marked to be deleted.\r\n");
    (void)snprintf(text, sizeof(text), "+OK 1 %d\r\n", FIRST_SIZE);
    SAYS(&c, "STAT\r\n", text);
    SAYS(&c, "QUIT\r\n", "+OK Logging out, messages deleted.\r\n");
    client_close(&c);
    (void)imap_client_say(&imap, "e NOOP\r\n");
    assert_int_equal(imap.view.exists, 2);
    imap_client_close(&imap);
}

/* The number of INBOX goes with its messages when it is renamed: what was marked here is not
 * removed there, and nothing is read there. */
static void renamed_test(void **state)
{
    static const char gone[] = "-ERR [SYS/PERM] INBOX has been renamed, please log in again.\r\n";
    struct world *w = *state;
    struct imap_client imap;
    struct client c;

    deliver_two(w);
    enter(&c, w);
    imap_client_open(&imap, &w->imap);
    imap_client_login(&imap);
    SAYS(&c, "DELE 1\r\nDELE 2\r\n", "+OK Marked to be deleted.\r\n+OK Marked to be deleted.\r\n");
    SAYS(&c, "RSET\r\nDELE 2\r\n", "+OK\r\n+OK Marked to be deleted.\r\n");
    (void)imap_client_say(&imap, "c RENAME INBOX old\r\n");
    imap_world_deliver(&w->imap, "INBOX", SPAN(FIRST));
    SAYS(&c, "RETR 1\r\n", gone);
    SAYS(&c, "TOP 1 0\r\n", gone);
    SAYS(&c, "STAT\r\n", gone);
    SAYS(&c, "LIST\r\n", gone);
    SAYS(&c, "UIDL 1\r\n", gone);
    SAYS(&c, "QUIT\r\n", "-ERR [SYS/PERM] INBOX has been renamed, no message was removed.\r\n");
    client_close(&c);
    assert_non_null(strstr(imap_client_say(&imap, "d STATUS old (MESSAGES UNSEEN)\r\n"),
                           "(MESSAGES 2 UNSEEN 2)"));
    enter(&c, w); /* the new INBOX, whose numbers are not given out yet */
    (void)imap_client_say(&imap, "e RENAME INBOX older\r\n");
    SAYS(&c, "DELE 1\r\n", gone);
    SAYS(&c, "QUIT\r\n", "+OK Logging out.\r\n");
    client_close(&c);
    imap_client_close(&imap);
}

/* Three megabytes with dots where they are dear: what was sent is what was stored. */
static void big_test(void **state)
{
    struct world *w = *state;
    struct chain body = {0}, got = {0};
    struct client c;
    struct span heard, rest;

    chain_add(&body, SPAN("Subject: big\r\n\r\n"));
    for (unsigned i = 0; i < 3000; i++)
        chain_addf(&body, "%s%0*u\r\n", i % 7 == 0 ? "." : "", i % 100 == 0 ? 60000 : 500, i);
    imap_world_deliver(&w->imap, "INBOX", chain_flat(&body));
    enter(&c, w);
    heard = say(&c, "RETR 1\r\n");
    assert_true(c.steps > 1);
    rest = span_after(heard, (size_t)((const char *)memchr(heard.at, '\n', heard.len) - heard.at) +
                                 1 + sizeof(DELIVERY) - 1);
    while (!span_eq(rest, SPAN(".\r\n"))) {
        size_t len = (size_t)((const char *)memchr(rest.at, '\n', rest.len) - rest.at) + 1;

        assert_true(rest.at[0] != '.' || rest.at[1] == '.');
        chain_add(&got, span_after(span_first(rest, len), rest.at[0] == '.'));
        rest = span_after(rest, len);
    }
    assert_true(span_eq(chain_flat(&got), chain_flat(&body)));
    heard = say(&c, "TOP 1 2999\r\n");
    assert_true(heard.len > 3000000);
    client_close(&c);
    chain_free(&body);
    chain_free(&got);
}

/* Listings in steps, with gaps and marks; numbers that are given out late. */
static void many_test(void **state)
{
    struct world *w = *state;
    struct imap_client imap;
    struct client c;
    struct span heard;
    unsigned lines = 0;

    for (unsigned i = 0; i < 700; i++)
        imap_world_deliver(&w->imap, "INBOX", SPAN("A: b\r\n\r\n"));
    w->settings.pop3.output_size = 1000;
    enter(&c, w);
    imap_client_open(&imap, &w->imap);
    imap_client_login(&imap);
    (void)imap_client_say(&imap, "c STORE 1:100,300,650 +FLAGS (\\Deleted)\r\nd EXPUNGE\r\n");
    imap_client_close(&imap);
    SAYS(&c, "DELE 1\r\nDELE 598\r\n",
         "+OK Marked to be deleted.\r\n+OK Marked to be deleted.\r\n");
    SAYS(&c, "DELE 599\r\n", "-ERR There's no message 599.\r\n");
    heard = say(&c, "UIDL\r\n");
    assert_true(c.steps > 1);
    for (size_t i = 0; i < heard.len; i++)
        lines += heard.at[i] == '\n';
    assert_int_equal(lines, 1 + 596 + 1);
    assert_true(span_eq(span_first(heard, 15), SPAN("+OK\r\n2 00000066")));
    SAYS(&c, "QUIT\r\n", "+OK Logging out, messages deleted.\r\n");
    client_close(&c);
    enter(&c, w);
    heard = say(&c, "STAT\r\n");
    assert_true(span_eq(span_first(heard, 8), SPAN("+OK 596 ")));
    client_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(retr_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(surrogate_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(workarounds_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(delete_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(lock_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(beside_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(renamed_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(big_test, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(many_test, world_setup, world_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
