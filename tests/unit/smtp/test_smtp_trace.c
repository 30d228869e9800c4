/* The fields that we write in front of a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/smtp/smtp_trace.h"
#include "proto/text/address.h"

static struct smtp_store_request *mail_new(const char *helo, const char *name, const char *address)
{
    struct smtp_store_request *mail = smtp_store_request_new();

    snprintf(mail->helo, sizeof(mail->helo), "%s", helo);
    snprintf(mail->client_name, sizeof(mail->client_name), "%s", name);
    snprintf(mail->client_address, sizeof(mail->client_address), "%s", address);
    snprintf(mail->queue_id, sizeof(mail->queue_id), "1D7FE400A4C9");
    mail->protocol = "ESMTP";
    mail->mail_us = 1594830684999999;
    return mail;
}

static void add(struct smtp_store_request *mail, const char *recipient)
{
    struct address a;

    assert_int_equal(address_parse(span_str(recipient), ADDRESS_MAY_BE_UTF8, &a), ADDRESS_OK);
    smtp_store_request_add(mail, &a, SPAN(""));
}

static void check(struct smtp_store_request *mail, const char *wanted)
{
    struct chain out = {0};

    smtp_trace_received(mail, SPAN("mailserver.local"), SPAN("Postfix"), &out);
    chain_add_byte(&out, '\0');
    assert_string_equal(chain_flat(&out).at, wanted);
    chain_free(&out);
    smtp_store_request_free(&mail);
}

static void test_one_recipient(void **state)
{
    struct smtp_store_request *mail = mail_new("mailserver.local", "gateway", "10.0.2.2");

    (void)state;
    add(mail, "vagrant@mailserver.local");
    check(mail, "Received: from mailserver.local (gateway [10.0.2.2])\r\n"
                "\tby mailserver.local (Postfix) with ESMTP id 1D7FE400A4C9\r\n"
                "\tfor <vagrant@mailserver.local>; Wed, 15 Jul 2020 16:31:24 +0000 (UTC)\r\n");
}

static void test_two_recipients(void **state)
{
    struct smtp_store_request *mail = mail_new("", "unknown", "2001:db8::1");

    (void)state;
    add(mail, "ann@mailserver.local");
    add(mail, "bob@mailserver.local");
    mail->mail_us = -1;
    check(mail, "Received: from unknown (unknown [IPv6:2001:db8::1])\r\n"
                "\tby mailserver.local (Postfix) with ESMTP id 1D7FE400A4C9;\r\n"
                "\tWed, 31 Dec 1969 23:59:59 +0000 (UTC)\r\n");
}

/* What a client calls itself can't end a comment or a line. */
static void test_hostile_names(void **state)
{
    struct smtp_store_request *mail = mail_new("a)\r\nX: (\\\"b", "c\x01;<d>\xc3\xbc", "10.0.2.2");

    (void)state;
    add(mail, "ann");
    check(mail, "Received: from a???X:????b (c???d??? [10.0.2.2])\r\n"
                "\tby mailserver.local (Postfix) with ESMTP id 1D7FE400A4C9\r\n"
                "\tfor <ann>; Wed, 15 Jul 2020 16:31:24 +0000 (UTC)\r\n");
}

/* The seed's size=214 is this field, the subject, the blank line and one line of text. */
static void test_seed_size(void **state)
{
    struct smtp_store_request *mail = mail_new("mailserver.local", "gateway", "10.0.2.2");
    struct chain out = {0};

    (void)state;
    add(mail, "vagrant@mailserver.local");
    smtp_trace_received(mail, SPAN("mailserver.local"), SPAN("Postfix"), &out);
    assert_int_equal(out.len + sizeof("Subject: hello\r\n\r\nGreetings\r\n") - 1, 214);
    chain_free(&out);
    smtp_trace_delivery(SPAN("username@example.com"), SPAN("vagrant@mailserver.local"),
                        SPAN("vagrant@mailserver.local"), &out);
    chain_add_byte(&out, '\0');
    assert_string_equal(chain_flat(&out).at, "Return-Path: <username@example.com>\r\n"
                                             "X-Original-To: vagrant@mailserver.local\r\n"
                                             "Delivered-To: vagrant@mailserver.local\r\n");
    chain_free(&out);
    smtp_store_request_free(&mail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_recipient),
        cmocka_unit_test(test_two_recipients),
        cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_seed_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
