/*
 * Floods (HOSTILE S15, S16, S17, S24, S32 to S37): what a stranger can make a session hold stays
 * small, however much it sends; and a client of errors is answered ever more slowly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "core/base/crc32c.h"
#include "tests/session/smtp_world.h"

struct talk {
    struct smtp_world world;
    struct session *session;
    size_t held_max; /* most that the body ever held */
    uint64_t stored_bytes;
    uint32_t stored_crc; /* of all bodies */
    unsigned stored;
    uint32_t delayed_ms;
    char last[600]; /* the last answers */
};

static void talk_open(struct talk *t)
{
    *t = (struct talk){0};
    smtp_world_init(&t->world, false, NULL);
    t->session = smtp_world_session(&t->world);
    t->session->ops->start(t->session);
}

static void talk_close(struct talk *t)
{
    t->session->ops->end(t->session);
}

static void talk_answer(struct talk *t)
{
    struct request *request = session_take_request(t->session);
    struct smtp_store_request *mail = CONTAINER_OF(request, struct smtp_store_request, base);
    struct span body;

    if (mail->body.held > t->held_max)
        t->held_max = mail->body.held;
    t->stored_bytes += mail->body.len;
    body = chain_flat(&mail->body);
    t->stored_crc = crc32c(t->stored_crc, body.at, body.len);
    chain_free(&mail->body);
    t->stored += request->kind == REQUEST_SMTP_STORE;
    request->status = REQUEST_OK;
    t->session->ops->reply(t->session, request);
}

/* False when the session wants no more. */
static bool talk_say(struct talk *t, struct span bytes)
{
    struct session *s = t->session;

    while (bytes.len > 0 && s->want != SESSION_WANT_CLOSE) {
        size_t eaten = session_feed(s, bytes);

        bytes = span_after(bytes, eaten);
        if (s->want == SESSION_WANT_REPLY)
            talk_answer(t);
        else if (eaten == 0)
            break;
    }
    if (s->out.len > 0) {
        struct span out = chain_flat(&s->out);
        size_t from = out.len < sizeof(t->last) ? 0 : out.len - sizeof(t->last) + 1;

        out = span_after(out, from);
        memcpy(t->last, out.at, out.len);
        t->last[out.len] = '\0';
        chain_drop(&s->out, s->out.len);
    }
    t->delayed_ms += s->delay_ms;
    s->delay_ms = 0;
    return s->want != SESSION_WANT_CLOSE;
}

static bool talk_ends_with(const struct talk *t, const char *text)
{
    size_t len = strlen(t->last), want = strlen(text);

    return len >= want && strcmp(t->last + len - want, text) == 0;
}

static void begin_mail(struct talk *t)
{
    assert_true(talk_say(t, SPAN("MAIL FROM:<a@b>\r\nRCPT TO:<ann>\r\n")));
}

/* How many times the bytes are taken before the session closes; at most `max`. */
static unsigned flood(struct talk *t, struct span bytes, unsigned max)
{
    unsigned n = 0;

    while (n < max && talk_say(t, bytes))
        n++;
    return n;
}

static void test_endless_line(void **state)
{
    struct talk t;
    char as[4096];

    (void)state;
    memset(as, 'a', sizeof(as));
    talk_open(&t);
    assert_true(flood(&t, (struct span){as, sizeof(as)}, 1000) <= 17);
    assert_true(talk_ends_with(&t, "421 4.7.0 mailserver.local Error: too many errors\r\n"));
    talk_close(&t);
}

static void test_junk(void **state)
{
    static const char *const junk[] = {"NOOP\r\n",   "RSET\r\n",   "VRFY a\r\n",
                                       "HELO a\r\n", "ETRN a\r\n", "HELP\r\n"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(junk); i++) {
        struct talk t;
        unsigned taken;

        talk_open(&t);
        taken = flood(&t, span_str(junk[i]), 100000);
        assert_in_range(taken, 10, 120);
        assert_true(talk_ends_with(&t, "421 4.7.0 mailserver.local Error: too many errors\r\n"));
        assert_in_range(t.delayed_ms, 9000, 12000);
        talk_close(&t);
    }
}

static void test_recipients(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t);
    begin_mail(&t);
    assert_int_equal(flood(&t, SPAN("RCPT TO:<bob>\r\n"), 100000), 999 + 1000 + 19);
    talk_close(&t);
    talk_open(&t);
    begin_mail(&t);
    assert_int_equal(flood(&t, SPAN("RCPT TO:<nobody>\r\n"), 100000), 19);
    talk_close(&t);
}

static void test_tiny_chunks(void **state)
{
    struct talk t;

    (void)state;
    talk_open(&t);
    begin_mail(&t);
    assert_int_equal(flood(&t, SPAN("BDAT 1\r\nx"), 1000000), 1000000);
    assert_true(talk_say(&t, SPAN("BDAT 0 LAST\r\n")));
    assert_int_equal(t.stored, 1);
    assert_true(t.held_max < 2 * SMTP_BODY_BLOCK);
    talk_close(&t);
}

/* A body of many blocks goes out block by block; past the limit it is read and forgotten. */
static void test_long_body(void **state)
{
    struct talk t;
    char xs[65536];
    unsigned count = 10240000 / sizeof(xs);

    (void)state;
    memset(xs, 'x', sizeof(xs));
    talk_open(&t);
    begin_mail(&t);
    assert_true(talk_say(&t, SPAN("DATA\r\nA: b\r\n\r\n")));
    assert_true(t.session->bulk);
    assert_int_equal(flood(&t, (struct span){xs, sizeof(xs)}, count), count);
    assert_true(talk_say(&t, SPAN("\r\n.\r\n")));
    assert_false(t.session->bulk);
    assert_int_equal(t.stored, 1);
    assert_int_equal(t.stored_bytes, 8 + (uint64_t)count * sizeof(xs) + 2);
    assert_true(t.held_max < 2 * SMTP_BODY_BLOCK);
    begin_mail(&t);
    assert_true(talk_say(&t, SPAN("DATA\r\nA: b\r\n\r\n")));
    assert_int_equal(flood(&t, (struct span){xs, sizeof(xs)}, 2000), 2000);
    assert_true(talk_say(&t, SPAN("\r\n.\r\n")));
    assert_true(talk_ends_with(&t, "552 5.3.4 Message size exceeds fixed limit\r\n"));
    assert_int_equal(t.stored, 1);
    assert_true(t.held_max < 2 * SMTP_BODY_BLOCK);
    talk_close(&t);
}

/* ---- headers and lines that never end ---- */

static const struct {
    const char *name, *first, *again;
    unsigned count;
} endless[] = {
    {"S33 one line",             "A: b\r\n\r\n",   "0123456789",  1000000},
    {"S34 header lines",         "",               "To: a@b\r\n", 1000000},
    {"S35 one field",            "Subject: x",     "0123456789",  1000000},
    {"S35 one folded field",     "Subject:",       "\r\n 34567",  1000000},
    {"S36 folded lines of one",  "Subject:",       "\r\n ",       1 << 20},
    {"S36 folded blanks",        "Subject: x\r\n", " \r\n",       1 << 20},
    {"S37 the line of a mbox",   "From ",          "0123456789",  1000000},
    {"S38 lines without colons", "",               "x\r\n",       1000000},
};

/* Says it `step` bytes at a time; the message must be taken, and little of it ever held. */
static struct talk say_endless(size_t row, unsigned count, size_t step)
{
    struct talk t;
    struct chain body = {0};

    chain_add(&body, span_str(endless[row].first));
    for (unsigned i = 0; i < count; i++)
        chain_add(&body, span_str(endless[row].again));
    chain_add(&body, SPAN("\r\n.\r\n"));
    talk_open(&t);
    begin_mail(&t);
    assert_true(talk_say(&t, SPAN("DATA\r\n")));
    for (struct span left = chain_flat(&body); left.len > 0; left = span_after(left, step))
        assert_true(talk_say(&t, span_first(left, step)));
    if (t.stored != 1 || t.held_max >= 3 * SMTP_BODY_BLOCK)
        fail_msg("%s: %u stored, %zu bytes held", endless[row].name, t.stored, t.held_max);
    chain_free(&body);
    talk_close(&t);
    return t;
}

static void test_endless_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(endless); i++) {
        struct talk whole = say_endless(i, 20000, SMTP_BODY_BLOCK), cut;

        for (size_t step = 1; step < 8; step += 3) {
            cut = say_endless(i, 20000, step);
            assert_int_equal(cut.stored_bytes, whole.stored_bytes);
            assert_int_equal(cut.stored_crc, whole.stored_crc);
        }
        (void)say_endless(i, endless[i].count, SMTP_BODY_BLOCK);
    }
}

/* The store cannot take a block: the rest is read, and the answer says so. */
static void test_body_that_fails(void **state)
{
    struct talk t;
    char xs[65536];
    struct request *request;

    (void)state;
    memset(xs, 'x', sizeof(xs));
    talk_open(&t);
    begin_mail(&t);
    assert_true(talk_say(&t, SPAN("DATA\r\nA: b\r\n\r\n")));
    while (t.session->want == SESSION_WANT_INPUT)
        session_feed(t.session, (struct span){xs, sizeof(xs)});
    request = session_take_request(t.session);
    assert_int_equal(request->kind, REQUEST_SMTP_BODY);
    request->status = REQUEST_FULL;
    t.session->ops->reply(t.session, request);
    assert_int_equal(flood(&t, (struct span){xs, sizeof(xs)}, 20), 20);
    assert_true(talk_say(&t, SPAN("\r\n.\r\n")));
    assert_true(talk_ends_with(&t, "452 4.3.1 Insufficient system storage\r\n"));
    assert_int_equal(t.stored, 0);
    talk_close(&t);
}

/* The connection is lost while a block is away and later, in all places. */
static void test_lost_anywhere(void **state)
{
    static const char text[] =
        "HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<ann>\r\nDATA\r\nSubject: x\r\n"
        "\r\ny\r\n.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<ann>\r\nBDAT 4\r\nabcd"
        "BDAT 4 LAST\r\nefgh";

    (void)state;
    for (size_t len = 0; len < sizeof(text); len++) {
        for (int why = SESSION_PEER_CLOSED; why <= SESSION_CROWDED; why++) {
            struct talk t;

            talk_open(&t);
            talk_say(&t, (struct span){text, len});
            t.session->ops->hangup(t.session, (enum session_end)why);
            assert_int_equal(t.session->want, SESSION_WANT_CLOSE);
            talk_close(&t);
        }
    }
}

static unsigned drafts_dropped;

static void count_drop(void **draft)
{
    *draft = NULL;
    drafts_dropped++;
}

/* The connection is lost when a request is open and nobody has taken it yet: what the service has
 * of the message is given back. */
static void test_lost_before_asked(void **state)
{
    struct talk t;
    char xs[65536];
    struct smtp_store_request *mail;

    (void)state;
    memset(xs, 'x', sizeof(xs));
    talk_open(&t);
    begin_mail(&t);
    assert_true(talk_say(&t, SPAN("DATA\r\nA: b\r\n\r\n")));
    while (t.session->want == SESSION_WANT_INPUT)
        session_feed(t.session, (struct span){xs, sizeof(xs)});
    mail = CONTAINER_OF(session_take_request(t.session), struct smtp_store_request, base);
    mail->draft = &drafts_dropped;
    mail->drop = count_drop;
    mail->base.status = REQUEST_OK;
    t.session->ops->reply(t.session, &mail->base);
    session_feed(t.session, SPAN("\r\n.\r\n"));
    assert_int_equal(t.session->want, SESSION_WANT_REPLY);
    t.session->ops->hangup(t.session, SESSION_PEER_CLOSED);
    talk_close(&t);
    assert_int_equal(drafts_dropped, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endless_line),      cmocka_unit_test(test_junk),
        cmocka_unit_test(test_recipients),        cmocka_unit_test(test_tiny_chunks),
        cmocka_unit_test(test_long_body),         cmocka_unit_test(test_endless_headers),
        cmocka_unit_test(test_body_that_fails),   cmocka_unit_test(test_lost_anywhere),
        cmocka_unit_test(test_lost_before_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
