/*
 * Mail from a session through the service into a store on disk: who may send to whom, what is
 * stored, what is answered, and what the log says. Everything runs on one thread, by hand.
 */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/service/directory.h"
#include "core/service/queue_id.h"
#include "core/service/service_settings.h"
#include "core/service/service_smtp.h"
#include "core/service/smtp_log.h"
#include "core/work/inbox.h"

enum {
    NOW_US_S = 1594830684, /* Wed, 15 Jul 2020 16:31:24 +0000 */
};

struct world {
    char folder[32];
    struct service service;
    struct service_settings settings;
    struct smtp_host *host;
    struct inbox *inbox;
    struct session *session;
    struct job job;
    struct request *away;
    bool by_worker; /* the last request went to a worker */
    struct chain log, said;
};

static struct world w;

static void wake(void *context)
{
    (void)context;
}

static void log_line(void *context, struct span line)
{
    struct chain *log = context;

    chain_add(log, line);
    chain_add(log, SPAN("\n"));
}

static void drop_directory(void *item)
{
    struct directory *d = item;

    directory_free(&d);
}

static void keep_settings(void *item)
{
    (void)item;
}

static void write_file(char *path, size_t size, const char *name, const char *text)
{
    FILE *f;

    snprintf(path, size, "%s/%s", w.folder, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static struct directory *open_directory(void)
{
    static const char *const domains[] = {"mailserver.local"};
    char users[64], aliases[64];
    const char *alias_paths[] = {aliases};
    struct chain why = {0};
    struct directory *d;

    write_file(users, sizeof(users), "users",
               "vagrant@mailserver.local:{PLAIN}x\nann@mailserver.local:{PLAIN}x\n"
               "bob@mailserver.local:{PLAIN}x\n");
    write_file(aliases, sizeof(aliases), "aliases",
               "team: ann, bob\nfar: someone@elsewhere.example\nloop: loop2\nloop2: loop\n");
    d = directory_load(&(struct directory_config){.users_path = users,
                                                  .alias_paths = alias_paths,
                                                  .alias_count = 1,
                                                  .domains = domains,
                                                  .domain_count = 1,
                                                  .recipient_delimiter = "+",
                                                  .catch_all = ""},
                       &why);
    chain_add_byte(&why, '\0');
    if (d == NULL)
        fail_msg("%s", chain_flat(&why).at);
    chain_free(&why);
    return d;
}

static void home(struct job *job)
{
    struct session *s = w.session;
    struct request *r = w.away;

    assert_ptr_equal(job, &w.job);
    w.away = NULL;
    s->ops->reply(s, r);
}

static void open_session(bool is_lmtp, const char *address)
{
    struct session_peer peer = {.connection = 1};

    snprintf(peer.address, sizeof(peer.address), "%s", address);
    w.host = service_smtp_open(&w.service, is_lmtp);
    w.session = smtp_session_new(w.host, &peer);
    w.session->now_us = (int64_t)NOW_US_S * 1000000;
    w.session->ops->start(w.session);
    w.job = (struct job){.home = home, .inbox = w.inbox};
}

static void close_session(void)
{
    w.session->ops->end(w.session);
    service_smtp_close(&w.host);
    while (worker_pool_step(w.service.workers))
        ;
}

static int set_up(void **state)
{
    static const char *const networks[] = {"192.0.2.0/24"};
    static const char *const proxies[] = {"127.0.0.1"};
    char path[64];

    (void)state;
    w = (struct world){.folder = "/tmp/ringpost-smtp-XXXXXX"};
    assert_non_null(mkdtemp(w.folder));
    w.settings.smtp = smtp_settings_default;
    w.settings.smtp.myhostname = "mailserver.local";
    w.settings.smtp.myorigin = "mailserver.local";
    w.settings.smtp.mail_name = "Postfix";
    w.settings.smtp.mynetworks = (struct smtp_words){networks, 1};
    w.settings.smtp.smtpd_authorized_xclient_hosts = (struct smtp_words){proxies, 1};
    snprintf(path, sizeof(path), "%s/store", w.folder);
    assert_int_equal(store_open(&(struct store_config){.path = path,
                                                       .map_size = 64 << 20,
                                                       .segment_size = 4 << 20,
                                                       .manual = true},
                                &w.service.store),
                     STORE_OK);
    w.service.directory = shared_open(open_directory(), drop_directory);
    w.service.settings = shared_open(&w.settings, keep_settings);
    w.service.workers = worker_pool_open(0);
    w.inbox = inbox_open(wake, NULL);
    log_capture(log_line, &w.log);
    return 0;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

static int tear_down(void **state)
{
    (void)state;
    log_capture(NULL, NULL);
    worker_pool_close(&w.service.workers);
    store_close(&w.service.store);
    shared_close(&w.service.directory);
    shared_close(&w.service.settings);
    inbox_close(&w.inbox);
    chain_free(&w.log);
    chain_free(&w.said);
    return nftw(w.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Has the open request answered, as the connection would. */
static void serve(void)
{
    w.away = session_take_request(w.session);
    w.away->status = REQUEST_OPEN;
    if (service_ask(&w.service, w.away, &w.job)) {
        home(&w.job);
        return;
    }
    w.by_worker = worker_pool_waiting(w.service.workers) > 0;
    while (w.away != NULL) {
        while (worker_pool_step(w.service.workers))
            ;
        if (inbox_drain(w.inbox) == 0)
            assert_true(store_step(w.service.store, 0));
    }
}

static void say(struct span bytes)
{
    while (bytes.len > 0 && w.session->want == SESSION_WANT_INPUT) {
        bytes = span_after(bytes, session_feed(w.session, bytes));
        if (w.session->want == SESSION_WANT_REPLY)
            serve();
    }
    chain_drop(&w.said, w.said.len);
    chain_move(&w.said, &w.session->out);
}

static void expect(const char *command, const char *answer)
{
    say(span_str(command));
    chain_add_byte(&w.said, '\0');
    assert_string_equal(chain_flat(&w.said).at, answer);
}

/* Message n (from 0) of a mailbox: all its bytes as a reader sees them; NULL when there is none. */
static const char *stored(const char *account, const char *mailbox, unsigned n)
{
    static struct chain all;
    struct store_view *v;
    struct store_mailbox_info info;
    struct store_entry entries[8];
    store_account id;
    size_t count = 0;
    struct span header, body;

    chain_free(&all);
    assert_int_equal(store_view_open(w.service.store, &v), STORE_OK);
    if (store_account_find(v, span_str(account), &id) == STORE_OK &&
        store_mailbox_find(v, id, span_str(mailbox), &info) == STORE_OK)
        assert_int_equal(store_entries(v, info.id, 1, entries, 8, &count), STORE_OK);
    if (n < count) {
        uint32_t size = entries[n].size - entries[n].header_len;

        assert_int_equal(store_entry_header(v, &entries[n], &header), STORE_OK);
        assert_int_equal(store_message_bytes(v, entries[n].message, 0, size, &body), STORE_OK);
        chain_add(&all, header);
        chain_add(&all, body);
        chain_add_byte(&all, '\0');
    }
    store_view_close(&v);
    return n < count ? chain_flat(&all).at : NULL;
}

static const char *logged(void)
{
    chain_add_byte(&w.log, '\0');
    return chain_flat(&w.log).at;
}

static void assert_begins(const char *text, const char *begin)
{
    assert_non_null(text);
    if (strncmp(text, begin, strlen(begin)) != 0)
        fail_msg("%s", text);
}

static void assert_said(const char *begin)
{
    chain_add_byte(&w.said, '\0');
    assert_begins(chain_flat(&w.said).at, begin);
}

/* ---- the tests ---- */

static void test_seed(void **state)
{
    (void)state;
    w.settings.smtp.debug_queue_id = "1D7FE400A4C9";
    open_session(false, "127.0.0.1");
    expect("XCLIENT NAME=gateway ADDR=10.0.2.2\r\n",
           "220 mailserver.local ESMTP Postfix\r\n220 mailserver.local ESMTP Postfix\r\n");
    say(SPAN("ehlo mailserver.local\r\n"));
    expect("mail from: username@example.com\r\n", "250 2.1.0 Ok\r\n");
    expect("rcpt to: vagrant@mailserver.local\r\n", "250 2.1.5 Ok\r\n");
    expect("data\r\n", "354 End data with <CR><LF>.<CR><LF>\r\n");
    expect("Subject: hello\r\nGreetings\r\n.\r\n", "250 2.0.0 Ok: queued as 1D7FE400A4C9\r\n");
    assert_false(w.by_worker);
    expect("quit\r\n", "221 2.0.0 Bye\r\n");
    close_session();
    assert_string_equal(
        stored("vagrant@mailserver.local", "INBOX", 0),
        "Return-Path: <username@example.com>\r\n"
        "X-Original-To: vagrant@mailserver.local\r\n"
        "Delivered-To: vagrant@mailserver.local\r\n"
        "Received: from mailserver.local (gateway [10.0.2.2])\r\n"
        "\tby mailserver.local (Postfix) with ESMTP id 1D7FE400A4C9\r\n"
        "\tfor <vagrant@mailserver.local>; Wed, 15 Jul 2020 16:31:24 +0000 (UTC)\r\n"
        "Subject: hello\r\n\r\nGreetings\r\n");
    assert_string_equal(
        logged(),
        "connect from localhost[127.0.0.1]\n"
        "connect from gateway[10.0.2.2]\n"
        "1D7FE400A4C9: client=gateway[10.0.2.2]\n"
        "1D7FE400A4C9: message-id=<>\n"
        "1D7FE400A4C9: from=<username@example.com>, size=214, nrcpt=1 (queue active)\n"
        "1D7FE400A4C9: to=<vagrant@mailserver.local>, relay=local, delay=0, delays=0/0/0/0, "
        "dsn=2.0.0, status=sent (delivered to mailbox)\n"
        "1D7FE400A4C9: removed\n"
        "disconnect from gateway[10.0.2.2] ehlo=1 xclient=1 mail=1 rcpt=1 data=1 quit=1 "
        "commands=6\n");
}

static void test_recipients(void **state)
{
    static const char denied[] = "554 5.7.1 <%s>: Relay access denied\r\n";
    static const struct {
        const char *rcpt, *answer;
    } rows[] = {
        {"ann@mailserver.local",                  "250 2.1.5 Ok\r\n"      },
        {"ANN@MailServer.Local",                  "250 2.1.5 Ok\r\n"      },
        {"ann+lists@mailserver.local",            "250 2.1.5 Ok\r\n"      },
        {"team@mailserver.local",                 "250 2.1.5 Ok\r\n"      },
        {"postmaster",                            "250 2.1.5 Ok\r\n"      },
        {"nobody@mailserver.local",
         "550 5.1.1 <nobody@mailserver.local>: Recipient address rejected: User unknown in local "
         "recipient table\r\n"                                            },
        {"u@victim.example",                      denied                  },
        {"\"u@victim.example\"@mailserver.local", denied                  },
        {"u%victim.example@mailserver.local",     denied                  },
        {"victim.example!u@mailserver.local",     denied                  },
        {"u@[127.0.0.1]",                         denied                  },
        {"far@mailserver.local",
         "451 4.3.0 <far@mailserver.local>: Recipient address rejected: this host does not relay "
         "mail to others yet\r\n"                                         },
        {"loop@mailserver.local",
         "451 4.3.0 <loop@mailserver.local>: Temporary lookup failure\r\n"},
    };

    (void)state;
    open_session(false, "10.0.2.2");
    say(SPAN("MAIL FROM:<>\r\n"));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char command[256], answer[256];

        snprintf(command, sizeof(command), "RCPT TO:<%s>\r\n", rows[i].rcpt);
        if (rows[i].answer == denied)
            snprintf(answer, sizeof(answer), denied, rows[i].rcpt);
        else
            snprintf(answer, sizeof(answer), "%s", rows[i].answer);
        expect(command, answer);
    }
    expect("RCPT TO:<@mailserver.local:u@victim.example>\r\n",
           "554 5.7.1 <u@victim.example>: Relay access denied\r\n");
    close_session();
}

static void test_own_network(void **state)
{
    (void)state;
    open_session(false, "192.0.2.7");
    say(SPAN("MAIL FROM:<ann>\r\n"));
    expect("RCPT TO:<u@elsewhere.example>\r\n",
           "451 4.3.0 <u@elsewhere.example>: Recipient address rejected: this host does not relay "
           "mail to others yet\r\n");
    close_session();
    assert_non_null(strstr(logged(), "NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 451 4.3.0 "
                                     "<u@elsewhere.example>: "));
    assert_non_null(strstr(logged(), "; from=<ann@mailserver.local> to=<u@elsewhere.example> "
                                     "proto=SMTP\n"));
}

/* One body for all: an alias, a detail, and one named twice. */
static void test_many_targets(void **state)
{
    (void)state;
    open_session(false, "10.0.2.2");
    say(SPAN("HELO x\r\n"));
    say(SPAN("MAIL FROM:<>\r\n"));
    say(SPAN("RCPT TO:<team@mailserver.local>\r\nRCPT TO:<ann+lists@mailserver.local>\r\n"
             "RCPT TO:<team@mailserver.local>\r\n"));
    say(SPAN("DATA\r\n"));
    say(SPAN("Message-ID: <m@x>\r\n\r\nhi\r\n.\r\n"));
    assert_said("250 2.0.0 Ok: queued as ");
    close_session();
    assert_begins(stored("ann@mailserver.local", "INBOX", 0),
                  "Return-Path: <>\r\nX-Original-To: team@mailserver.local\r\n"
                  "Delivered-To: ann@mailserver.local\r\nReceived: ");
    assert_non_null(strstr(stored("ann@mailserver.local", "INBOX", 1),
                           "X-Original-To: ann+lists@mailserver.local\r\n"));
    assert_null(stored("ann@mailserver.local", "INBOX", 2));
    assert_non_null(stored("bob@mailserver.local", "INBOX", 0));
    assert_null(stored("bob@mailserver.local", "INBOX", 1));
    assert_non_null(strstr(logged(), ": message-id=<m@x>\n"));
    assert_non_null(strstr(logged(), "from=<>, "));
    assert_non_null(strstr(logged(), "nrcpt=3 (queue active)"));
    assert_non_null(strstr(
        logged(), ": to=<bob@mailserver.local>, orig_to=<team@mailserver.local>, relay=local, "));
}

static void test_detail_creates(void **state)
{
    (void)state;
    w.settings.lda_mailbox_autocreate = true;
    open_session(false, "10.0.2.2");
    say(SPAN("MAIL FROM:<>\r\nRCPT TO:<ann+lists@mailserver.local>\r\nDATA\r\n"));
    say(SPAN("A: b\r\n\r\nhi\r\n.\r\n"));
    close_session();
    assert_non_null(stored("ann@mailserver.local", "lists", 0));
    assert_null(stored("ann@mailserver.local", "INBOX", 0));
}

static void test_loop(void **state)
{
    (void)state;
    open_session(false, "10.0.2.2");
    say(SPAN("MAIL FROM:<>\r\nRCPT TO:<bob@mailserver.local>\r\n"
             "RCPT TO:<ann@mailserver.local>\r\nDATA\r\n"));
    expect("X: y\r\nDelivered-To: Ann@mailserver.local\r\n\r\nhi\r\n.\r\n",
           "554 5.4.6 <bob@mailserver.local>: Mail forwarding loop\r\n");
    close_session();
    assert_null(stored("ann@mailserver.local", "INBOX", 0));
    assert_null(stored("bob@mailserver.local", "INBOX", 0));
}

static void test_lmtp(void **state)
{
    (void)state;
    w.settings.smtp.debug_queue_id = "ABCDEF";
    open_session(true, "10.0.2.2");
    say(SPAN("LHLO x\r\n"));
    say(SPAN("MAIL FROM:<>\r\nRCPT TO:<ann@mailserver.local>\r\n"
             "RCPT TO:<bob@mailserver.local>\r\nRCPT TO:<ann@mailserver.local>\r\nDATA\r\n"));
    expect("Delivered-To: ann@mailserver.local\r\n\r\nhi\r\n.\r\n",
           "554 5.4.6 <ann@mailserver.local>: Mail forwarding loop\r\n"
           "250 2.0.0 Ok: queued as ABCDEF\r\n"
           "554 5.4.6 <ann@mailserver.local>: Mail forwarding loop\r\n");
    close_session();
    assert_null(stored("ann@mailserver.local", "INBOX", 0));
    assert_non_null(strstr(stored("bob@mailserver.local", "INBOX", 0), " with LMTP id ABCDEF;"));
}

/* More than a block: in pieces, by workers, and the same in the end. */
static void test_long_body(void **state)
{
    struct chain body = {0};
    const char *got;

    (void)state;
    open_session(false, "10.0.2.2");
    say(SPAN("MAIL FROM:<>\r\nRCPT TO:<ann@mailserver.local>\r\nDATA\r\n"));
    chain_add(&body, SPAN("A: b\r\n\r\n"));
    for (unsigned i = 0; i < 60000; i++)
        chain_addf(&body, "line %u of a long message\r\n", i);
    say(chain_flat(&body));
    say(SPAN(".\r\n"));
    assert_true(w.by_worker);
    assert_said("250 2.0.0 Ok: queued as ");
    close_session();
    chain_add_byte(&body, '\0');
    got = stored("ann@mailserver.local", "INBOX", 0);
    assert_non_null(got);
    assert_string_equal(strstr(got, "A: b\r\n"), chain_flat(&body).at);
    chain_free(&body);
}

/* A message that ends in nothing leaves nothing, wherever it ends. */
static void test_given_up(void **state)
{
    struct chain body = {0};

    (void)state;
    for (unsigned i = 0; i < 30000; i++)
        chain_add(&body, SPAN("0123456789012345678\r\n"));
    open_session(false, "10.0.2.2");
    say(SPAN("MAIL FROM:<>\r\nRCPT TO:<ann@mailserver.local>\r\nDATA\r\n"));
    say(chain_flat(&body));
    w.session->ops->hangup(w.session, SESSION_PEER_CLOSED);
    close_session();
    w.settings.smtp.message_size_limit = 400000;
    open_session(false, "10.0.2.2");
    say(SPAN("MAIL FROM:<>\r\nRCPT TO:<ann@mailserver.local>\r\nDATA\r\n"));
    say(chain_flat(&body));
    expect(".\r\n", "552 5.3.4 Message size exceeds fixed limit\r\n");
    close_session();
    assert_null(stored("ann@mailserver.local", "INBOX", 0));
    chain_free(&body);
}

static void test_queue_ids(void **state)
{
    char last[SMTP_QUEUE_ID_MAX] = "", id[SMTP_QUEUE_ID_MAX];

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        queue_id_next(1594830684000000 - (i % 2) * 1000, id); /* the clock goes back, too */
        assert_int_equal(strlen(id), 13);
        assert_int_equal(strspn(id, "0123456789ABCDEF"), 13);
        assert_true(strcmp(id, last) > 0);
        memcpy(last, id, sizeof(last));
    }
}

static void test_delays(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {
        {-5,          "0"    },
        {0,           "0"    },
        {4999,        "0"    },
        {5000,        "0.01" },
        {99999,       "0.1"  },
        {120000,      "0.12" },
        {994999,      "0.99" },
        {995000,      "1"    },
        {1249999,     "1.2"  },
        {1250000,     "1.3"  },
        {9949999,     "9.9"  },
        {9999999,     "10"   },
        {12499999,    "12"   },
        {123456789,   "123"  },
        {86400000000, "86400"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[SMTP_LOG_DELAY_MAX];

        assert_int_equal(smtp_log_delay(rows[i].us, text), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
    }
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_seed),           WITH_STORE(test_recipients),
        WITH_STORE(test_own_network),    WITH_STORE(test_many_targets),
        WITH_STORE(test_detail_creates), WITH_STORE(test_loop),
        WITH_STORE(test_lmtp),           WITH_STORE(test_long_body),
        WITH_STORE(test_given_up),       cmocka_unit_test(test_queue_ids),
        cmocka_unit_test(test_delays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
