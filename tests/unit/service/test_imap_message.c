/* APPEND, COPY, MOVE and UID EXPUNGE over a real store. */

#include "tests/unit/service/imap_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/attr.h"

#define HAS(text, part)   assert_has((text), (part), __LINE__)
#define LACKS(text, part) assert_lacks((text), (part), __LINE__)

static void assert_has(const char *text, const char *part, int line)
{
    if (strstr(text, part) == NULL) {
        fprintf(stderr, "line %d: \"%s\" is not in:\n%s\n", line, part, text);
        fail();
    }
}

static void assert_lacks(const char *text, const char *part, int line)
{
    if (strstr(text, part) != NULL) {
        fprintf(stderr, "line %d: \"%s\" is in:\n%s\n", line, part, text);
        fail();
    }
}

static int world_setup(void **state)
{
    struct imap_world *w = malloc(sizeof(*w));

    imap_world_open(w);
    *state = w;
    return 0;
}

static int world_teardown(void **state)
{
    imap_world_close(*state);
    free(*state);
    return 0;
}

static void append_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c;
    const char *heard;

    imap_client_open(&c, w);
    imap_client_login(&c); /* the account is made by it */
    heard = imap_client_say(&c, "a APPEND INBOX (\\Seen $Work) \"15-Jul-2020 16:31:24 +0200\" "
                                "{26+}\r\nSubject: one\n\nline\nend\r\n\r\n\r\n");
    HAS(heard, "* 1 EXISTS\r\n* 1 RECENT\r\na OK [APPENDUID ");
    HAS(heard, " 1] Append completed.\r\n");
    heard =
        imap_client_say(&c, "b FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[] ENVELOPE)\r\n");
    HAS(heard, "FLAGS (\\Seen $Work \\Recent) INTERNALDATE \"15-Jul-2020 16:31:24 +0200\" "
               "RFC822.SIZE 29 BODY[] {29}\r\nSubject: one\r\n\r\nline\r\nend\r\n\r\n "
               "ENVELOPE (NIL \"one\"");
    heard = imap_client_say(&c, "c APPEND nowhere {5}\r\n");
    HAS(heard, "c NO [TRYCREATE] Mailbox doesn't exist.\r\n");
    heard = imap_client_say(&c, "d APPEND nowhere {5+}\r\nhello\r\ne NOOP\r\n");
    HAS(heard, "d NO [TRYCREATE] Mailbox doesn't exist.\r\ne OK NOOP completed.\r\n");
    heard = imap_client_say(&c, "f APPEND inbox {5}\r\n");
    HAS(heard, "+ OK\r\n");
    heard = imap_client_say(&c, "A: b\n\r\n");
    HAS(heard, "* 2 EXISTS\r\n");
    HAS(heard, " 2] Append completed.\r\n");
    imap_client_close(&c);
}

/* Who has selected another mailbox, or none, is told nothing of this one. */
static void append_elsewhere_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c, other;
    const char *heard;

    imap_client_open(&other, w);
    imap_client_login(&other);
    imap_world_mailbox(w, "Sent");
    imap_client_open(&c, w);
    (void)imap_client_say(&c, "a LOGIN vagrant password\r\n");
    heard = imap_client_say(&c, "b APPEND Sent {5+}\r\nA: b\n\r\n");
    HAS(heard, " 1] Append completed.\r\n");
    LACKS(heard, "EXISTS");
    heard = imap_client_say(&other, "c APPEND Sent {5+}\r\nA: b\n\r\n");
    HAS(heard, " 2] Append completed.\r\n");
    LACKS(heard, "EXISTS");
    imap_client_close(&c);
    imap_client_close(&other);
}

static void append_many_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c;
    const char *heard;

    imap_client_open(&c, w);
    imap_client_login(&c);
    heard = imap_client_say(&c, "a APPEND INBOX (\\Seen) {9+}\r\nA: first\n (\\Draft b) {10+}\r\n"
                                "A: second\n {9+}\r\nA: third\n\r\n");
    HAS(heard, "* 3 EXISTS\r\n");
    HAS(heard, " 1:3] Append completed.\r\n");
    heard = imap_client_say(&c, "b FETCH 1:3 (FLAGS BODY.PEEK[])\r\n");
    HAS(heard, "1 FETCH (FLAGS (\\Seen \\Recent) BODY[] {10}\r\nA: first\r\n)");
    HAS(heard, "2 FETCH (FLAGS (\\Draft b \\Recent) BODY[] {11}\r\nA: second\r\n)");
    HAS(heard, "3 FETCH (FLAGS (\\Recent) BODY[] {10}\r\nA: third\r\n)");
    /* One that is wrong takes all with it. */
    heard = imap_client_say_bytes(
        &c,
        SPAN("c APPEND INBOX {9+}\r\nA: first\n {5+}\r\nA: \0s {9+}\r\nA: third\n\r\nd NOOP\r\n"));
    HAS(heard, "c NO [CANNOT] Message contains NUL characters.\r\nd OK NOOP completed.\r\n");
    LACKS(heard, "EXISTS");
    imap_client_close(&c);
}

static void append_long_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c;
    size_t len = 700000;
    char *body = malloc(len);
    struct chain said = {0};
    const char *heard;

    memset(body, 'x', len);
    memcpy(body, "A: b\r\n\r\n", 8);
    imap_client_open(&c, w);
    imap_client_login(&c);
    for (unsigned i = 1; i <= 2; i++) { /* the second is left in the middle */
        chain_addf(&said, "a APPEND INBOX {%zu+}\r\n", len);
        chain_add(&said, (struct span){body, i == 1 ? len : len / 2});
        if (i == 1)
            chain_add(&said, SPAN("\r\nb FETCH 1 (RFC822.SIZE BODY.PEEK[]<699995.9>)\r\n"));
        heard = imap_client_say_bytes(&c, chain_flat(&said));
        chain_free(&said);
        if (i == 1) {
            HAS(heard, " 1] Append completed.\r\n");
            HAS(heard, "RFC822.SIZE 700000 BODY[]<699995> {5}\r\nxxxxx)");
        }
    }
    imap_client_close(&c);
    imap_client_open(&c, w);
    heard = imap_client_say(&c, "a LOGIN vagrant password\r\nb EXAMINE INBOX\r\n");
    HAS(heard, "* 1 EXISTS\r\n");
    imap_client_close(&c);
    free(body);
}

static void keywords_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c;
    struct chain said = {0};
    const char *heard;

    imap_client_open(&c, w);
    imap_client_login(&c);
    chain_add(&said, SPAN("a APPEND INBOX (k"));
    for (unsigned i = 0; i < 63; i++)
        chain_addf(&said, " k%u", i);
    chain_add(&said, SPAN(") {5+}\r\nA: b\n\r\n"));
    heard = imap_client_say_bytes(&c, chain_flat(&said));
    chain_free(&said);
    HAS(heard, " 1] Append completed.\r\n");
    heard = imap_client_say(&c, "b APPEND INBOX (K1) {5+}\r\nA: b\n (one.more) {5+}\r\nA: b\n\r\n");
    HAS(heard, "b NO [LIMIT] Too many keywords.\r\n");
    LACKS(heard, "EXISTS");
    imap_client_close(&c);
}

static void copy_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c;
    const char *heard;

    for (unsigned i = 1; i <= 5; i++)
        (void)imap_world_deliver(w, "INBOX", SPAN("Subject: hello\r\n\r\nGreetings\r\n"));
    imap_world_mailbox(w, "box");
    imap_client_open(&c, w);
    imap_client_login(&c);
    (void)imap_client_say(&c, "a STORE 2 +FLAGS.SILENT (\\Flagged $Work)\r\n");
    heard = imap_client_say(&c, "b COPY 2:3,5 box\r\n");
    HAS(heard, "b OK [COPYUID ");
    HAS(heard, " 2:3,5 1:3] Copy completed.\r\n");
    heard = imap_client_say(&c, "c COPY 2:3 none\r\n");
    HAS(heard, "c NO [TRYCREATE] Mailbox doesn't exist.\r\n");
    heard = imap_client_say(&c, "d UID COPY 77:99 box\r\n");
    HAS(heard, "d OK Copy completed.\r\n");
    heard = imap_client_say(&c, "e COPY 1:* INBOX\r\n");
    HAS(heard, "* 10 EXISTS\r\n");
    HAS(heard, " 1:5 6:10] Copy completed.\r\n");
    c.view = (struct imap_client_view){.is_selected = false};
    heard = imap_client_say(&c, "f SELECT box\r\n");
    HAS(heard, "* 3 EXISTS\r\n* 3 RECENT\r\n");
    heard = imap_client_say(&c, "g FETCH 1 (FLAGS INTERNALDATE BODY.PEEK[])\r\n");
    HAS(heard, "FLAGS (\\Flagged $Work \\Recent) INTERNALDATE \"15-Jul-2020 16:31:24 +0000\"");
    HAS(heard, "\r\nReturn-Path: <username@example.com>\r\n");
    imap_client_close(&c);
}

static void move_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c, other;
    const char *heard;

    for (unsigned i = 1; i <= 5; i++)
        (void)imap_world_deliver(w, "INBOX", SPAN("Subject: hello\r\n\r\nGreetings\r\n"));
    imap_world_mailbox(w, "box");
    imap_client_open(&c, w);
    imap_client_login(&c);
    imap_client_open(&other, w);
    imap_client_login(&other);
    heard = imap_client_say(&c, "a MOVE 2:3 box\r\n");
    HAS(heard, "* OK [COPYUID ");
    HAS(heard, " 2:3 1:2] Moved UIDs.\r\n* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n* 3 RECENT\r\na OK Move "
               "completed.\r\n");
    /* The other one was not told: by number it means all or nothing, by UID what is left. */
    heard = imap_client_say(&other, "b COPY 1:3 box\r\n");
    HAS(heard, "b NO [EXPUNGEISSUED] Some of the messages no longer exist.\r\n");
    LACKS(heard, "EXPUNGE\r\n");
    heard = imap_client_say(&other, "c UID COPY 1:3 box\r\n");
    HAS(heard, "* 3 EXPUNGE\r\n* 2 EXPUNGE\r\nc OK [COPYUID ");
    HAS(heard, " 1 3] Copy completed.\r\n");
    heard = imap_client_say(&other, "d MOVE 1:3 none\r\n");
    HAS(heard, "d NO [TRYCREATE]");
    heard = imap_client_say(&other, "e UID MOVE 1:5 INBOX\r\n");
    HAS(heard, " 1,4:5 6:8] Moved UIDs.\r\n");
    HAS(heard, "* 3 EXISTS\r\n");
    imap_client_close(&other);
    imap_client_close(&c);
}

static void uid_expunge_test(void **state)
{
    struct imap_world *w = *state;
    struct imap_client c;
    const char *heard;

    for (unsigned i = 1; i <= 5; i++)
        (void)imap_world_deliver(w, "INBOX", SPAN("Subject: hello\r\n\r\nGreetings\r\n"));
    imap_client_open(&c, w);
    imap_client_login(&c);
    (void)imap_client_say(&c, "a STORE 1:4 +FLAGS.SILENT (\\Deleted)\r\n");
    heard = imap_client_say(&c, "b UID EXPUNGE 3:5\r\n");
    HAS(heard, "* 4 EXPUNGE\r\n* 3 EXPUNGE\r\n* 3 RECENT\r\nb OK Expunge completed.\r\n");
    heard = imap_client_say(&c, "c UID EXPUNGE 77\r\n");
    LACKS(heard, "EXPUNGE\r\n");
    heard = imap_client_say(&c, "d EXPUNGE\r\n");
    HAS(heard, "* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n* 1 RECENT\r\nd OK Expunge completed.\r\n");
    imap_client_close(&c);
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WORLD(append_test),      WORLD(append_elsewhere_test), WORLD(append_many_test),
        WORLD(append_long_test), WORLD(keywords_test),         WORLD(copy_test),
        WORLD(move_test),        WORLD(uid_expunge_test),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
