/*
 * Rows of the list of hostile inputs that an IMAP client plays against mailboxes with something in
 * them: I14, I20, I37. A strict client reads every answer.
 */
#include "tests/unit/service/imap_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/attr.h"
#include "core/base/clock.h"

static int world_open(void **state)
{
    struct imap_world *w = xcalloc(1, sizeof(*w));

    imap_world_open(w);
    *state = w;
    return 0;
}

static int world_close(void **state)
{
    imap_world_close(*state);
    free(*state);
    return 0;
}

static void must_hear(const char *heard, const char *part)
{
    if (strstr(heard, part) == NULL)
        fail_msg("\"%s\" is not in:\n%.3000s", part, heard);
}

static unsigned count_of(const char *text, const char *part)
{
    unsigned count = 0;

    for (; (text = strstr(text, part)) != NULL; text++)
        count++;
    return count;
}

/* ---- I14 ---- */

static int64_t search_us(struct imap_client *c, struct chain *command)
{
    int64_t from = clock_wall_us();

    must_hear(imap_client_say_bytes(c, chain_flat(command)), "* SEARCH\r\nx OK");
    return clock_wall_us() - from;
}

/* A needle that all but matches everywhere costs as much as one that matches nowhere. */
static void i14_search_substring(void **state)
{
    struct imap_world *w = *state;
    struct chain body = {0}, near_miss = {0}, far_miss = {0};
    struct imap_client c;
    int64_t near_us, far_us;

    chain_add(&body, SPAN("Subject: a\r\n\r\n"));
    for (unsigned i = 0; i < 4 << 20; i++)
        chain_add_byte(&body, i % 900 == 899 ? '\n' : 'a');
    imap_world_deliver(w, "INBOX", chain_flat(&body));
    chain_add(&near_miss, SPAN("x SEARCH BODY {4000+}\r\n"));
    chain_add(&far_miss, SPAN("x SEARCH BODY {4000+}\r\n"));
    for (unsigned i = 0; i < 4000; i++) {
        chain_add_byte(&near_miss, i == 3999 ? 'b' : 'a');
        chain_add_byte(&far_miss, 'b');
    }
    chain_add(&near_miss, SPAN("\r\n"));
    chain_add(&far_miss, SPAN("\r\n"));
    imap_client_open(&c, w);
    imap_client_login(&c);
    far_us = search_us(&c, &far_miss);
    near_us = search_us(&c, &near_miss);
    if (near_us > 20 * far_us + 1000000)
        fail_msg("%lld us, and %lld us for what is easy", (long long)near_us, (long long)far_us);
    imap_client_close(&c);
    chain_free(&body);
    chain_free(&near_miss);
    chain_free(&far_miss);
}

/* ---- I20 ---- */

/* Thousands of commands at once: each is answered, one after the other. */
static void i20_pipelined_fetch(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c;
    struct chain commands = {0};
    const char *heard;

    for (unsigned i = 0; i < 3; i++)
        imap_world_deliver(w, "INBOX", SPAN("Subject: a\r\n\r\nsome text\r\n"));
    imap_client_open(&c, w);
    imap_client_login(&c);
    for (unsigned i = 0; i < 4000; i++)
        chain_add(&commands, SPAN("x FETCH 1:* BODY.PEEK[]\r\n"));
    heard = imap_client_say_bytes(&c, chain_flat(&commands));
    assert_int_equal(count_of(heard, "x OK Fetch completed.\r\n"), 4000);
    assert_int_equal(count_of(heard, " FETCH (BODY[] "), 12000);
    imap_client_close(&c);
    chain_free(&commands);
}

/* ---- I37 ---- */

/* Headers whose texts would be answers of their own, were they sent as they are. */
static const char *const reflected[] = {
    "Subject: a\"b\\c\r\n\r\n",
    "Subject: x {9}\r\n\r\n",
    "Subject: a\r\n )\r\n * BYE pwned\r\n\tx OK done\r\n\r\n",
    "Subject: a\rb\r\n\r\n",
    "Subject: caf\xe9 \xff\r\n\r\n",
    "Subject: \x01\x7f\r\n\r\n",
    "From: \"a\\\"b\" <\"c\\\\d\"@e\"f>\r\n\r\n",
    "From: =?utf-8?q?=0D=0A*_BYE?= <a@b>\r\n\r\n",
    "From: (* BYE\r\n )\r\n a@b\r\nTo: NIL <NIL@NIL>\r\n\r\n",
    "Message-ID: {9}\r\nIn-Reply-To: NIL\r\nDate: \"\r\n\r\n",
    "Content-Type: text/plain; charset=\"a\\\"{3}\r\n xyz\"\r\n\r\n",
    "Content-Type: a\"b/c\r\nContent-ID: {1}\r\nContent-Description: \"\\\r\n\r\n",
    "Content-Type: multipart/mixed; boundary=\"{2}\"\r\n\r\n--{2}\r\nContent-MD5: \")(\r\n\r\n",
    "Content-Disposition: \"x\"; filename=\"a\r\n\tb\"\r\nContent-Language: (, \"\r\n\r\n",
    "Content-Location: \"\r\n * BYE\r\nContent-Transfer-Encoding: {7}\r\n\r\n",
};

/* Names that a client chooses and all others are shown. */
static const char *const chosen[] = {
    "x STORE 1 +FLAGS (a]b {9} \"c\")",
    "x STORE 1 +FLAGS ($a'`~!@#^&_=|;:,.<>?/)",
    "x]y[ NOOP",
    "{9} NOOP",
    "a\"b NOOP",
    "x ID (\"name\" \"\\\")\\\\\")",
    "x LIST \"\\\"\" \"\\\\\"",
    "x STATUS \"a\\\"b\" (MESSAGES)",
    "x SELECT \"{9}\"",
    "x FETCH 1 BODY.PEEK[HEADER.FIELDS (\"a{9}\" \"b]c\" \"(\")]",
    "x FETCH 1 BODY.PEEK[HEADER.FIELDS ({3+}\r\na\"b)]",
    "x FETCH 1 BODY.PEEK[HEADER.FIELDS ({4+}\r\na\r\nb)]",
};

static void i37_reflected(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c;

    for (size_t i = 0; i < COUNT_OF(reflected); i++)
        imap_world_deliver(w, "INBOX", span_str(reflected[i]));
    imap_client_open(&c, w);
    imap_client_login(&c);
    /* The strict client fails by itself on what is no answer. */
    must_hear(imap_client_say(&c, "x FETCH 1:* (FLAGS ENVELOPE BODY BODYSTRUCTURE)\r\n"), "x OK");
    assert_int_equal(c.view.fetched, COUNT_OF(reflected));
    must_hear(imap_client_say(&c, "x FETCH 1:* (BODY.PEEK[1.MIME] BODY.PEEK[HEADER.FIELDS (From)])"
                                  "\r\n"),
              "x OK");
    assert_int_equal(c.view.fetched, 2 * COUNT_OF(reflected));
    for (size_t i = 0; i < COUNT_OF(chosen); i++) {
        char line[200];

        snprintf(line, sizeof(line), "%s\r\n", chosen[i]);
        imap_client_say(&c, line);
        assert_int_not_equal(c.session->want, SESSION_WANT_CLOSE);
    }
    must_hear(imap_client_say(&c, "x FETCH 1:* FLAGS\r\n"), "x ");
    imap_client_close(&c);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(i14_search_substring),
        ROW(i20_pipelined_fetch),
        ROW(i37_reflected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
