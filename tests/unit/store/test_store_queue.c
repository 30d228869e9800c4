/* The queue: what is queued is there, is due when it should be, and goes with its last recipient.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_support.h"

#include "store/index/index_env.h"
#include "store/store_queue.h"

static const struct store_queue_envelope envelope = {
    .queue_id = {"1D7FE400A4C9A",               13},
    .sender = {"ann@example.org",             15},
    .envid = {"QQ314159",                    8 },
    .client = {"mail.example.org[192.0.2.1]", 27},
    .login = {"ann@example.org",             15},
    .auth = {"e+mc2@example.org",           17},
    .verp = {"+=",                          2 },
    .arrival_us = 1700000000000000,
    .deliver_by_us = 1700000900000000,
    .hold_until_us = 1700000100000000,
    .ret = 2,
    .body = 3,
    .priority = -4,
    .flags = STORE_QUEUE_UTF8 | STORE_QUEUE_BY_TRACE,
};

static struct store_queue_recipient recipient(const char *address, int64_t due_us)
{
    return (struct store_queue_recipient){
        .address = span_str(address), .notify = 2 | 4, .due_us = due_us};
}

/* Queues `text`; for a mailbox here too when `account` is not NULL. Returns the id. */
static store_queue_id queue(struct test_store *t, const char *account, const char *text,
                            size_t repeat, const struct store_queue_recipient *recipients,
                            size_t count)
{
    struct store_change *change = store_change_new(t->store);
    struct store_draft *draft = test_draft(t, text, repeat);
    unsigned message = store_change_message(change, &draft, SPAN(""));
    struct store_result results[3] = {0};

    if (account)
        store_change_deliver(change, message,
                             &(struct store_delivery){.account = span_str(account),
                                                      .mailbox = SPAN("INBOX"),
                                                      .header = SPAN("Delivered-To: x\r\n")});
    store_change_queue(change, message, &envelope, recipients, count);
    if (account)
        store_change_deliver(change, message,
                             &(struct store_delivery){.account = SPAN("second@example.org"),
                                                      .mailbox = SPAN("INBOX")});
    assert_int_equal(test_submit_status(t, &change, results, 3), STORE_OK);
    assert_int_equal(results[0].uid != 0, account != NULL);
    assert_int_equal(results[2].uid != 0, account != NULL);
    assert_int_equal(results[account ? 1 : 0].uid, 0);
    assert_true(results[account ? 1 : 0].message != 0);
    return results[account ? 1 : 0].message;
}

static store_queue_id queue_one(struct test_store *t, const char *address, int64_t due_us)
{
    struct store_queue_recipient r = recipient(address, due_us);

    return queue(t, NULL, "body\r\n", 20, &r, 1);
}

static struct store_result update(struct test_store *t, store_queue_id id,
                                  const struct store_queue_update *updates, size_t count)
{
    struct store_change *change = store_change_new(t->store);

    store_change_queue_state(change, id, updates, count, false);
    return test_submit(t, &change);
}

static struct store_result update_one(struct test_store *t, store_queue_id id, uint32_t number,
                                      enum store_queue_what what, int64_t due_us)
{
    return update(
        t, id, &(struct store_queue_update){.number = number, .what = what, .due_us = due_us}, 1);
}

static size_t queued(struct test_store *t)
{
    struct store_view *v = test_view(t);
    struct store_queue_numbers n;

    assert_int_equal(store_queue_numbers(v, &n), STORE_OK);
    store_view_close(&v);
    return n.messages;
}

static void close_and_check(struct test_store *t)
{
    test_store_close(t);
    test_check(t);
    test_store_remove(t);
}

static void assert_span(struct span is, struct span should)
{
    if (!span_eq(is, should))
        fprintf(stderr, "is %.*s, should be %.*s\n", (int)is.len, is.at, (int)should.len,
                should.at);
    assert_true(span_eq(is, should));
}

/* ---- there and back ---- */

static void assert_envelope(const struct store_queue_envelope *e)
{
    assert_span(e->queue_id, envelope.queue_id);
    assert_span(e->sender, envelope.sender);
    assert_span(e->envid, envelope.envid);
    assert_span(e->client, envelope.client);
    assert_span(e->login, envelope.login);
    assert_span(e->auth, envelope.auth);
    assert_span(e->verp, envelope.verp);
    assert_int_equal(e->arrival_us, envelope.arrival_us);
    assert_int_equal(e->deliver_by_us, envelope.deliver_by_us);
    assert_int_equal(e->hold_until_us, envelope.hold_until_us);
    assert_int_equal(e->ret, envelope.ret);
    assert_int_equal(e->body, envelope.body);
    assert_int_equal(e->priority, envelope.priority);
    assert_int_equal(e->flags, envelope.flags);
    assert_int_equal(e->size, 120);
    assert_int_equal(e->recipients, 3);
}

static void look(struct test_store *t, store_queue_id id)
{
    struct store_view *v = test_view(t);
    struct store_queue_recipient r[4], one;
    struct store_queue_envelope e;
    struct store_queue_due due[4];
    store_queue_id found;
    struct span bytes;
    size_t count;

    assert_int_equal(store_queue_message(v, id, &e), STORE_OK);
    assert_envelope(&e);
    assert_int_equal(store_queue_find(v, envelope.queue_id, &found), STORE_OK);
    assert_int_equal(found, id);
    assert_int_equal(store_queue_find(v, SPAN("1D7FE400A4C9"), &found), STORE_NOT_FOUND);
    assert_int_equal(store_message_bytes(v, id, 0, UINT32_MAX, &bytes), STORE_OK);
    assert_int_equal(bytes.len, 120);
    assert_int_equal(store_queue_recipients(v, id, 0, r, 4, &count), STORE_OK);
    assert_int_equal(count, 3);
    assert_span(r[0].address, SPAN("ben@example.com"));
    assert_span(r[0].original, SPAN("b@example.com"));
    assert_span(r[0].orcpt, SPAN("rfc822;b@example.com"));
    assert_span(r[0].nexthop, SPAN("[relay.example.com]:587"));
    assert_int_equal(r[0].notify, 1);
    assert_true(r[0].id == id && r[2].number == 2 && r[0].due_us == 500);
    assert_true(r[0].tries == 0 && r[0].tried_us == 0 && r[0].status.len == 0);
    assert_int_equal(r[2].marks, STORE_QUEUE_HELD);
    assert_int_equal(store_queue_recipients(v, id, 1, r, 1, &count), STORE_OK);
    assert_true(count == 1 && r[0].number == 1);
    assert_int_equal(store_queue_recipient(v, id, 1, &one), STORE_OK);
    assert_span(one.address, SPAN("cleo@example.com"));
    assert_int_equal(store_queue_recipient(v, id, 3, &one), STORE_NOT_FOUND);
    assert_int_equal(store_queue_due(v, NULL, due, 4, &count), STORE_OK);
    assert_int_equal(count, 2);
    assert_true(due[0].number == 1 && due[0].due_us == 400 && due[0].id == id);
    assert_true(due[1].number == 0 && due[1].due_us == 500);
    assert_int_equal(store_queue_due(v, &due[0], due, 4, &count), STORE_OK);
    assert_true(count == 1 && due[0].number == 0);
    store_view_close(&v);
}

static void test_there_and_back(void **state)
{
    struct store_queue_recipient r[] = {recipient("ben@example.com", 500),
                                        recipient("cleo@example.com", 400),
                                        recipient("dora@example.net", 300)};
    struct test_store t;
    store_queue_id id;

    (void)state;
    r[0].original = SPAN("b@example.com");
    r[0].orcpt = SPAN("rfc822;b@example.com");
    r[0].nexthop = SPAN("[relay.example.com]:587");
    r[0].notify = 1;
    r[0].tries = 7; /* does not count */
    r[0].status = SPAN("x");
    r[2].marks = STORE_QUEUE_HELD;
    test_store_make(&t);
    test_store_open(&t);
    id = queue(&t, NULL, "body\r\n", 20, r, 3);
    look(&t, id);
    test_store_reopen(&t);
    look(&t, id);
    close_and_check(&t);
}

/* ---- what becomes of recipients ---- */

static const struct {
    const char *name;
    struct store_queue_update update;
    int64_t due_us; /* 0: it is held */
    unsigned tries, marks;
    const char *address, *original, *nexthop, *status;
} updates[] = {
    {"later",
     {.what = STORE_QUEUE_LATER,
      .due_us = 900,
      .code = 451,
      .dsn = {"4.3.0", 5},
      .host = {"mx[192.0.2.9]:25", 16},
      .status = {"host mx said: 451 no", 20}},
     900, 1,
     0,                                        "ben@example.com",
     "",                                                                             "",
     "host mx said: 451 no"                                                                                       },
    {"warn",
     {.what = STORE_QUEUE_WARN, .due_us = 1},
     900, 1,
     STORE_QUEUE_WARNED,                       "ben@example.com",
     "",                                                                             "",
     "host mx said: 451 no"                                                                                       },
    {"hold",
     {.what = STORE_QUEUE_HOLD},
     0,   1,
     STORE_QUEUE_WARNED | STORE_QUEUE_HELD,
     "ben@example.com",                                           "",
     "",                                                                                    "host mx said: 451 no"},
    {"retry one who is held",
     {.what = STORE_QUEUE_RETRY, .due_us = 950},
     0,   1,
     STORE_QUEUE_WARNED | STORE_QUEUE_HELD,
     "ben@example.com",                                           "",
     "",                                                                                    "host mx said: 451 no"},
    {"expire one who is held",
     {.what = STORE_QUEUE_EXPIRE, .due_us = 5},
     0,   1,
     STORE_QUEUE_MARKS_ALL,                    "ben@example.com",
     "",                                                                             "",
     "host mx said: 451 no"                                                                                       },
    {"release",
     {.what = STORE_QUEUE_RELEASE, .due_us = 20},
     20,  1,
     STORE_QUEUE_WARNED | STORE_QUEUE_EXPIRED,
     "ben@example.com",                                           "",
     "",                                                                                    "host mx said: 451 no"},
    {"redirect",
     {.what = STORE_QUEUE_REDIRECT,
      .due_us = 30,
      .nexthop = {"[h]", 3},
      .address = {"x@example.net", 13}},
     30,  0,
     0,                                        "x@example.net",
     "ben@example.com",                                                              "[h]",
     ""                                                                                                           },
    {"redirect again",
     {.what = STORE_QUEUE_REDIRECT, .due_us = 31, .address = {"y@example.net", 13}},
     31,  0,
     0,                                        "y@example.net",
     "ben@example.com",                                                              "",
     ""                                                                                                           },
    {"retry",
     {.what = STORE_QUEUE_RETRY, .due_us = 40},
     40,  0,
     0,                                        "y@example.net",
     "ben@example.com",                                                              "",
     ""                                                                                                           },
    {"expire",
     {.what = STORE_QUEUE_EXPIRE, .due_us = 41},
     41,  0,
     STORE_QUEUE_EXPIRED,                      "y@example.net",
     "ben@example.com",                                                              "",
     ""                                                                                                           },
    {"requeue",
     {.what = STORE_QUEUE_REQUEUE, .due_us = 50},
     50,  0,
     0,                                        "y@example.net",
     "ben@example.com",                                                              "",
     ""                                                                                                           },
    {"long ago",
     {.what = STORE_QUEUE_RETRY, .due_us = -5},
     -5,
     0,      0,
     "y@example.net",                                             "ben@example.com",
     "",                                                                                    ""                    },
};

static void test_updates(void **state)
{
    struct test_store t;
    store_queue_id id;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    id = queue_one(&t, "ben@example.com", 100);
    for (size_t i = 0; i < COUNT_OF(updates); i++) {
        struct store_result result = update(&t, id, &updates[i].update, 1);
        struct store_view *v = test_view(&t);
        struct store_queue_recipient r;
        struct store_queue_due due[2];
        size_t count;
        if (getenv("STORE_TEST_LOUD"))
            fprintf(stderr, "%s\n", updates[i].name);
        assert_true(!result.is_over && result.range_count == 0 && result.message == id);
        assert_int_equal(store_queue_recipient(v, id, 0, &r), STORE_OK);
        assert_int_equal(store_queue_due(v, NULL, due, 2, &count), STORE_OK);
        assert_int_equal(count, updates[i].due_us != 0);
        assert_true(count == 0 || due[0].due_us == (updates[i].due_us < 0 ? 0 : updates[i].due_us));
        assert_true(count == 0 || r.due_us == updates[i].due_us);
        assert_int_equal(r.tries, updates[i].tries);
        assert_int_equal(r.tried_us != 0, updates[i].tries > 0);
        assert_int_equal(r.code, updates[i].tries > 0 ? 451 : 0);
        assert_int_equal(r.marks, updates[i].marks);
        assert_span(r.address, span_str(updates[i].address));
        assert_span(r.original, span_str(updates[i].original));
        assert_span(r.nexthop, span_str(updates[i].nexthop));
        assert_span(r.status, span_str(updates[i].status));
        store_view_close(&v);
    }
    close_and_check(&t);
}

static void done(void *context, enum store_status status, const struct store_result *results,
                 size_t count)
{
    struct store_result *kept = context;

    assert_int_equal(status, STORE_OK);
    assert_int_equal(count, 1);
    *kept = results[0];
    kept->uid = results[0].range_count == 1 ? results[0].ranges[0].from : 0;
    kept->uid_validity = results[0].range_count == 1 ? results[0].ranges[0].to : 0;
}

/* The message goes with the last of its recipients; who is gone is told. */
static void test_gone(void **state)
{
    struct store_queue_recipient r[] = {recipient("a@example.com", 1),
                                        recipient("b@example.com", 2),
                                        recipient("c@example.com", 3)};
    struct store_queue_update all[] = {{.number = 0}, {.number = 1}, {.number = 2}};
    struct store_queue_envelope e;
    struct store_result result;
    struct store_change *change;
    struct store_view *v;
    struct test_store t;
    store_queue_id id;
    struct span bytes;

    (void)state;
    test_store_make(&t);
    t.config.manual = true;
    test_store_open(&t);
    id = queue(&t, NULL, "x\r\n", 9, r, 3);
    result = update_one(&t, id, 2, STORE_QUEUE_DONE, 0);
    assert_true(!result.is_over && result.range_count == 0);
    change = store_change_new(t.store);
    store_change_queue_state(change, id, all + 1, 2, false);
    store_submit(t.store, &change, STORE_ACK_APPLIED, done, &result);
    while (store_step(t.store, 0))
        ;
    assert_true(!result.is_over && result.uid == 2 && result.uid_validity == 2);
    change = store_change_new(t.store);
    store_change_queue_state(change, id, all, 2, true);
    assert_int_equal(test_submit_status(&t, &change, &result, 1), STORE_GONE);
    assert_int_equal(result.status, STORE_GONE);
    change = store_change_new(t.store);
    store_change_queue_state(change, id, all, 1, true);
    result = test_submit(&t, &change);
    assert_true(result.is_over);
    assert_int_equal(queued(&t), 0);
    v = test_view(&t);
    assert_int_equal(store_queue_message(v, id, &e), STORE_NOT_FOUND);
    assert_int_equal(store_message_bytes(v, id, 0, 9, &bytes), STORE_NOT_FOUND);
    store_view_close(&v);
    result = update(&t, id, all, 3); /* all are gone */
    assert_true(result.is_over && result.range_count == 1);
    close_and_check(&t);
}

/* A notification is made once: its change happens only while the recipient waits. */
static void test_bounce_once(void **state)
{
    struct store_queue_recipient r = recipient("ann@example.org", 1);
    struct test_store t;
    store_queue_id id;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    id = queue_one(&t, "nobody@example.com", 1);
    for (unsigned i = 0; i < 3; i++) {
        struct store_change *change = store_change_new(t.store);
        struct store_draft *draft = test_draft(&t, "big\r\n", i == 0 ? 10 : 150000);
        unsigned message = store_change_message(change, &draft, SPAN(""));
        store_change_queue(change, message, &envelope, &r, 1);
        store_change_queue_state(change, id, &(struct store_queue_update){.what = STORE_QUEUE_DONE},
                                 1, true);
        assert_int_equal(test_submit_status(&t, &change, NULL, 0), i == 0 ? STORE_OK : STORE_GONE);
        assert_int_equal(queued(&t), 1);
    }
    close_and_check(&t);
}

/* One body for mailboxes here and for the queue, until nobody has it. */
static void test_body_is_shared(void **state)
{
    struct store_queue_recipient r[] = {recipient("a@example.com", 1),
                                        recipient("b@example.com", 2)};
    struct store_mailbox_info info;
    struct store_view *v;
    struct test_store t;
    store_queue_id id;
    struct span bytes;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    for (unsigned i = 0; i < 2; i++) { /* a big one too, and the other order */
        id = queue(&t, "ann@example.org", "text\r\n", i ? 100000 : 5, r, 2);
        info = test_info(&t, "second@example.org", "INBOX");
        test_expunge(&t, info.id, 1, 9);
        info = test_info(&t, "ann@example.org", "INBOX");
        if (i)
            test_expunge(&t, info.id, 1, 9);
        update_one(&t, id, 1, STORE_QUEUE_DONE, 0);
        assert_int_equal(queued(&t), 1);
        update_one(&t, id, 0, STORE_QUEUE_DONE, 0);
        v = test_view(&t);
        assert_int_equal(store_message_bytes(v, id, 0, 5, &bytes), i ? STORE_NOT_FOUND : STORE_OK);
        store_view_close(&v);
    }
    close_and_check(&t);
}

static void test_refused(void **state)
{
    static char text[STORE_QUEUE_TEXT_MAX + 2];
    struct store_queue_recipient r = recipient("a@example.com", 1);
    struct test_store t;

    (void)state;
    memset(text, 'x', sizeof(text));
    test_store_make(&t);
    test_store_open(&t);
    for (unsigned i = 0; i < 5; i++) {
        struct store_change *change = store_change_new(t.store);
        struct store_draft *draft = test_draft(&t, "x", 10);
        struct store_queue_envelope e = envelope;
        struct store_queue_recipient bad = r;
        unsigned message = store_change_message(change, &draft, SPAN(""));
        if (i == 0)
            e.sender = (struct span){text, STORE_QUEUE_TEXT_MAX + 1};
        if (i == 1)
            e.queue_id = SPAN("");
        if (i == 2)
            bad.address = SPAN("");
        if (i == 3)
            bad.orcpt = (struct span){text, STORE_QUEUE_TEXT_MAX + 2};
        if (i == 4)
            e.sender = (struct span){text, STORE_QUEUE_TEXT_MAX};
        store_change_queue(change, message, &e, &bad, 1);
        assert_int_equal(test_submit_status(&t, &change, NULL, 0),
                         i < 4 ? STORE_INVALID : STORE_OK);
    }
    assert_int_equal(queued(&t), 1);
    close_and_check(&t);
}

static void counted(void *context, enum store_status status, const struct store_result *results,
                    size_t count)
{
    (void)results;
    assert_true(status == STORE_OK && count == 0);
    __atomic_add_fetch((unsigned *)context, 1, __ATOMIC_SEQ_CST);
}

/* What nobody waits for is not synced one by one, and not behind what came later. */
static void test_rides_along(void **state)
{
    enum {
        UPDATES = 200
    };
    struct store_queue_update u = {.what = STORE_QUEUE_RETRY};
    struct store_numbers before, after;
    struct store_change *change;
    struct test_store t;
    unsigned done_count = 0;
    store_queue_id id;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    id = queue_one(&t, "a@example.com", 1);
    store_numbers(t.store, &before);
    for (u.due_us = 1; u.due_us <= UPDATES; u.due_us++) {
        change = store_change_new(t.store);
        store_change_queue_state(change, id, &u, 1, false);
        store_submit(t.store, &change, STORE_ACK_NONE, counted, &done_count);
    }
    u.what = STORE_QUEUE_HOLD;
    update(&t, id, &u, 1);
    assert_int_equal(__atomic_load_n(&done_count, __ATOMIC_SEQ_CST), UPDATES);
    store_numbers(t.store, &after);
    assert_in_range(after.commits - before.commits, 1, UPDATES / 10);
    assert_int_equal(after.records - before.records, UPDATES + 1);
    /* alone: after a while */
    change = store_change_new(t.store);
    store_change_queue_state(change, id, &u, 1, false);
    store_submit(t.store, &change, STORE_ACK_NONE, counted, &done_count);
    for (unsigned i = 0; i < 20000 && __atomic_load_n(&done_count, __ATOMIC_SEQ_CST) == UPDATES;
         i++)
        usleep(500);
    assert_int_equal(__atomic_load_n(&done_count, __ATOMIC_SEQ_CST), UPDATES + 1);
    close_and_check(&t);
}

/* ---- many ---- */

static void test_walks(void **state)
{
    enum {
        MESSAGES = 40
    };
    struct store_queue_message m[7] = {{0}};
    struct store_queue_recipient r[7], *last;
    struct store_queue_due due[7];
    struct store_queue_numbers n;
    struct store_view *v;
    struct test_store t;
    size_t count, seen = 0;
    int64_t due_us = 0;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    for (unsigned i = 0; i < MESSAGES; i++) {
        r[0] = recipient("a@example.com", 1000 + (i * 7) % MESSAGES);
        r[1] = recipient("b@example.com", 5000 - i);
        r[1].marks = i % 10 ? 0 : STORE_QUEUE_HELD;
        queue(&t, NULL, "x", i, r, 1 + i % 2);
    }
    v = test_view(&t);
    for (store_queue_id after = 0;; after = m[count - 1].id) {
        assert_int_equal(store_queue_messages(v, after, m, 7, &count), STORE_OK);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(m[i].envelope.size, seen++);
        if (count == 0)
            break;
    }
    assert_int_equal(seen, MESSAGES);
    seen = 0;
    last = &(struct store_queue_recipient){0};
    do {
        assert_int_equal(store_queue_everybody(v, last->id, last->number, r, 7, &count), STORE_OK);
        seen += count;
        last = &r[count > 0 ? count - 1 : 0];
        last->number++;
    } while (count > 0);
    assert_int_equal(seen, MESSAGES + MESSAGES / 2);
    seen = 0;
    for (const struct store_queue_due *after = NULL;; after = &due[count - 1]) {
        struct store_queue_due from = after ? *after : (struct store_queue_due){0};
        assert_int_equal(store_queue_due(v, after ? &from : NULL, due, 7, &count), STORE_OK);
        for (size_t i = 0; i < count; i++) {
            assert_true(due[i].due_us >= due_us);
            due_us = due[i].due_us;
            seen++;
        }
        if (count == 0)
            break;
    }
    assert_int_equal(store_queue_numbers(v, &n), STORE_OK);
    assert_true(n.messages == MESSAGES && n.recipients == MESSAGES + MESSAGES / 2);
    assert_int_equal(n.recipients - n.held, seen);
    store_view_close(&v);
    close_and_check(&t);
}

/* Made again from the log, the queue is the same. */
static void test_rebuilt(void **state)
{
    struct store_queue_recipient r[] = {recipient("a@example.com", 1),
                                        recipient("b@example.com", 2)};
    struct test_store t;
    store_queue_id id;
    char *before, *after;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    for (unsigned i = 0; i < 30; i++) {
        id = queue(&t, i % 3 ? NULL : "ann@example.org", "text\r\n", i * 300, r, 2);
        update_one(&t, id, i % 2, (enum store_queue_what)(i % STORE_QUEUE_REDIRECT), 5 * i);
        if (i % 4 == 0)
            update_one(&t, id, 0, STORE_QUEUE_DONE, 0);
    }
    before = test_dump(&t);
    test_store_close(&t);
    assert_true(test_store_remove_directory(&t, "idx"));
    test_store_open(&t);
    after = test_dump(&t);
    assert_string_equal(before, after);
    free(before);
    free(after);
    close_and_check(&t);
}

/* Relayed mail gives its room back, and what stays of it does not keep the segments. */
static void test_room_comes_back(void **state)
{
    enum {
        MAILS = 300,
        STAYS = 50, /* one of so many */
    };
    struct store_numbers n;
    struct test_store t;
    store_queue_id id, kept = 0;
    struct store_view *v;
    struct span bytes;

    (void)state;
    test_store_make(&t);
    t.config.manual = true;
    t.config.snapshot_bytes = 2 << 20;
    test_store_open(&t);
    for (unsigned i = 0; i < MAILS; i++) {
        struct store_queue_recipient r = recipient("a@example.com", i);
        id = queue(&t, NULL, "a line of text, this long\r\n", 4000, &r, 1);
        if (i % STAYS != 0)
            update_one(&t, id, 0, STORE_QUEUE_DONE, 0);
        else if (i == 0)
            kept = id;
        for (unsigned k = 0; i % 20 == 0 && k < 2000 && store_step(t.store, k); k++)
            continue;
    }
    for (unsigned k = 0; k < 2000 && store_step(t.store, k); k++)
        continue;
    store_numbers(t.store, &n);
    assert_in_range(n.segments, 1, 15); /* of 30 that were written */
    assert_int_equal(queued(&t), MAILS / STAYS);
    v = test_view(&t);
    assert_int_equal(store_message_bytes(v, kept, 0, UINT32_MAX, &bytes), STORE_OK);
    assert_int_equal(bytes.len, 4000 * 27);
    store_view_close(&v);
    test_store_reopen(&t);
    assert_true(update_one(&t, kept, 0, STORE_QUEUE_DONE, 0).is_over);
    close_and_check(&t);
}

/* An index of the format before is taken as it is. */
static void test_older_index(void **state)
{
    struct index_txn *txn;
    struct index *index;
    struct test_store t;
    char path[128];

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    test_deliver(&t, "ann@example.org", "INBOX", "text\r\n", 3);
    test_store_close(&t);
    snprintf(path, sizeof(path), "%s/idx", t.path);
    assert_int_equal(
        index_open(
            &(struct index_config){.path = path, .map_size = t.config.map_size, .readers = 8},
            &index),
        STORE_OK);
    assert_int_equal(index_write_begin(index, &txn), STORE_OK);
    index_put(txn, INDEX_META, SPAN(INDEX_META_FORMAT), SPAN("\2\0\0\0"));
    assert_int_equal(index_commit(&txn), STORE_OK);
    index_close(&index);
    test_check(&t);
    test_store_open(&t);
    assert_int_equal(t.said, 0);
    queue_one(&t, "a@example.com", 1);
    assert_int_equal(test_info(&t, "ann@example.org", "INBOX").messages, 1);
    close_and_check(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_updates),
        cmocka_unit_test(test_gone),           cmocka_unit_test(test_bounce_once),
        cmocka_unit_test(test_body_is_shared), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_rides_along),    cmocka_unit_test(test_walks),
        cmocka_unit_test(test_rebuilt),        cmocka_unit_test(test_room_comes_back),
        cmocka_unit_test(test_older_index),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
