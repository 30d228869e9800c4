/* Notifications: who gets which, and what is in them, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "proto/smtp/dsn.h"
#include "proto/smtp/smtp_verp.h"

#define NOW_US 1594830684000000 /* Wed, 15 Jul 2020 16:31:24 +0000 */

static const struct dsn_recipient failed = {
    .address = {"bob@b.example",                                             13 },
    .original = {"b@a.example",                                               11 },
    .orcpt = {"rfc822;b@a.example",                                        18 },
    .action = DSN_FAILED,
    .status = {"5.1.1",                                                     5  },
    .reason = {"host mx.b.example[192.0.2.1] said: 550 5.1.1 <bob@b.example>: nobody of that "
               "name is here (in reply to RCPT TO command)", 119},
    .remote = {"mx.b.example",                                              12 },
    .reply = {"550 5.1.1 <bob@b.example>: nobody of that name is here",    54 },
    .attempt_us = NOW_US,
};

static struct dsn dsn_of(const struct dsn_recipient *recipients)
{
    return (struct dsn){
        .myhostname = "gate.example",
        .mail_name = "Ringpost",
        .queue_id = SPAN("1D7FE400A4C9"),
        .own_queue_id = SPAN("2D7FE400A4CA"),
        .to = SPAN("ann@a.example"),
        .sender = SPAN("ann@a.example"),
        .envid = SPAN("e1"),
        .arrival_us = NOW_US - 1000000,
        .now_us = NOW_US,
        .recipients = recipients,
        .count = 1,
    };
}

static struct span written(const struct dsn *d, const char *message, struct chain *out)
{
    struct chain text = {0};

    chain_add(&text, span_str(message));
    dsn_write(d, &text, out);
    assert_int_equal(text.len, 0);
    return chain_flat(out);
}

static bool has(struct span text, const char *what)
{
    return memmem(text.at, text.len, what, strlen(what)) != NULL;
}

#define BOUNDARY "2D7FE400A4CA.1594830684/gate.example"

static const char golden[] =
    "Received: by gate.example (Ringpost)\r\n"
    "\tid 2D7FE400A4CA; Wed, 15 Jul 2020 16:31:24 +0000 (UTC)\r\n"
    "Date: Wed, 15 Jul 2020 16:31:24 +0000 (UTC)\r\n"
    "From: MAILER-DAEMON@gate.example (Mail Delivery System)\r\n"
    "Subject: Undelivered Mail Returned to Sender\r\n"
    "To: ann@a.example\r\n"
    "Auto-Submitted: auto-replied\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
    "\tboundary=\"" BOUNDARY "\"\r\n"
    "Message-Id: <20200715163124.2D7FE400A4CA@gate.example>\r\n"
    "\r\n"
    "This is a MIME-encapsulated message.\r\n"
    "\r\n"
    "--" BOUNDARY "\r\n"
    "Content-Description: Notification\r\n"
    "Content-Type: text/plain; charset=us-ascii\r\n"
    "\r\n"
    "This is the mail system at host gate.example.\r\n"
    "\r\n"
    "Your message could not be delivered to one or more recipients.\r\n"
    "Why, is said below; the message itself, or its header, is attached.\r\n"
    "\r\n"
    "For help, write to postmaster, and include this report.\r\n"
    "\r\n"
    "                   The mail system\r\n"
    "\r\n"
    "<bob@b.example> (expanded from <b@a.example>): host mx.b.example[192.0.2.1]\r\n"
    "    said: 550 5.1.1 <bob@b.example>: nobody of that name is here (in reply to\r\n"
    "    RCPT TO command)\r\n"
    "\r\n"
    "--" BOUNDARY "\r\n"
    "Content-Description: Delivery report\r\n"
    "Content-Type: message/delivery-status\r\n"
    "\r\n"
    "Reporting-MTA: dns; gate.example\r\n"
    "Original-Envelope-Id: e1\r\n"
    "X-Postfix-Queue-ID: 1D7FE400A4C9\r\n"
    "X-Postfix-Sender: rfc822; ann@a.example\r\n"
    "Arrival-Date: Wed, 15 Jul 2020 16:31:23 +0000 (UTC)\r\n"
    "\r\n"
    "Final-Recipient: rfc822; bob@b.example\r\n"
    "Original-Recipient: rfc822;b@a.example\r\n"
    "Action: failed\r\n"
    "Status: 5.1.1\r\n"
    "Remote-MTA: dns; mx.b.example\r\n"
    "Diagnostic-Code: smtp; 550 5.1.1 <bob@b.example>: nobody of that name is here\r\n"
    "Last-Attempt-Date: Wed, 15 Jul 2020 16:31:24 +0000 (UTC)\r\n"
    "\r\n"
    "--" BOUNDARY "\r\n"
    "Content-Description: Undelivered Message\r\n"
    "Content-Type: message/rfc822\r\n"
    "\r\n"
    "Subject: x\r\n\r\nhello\r\n"
    "\r\n"
    "--" BOUNDARY "--\r\n";

static void failure_is_told_byte_for_byte(void **state UNUSED)
{
    struct dsn d = dsn_of(&failed);
    struct chain out = {0};
    struct span text = written(&d, "Subject: x\r\n\r\nhello\r\n", &out);

    if (!span_eq(text, span_str(golden)))
        fail_msg("%.*s", (int)text.len, text.at);
    chain_free(&out);
}

static void only_the_header_comes_back(void **state UNUSED)
{
    struct dsn_recipient r = failed;
    struct dsn d = dsn_of(&r);
    struct chain out = {0};
    struct span text;

    d.ret = SMTP_RET_HDRS;
    text = written(&d, "Subject: x\r\n\r\nhello\r\n", &out);
    assert_true(has(text, "text/rfc822-headers\r\n\r\nSubject: x\r\n\r\n--"));
    chain_free(&out);

    d.ret = SMTP_RET_FULL;
    d.return_max = 20; /* all but one byte: whole lines of the header */
    text = written(&d, "Subject: x\r\nTo: somebody\r\n\r\nhello\r\n", &out);
    assert_true(has(text, "text/rfc822-headers\r\n\r\nSubject: x\r\n\r\n--"));
    chain_free(&out);

    d.return_max = 0;
    r.action = DSN_DELAYED;
    r.retry_until_us = NOW_US + 60000000;
    text = written(&d, "Subject: x\r\n\r\nhello\r\n", &out);
    assert_true(has(text, "Subject: Delayed Mail (still being retried)\r\n"));
    assert_true(has(text, "Action: delayed\r\n"));
    assert_true(has(text, "Will-Retry-Until: Wed, 15 Jul 2020 16:32:24 +0000 (UTC)\r\n"));
    assert_false(has(text, "hello"));
    chain_free(&out);

    r.action = DSN_RELAYED;
    text = written(&d, "Subject: x\r\n\r\nhello\r\n", &out);
    assert_true(has(text, "Subject: Successful Mail Delivery Report\r\n"));
    assert_true(has(text, "Action: relayed\r\n"));
    chain_free(&out);
}

/* RFC 6533. */
static void utf8_addresses_are_told_as_they_are(void **state UNUSED)
{
    struct dsn_recipient r = failed;
    struct dsn d = dsn_of(&r);
    struct chain out = {0};
    struct span text;

    r.address = SPAN("j\xc3\xb6rg@b.example");
    text = written(&d, "Subject: x\r\n\r\nhello\r\n", &out);
    assert_true(has(text, "report-type=global-delivery-status;"));
    assert_true(has(text, "message/global-delivery-status\r\n"));
    assert_true(has(text, "Final-Recipient: utf-8; j\xc3\xb6rg@b.example\r\n"));
    assert_true(has(text, "Content-Type: message/global\r\n"));
    chain_free(&out);
}

/* HOSTILE R17: nothing that a stranger said makes a line of its own. */
static void strangers_make_no_lines(void **state UNUSED)
{
    struct dsn_recipient r = failed;
    struct dsn d = dsn_of(&r);
    struct chain out = {0};
    struct span text;

    r.reply = SPAN("550 a\r\nAction: delivered\x1b[2J");
    r.reason = r.reply;
    r.orcpt = SPAN("rfc822;x\nAction: delivered");
    d.envid = SPAN("x\r\n\r\ny");
    text = written(&d, "Subject: x\r\n\r\nhello\r\n", &out);
    assert_false(has(text, "\nAction: delivered"));
    assert_false(has(text, "\x1b"));
    assert_true(has(text, "Original-Envelope-Id: x????y\r\n"));
    chain_free(&out);
}

static void a_notification_goes_to_who_wants_it(void **state UNUSED)
{
    static const struct {
        enum dsn_action action;
        unsigned notify;
        bool wanted;
    } rows[] = {
        {DSN_FAILED,    0,                                         true },
        {DSN_FAILED,    SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_SUCCESS, true },
        {DSN_FAILED,    SMTP_NOTIFY_SUCCESS,                       false},
        {DSN_FAILED,    SMTP_NOTIFY_NEVER,                         false},
        {DSN_DELAYED,   0,                                         true },
        {DSN_DELAYED,   SMTP_NOTIFY_DELAY,                         true },
        {DSN_DELAYED,   SMTP_NOTIFY_FAILURE,                       false},
        {DSN_DELIVERED, 0,                                         false},
        {DSN_DELIVERED, SMTP_NOTIFY_SUCCESS,                       true },
        {DSN_RELAYED,   SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY,   true },
        {DSN_RELAYED,   SMTP_NOTIFY_NEVER,                         false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(dsn_is_wanted(rows[i].action, rows[i].notify, SPAN("a@b")),
                         rows[i].wanted);
        assert_false(dsn_is_wanted(rows[i].action, rows[i].notify, SPAN("")));
    }
}

static void verp_names_the_recipient(void **state UNUSED)
{
    char at[64];
    size_t len;

    assert_true(smtp_verp_sender(SPAN("list@a.example"), SPAN("bob@b.example"), "+=", at,
                                 sizeof(at), &len));
    assert_true(span_eq((struct span){at, len}, SPAN("list+bob=b.example@a.example")));
    assert_false(smtp_verp_sender(SPAN("a@b"), SPAN("\"x@y\"@b"), "+=", at, sizeof(at), &len));
    assert_false(smtp_verp_sender(SPAN("list"), SPAN("x@b"), "+=", at, sizeof(at), &len));
    assert_false(smtp_verp_sender(SPAN(""), SPAN("x@b"), "+=", at, sizeof(at), &len));
    assert_false(smtp_verp_sender(SPAN("a@b"), SPAN("x@"), "+=", at, sizeof(at), &len));
    assert_false(smtp_verp_sender(SPAN("a@b"), SPAN("x@y"), "+=", at, 6, &len));
    assert_true(smtp_verp_delimiters(SPAN("-=")));
    assert_false(smtp_verp_delimiters(SPAN("+")));
    assert_false(smtp_verp_delimiters(SPAN("+@")));
    assert_false(smtp_verp_delimiters((struct span){"+\0", 2}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failure_is_told_byte_for_byte),
        cmocka_unit_test(only_the_header_comes_back),
        cmocka_unit_test(utf8_addresses_are_told_as_they_are),
        cmocka_unit_test(strangers_make_no_lines),
        cmocka_unit_test(a_notification_goes_to_who_wants_it),
        cmocka_unit_test(verp_names_the_recipient),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
