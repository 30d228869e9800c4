/*
 * M01 to M17: hostile messages from delivery to a client. Each is delivered into a real store and
 * asked for in every way that looks into it; a strict client reads every answer, what comes back is
 * what was sent, and the numbers in the answers agree with it.
 */
#include "tests/unit/service/imap_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/attr.h"
#include "tests/hostile/bombs.h"

enum {
    ENVELOPE_ANSWER_MAX = 1 << 20, /* M13 */
};

struct reader {
    struct imap_world world;
    struct imap_client client;
};

static int reader_open(void **state)
{
    struct reader *r = xcalloc(1, sizeof(*r));

    imap_world_open(&r->world);
    imap_client_open(&r->client, &r->world);
    imap_client_login(&r->client);
    *state = r;
    return 0;
}

static int reader_close(void **state)
{
    struct reader *r = *state;

    imap_client_close(&r->client);
    imap_world_close(&r->world);
    free(r);
    return 0;
}

/* What was heard holds `part`, NULs or not. */
static void must_hear(struct reader *r, struct span part, const char *name)
{
    struct span heard = chain_flat(&r->client.heard);

    if (memmem(heard.at, heard.len, part.at, part.len) == NULL)
        fail_msg("%s: \"%.*s\" is not in\n%.2000s", name, (int)(part.len < 300 ? part.len : 300),
                 part.at, heard.at);
}

/* Says a command about one message; "%u" in it is the UID. */
static void ask(struct reader *r, const char *name, uint32_t uid, const char *command)
{
    char line[1000];
    int len = snprintf(line, sizeof(line), "x UID %s\r\n", command);
    char *at = strstr(line, "%u"), number[12];

    assert_true(len < (int)sizeof(line) - 16);
    assert_non_null(at);
    snprintf(number, sizeof(number), "%u", (unsigned)uid);
    memmove(at + strlen(number), at + 2, strlen(at + 2) + 1);
    memcpy(at, number, strlen(number));
    imap_client_say(&r->client, line);
    must_hear(r, SPAN("x OK "), name);
}

static uint32_t deliver(struct reader *r, struct span message)
{
    uint32_t uid = imap_world_deliver(&r->world, "INBOX", message);

    imap_client_say(&r->client, "x NOOP\r\n");
    return uid;
}

static void read_whole(struct reader *r, const char *name, uint32_t uid, struct span message)
{
    char size[64];

    ask(r, name, uid, "FETCH %u (RFC822.SIZE BODY.PEEK[])");
    must_hear(r, message, name);
    /* The delivery header of the world has 118 bytes. */
    snprintf(size, sizeof(size), "RFC822.SIZE %zu BODY[] {%zu}\r\n", message.len + 118,
             message.len + 118);
    must_hear(r, span_str(size), name);
    ask(r, name, uid, "FETCH %u BODY.PEEK[]<120.7>");
    if (message.len > 9)
        must_hear(r, (struct span){message.at + 2, 7}, name);
}

/* Everything that looks at a message, each time all of it. */
static void read_in_all_ways(struct reader *r, const char *name, struct span message)
{
    static const char *const questions[] = {
        "FETCH %u (UID FLAGS INTERNALDATE ENVELOPE)",
        "FETCH %u (BODY BODYSTRUCTURE)",
        "FETCH %u (BODY.PEEK[1] BODY.PEEK[1.MIME] BODY.PEEK[1.HEADER] BODY.PEEK[1.TEXT])",
        "FETCH %u (BODY.PEEK[1.1.1.1.1.1.1.1.1.1.1.1] BODY.PEEK[9999] BODY.PEEK[10001])",
        "FETCH %u (BODY.PEEK[HEADER.FIELDS (To Subject Date)] BODY.PEEK[HEADER.FIELDS.NOT (To)])",
        "SEARCH UID %u TEXT needle",
        "SEARCH UID %u OR SUBJECT needle HEADER Content-Type needle",
        "SEARCH UID %u OR SENTSINCE 1-Jan-2020 SENTBEFORE 1-Jan-2000",
        "SEARCH CHARSET UTF-8 UID %u BODY {3+}\r\n\xe2\x82\xac",
    };
    uint32_t uid = deliver(r, message);

    read_whole(r, name, uid, message);
    for (size_t i = 0; i < COUNT_OF(questions); i++) {
        ask(r, name, uid, questions[i]);
        assert_true(i > 0 || r->client.heard.len <= ENVELOPE_ANSWER_MAX);
    }
}

static void play_bombs(struct reader *r, const char *row)
{
    unsigned played = 0;

    for (const struct bomb *b = bombs; b->make != NULL; b++) {
        struct buffer message = {0};

        if (strcmp(b->row, row) != 0)
            continue;
        b->make(&message, b->n);
        read_in_all_ways(r, b->name, buffer_since(&message, 0));
        buffer_free(&message);
        played++;
    }
    assert_true(played > 0);
}

/* ---- small messages, and what must be in the answer to a question about them ---- */

#define BYTES(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
#define TYPED(type) "Content-Type: " type "\r\n\r\nx\r\n"

static const struct {
    const char *row;
    struct span message;
    const char *question, *answer;
} cases[] = {
    {"M05", BYTES(TYPED("a/b; n*2147483648=a; n*4294967296=b; n*18446744073709551616*=c")),
     "FETCH %u BODYSTRUCTURE",                                                                                                          "BODYSTRUCTURE (\"a\" \"b\" ("                                             },
    {"M05", BYTES(TYPED("a/b; f*0=one;\r\n f*2=three")),                                           "FETCH %u BODYSTRUCTURE",
     "(\"f\" \"one\" \"f*2\" \"three\")"                                                                                                                                                                           },
    {"M05", BYTES(TYPED("a/b; name=\"a\r\n .exe\"")),                                              "FETCH %u BODYSTRUCTURE",
     "(\"name\" \"a .exe\")"                                                                                                                                                                                       },
    {"M06", BYTES("Subject: =?utf-8?q?cut\r\n\r\n"),                                               "FETCH %u ENVELOPE",                 "\"=?utf-8?q?cut\""                                                        },
    {"M06", BYTES("Subject: =?none?q?a?= =?utf-8?b?!?=\r\n\r\n"),                                  "FETCH %u ENVELOPE",
     "\"=?none?q?a?= =?utf-8?b?!?=\""                                                                                                                                                                              },
    {"M07", BYTES("From:\r\nTo: g:;\r\n\r\n"),                                                     "FETCH %u ENVELOPE",
     "ENVELOPE (NIL NIL NIL NIL NIL ((NIL NIL \"g\" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)"                                                                                                                       },
    {"M07", BYTES("From: g: a@b, c@d;\r\n\r\n"),                                                   "FETCH %u ENVELOPE",
     "((NIL NIL \"g\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")(NIL NIL NIL NIL))"                                                                                                                            },
    {"M08", BYTES("Date: 1 Jan 1000000000000000000 00:00 +0000\r\n\r\n"),
     "SEARCH UID %u SENTSINCE 1-Jan-1970",                                                                                              "* SEARCH\r\n"                                                             },
    {"M08", BYTES("Date: 31 Feb 2020 00:00:00 +0000\r\n\r\n"),                                     "SEARCH UID %u SENTON 2-Mar-2020",
     "* SEARCH\r\n"                                                                                                                                                                                                },
    {"M08", BYTES("Date: 1 Thirteen 2020 00:00:00 +9999\r\n\r\n"),                                 "FETCH %u ENVELOPE",
     "ENVELOPE (\"1 Thirteen 2020 00:00:00 +9999\" "                                                                                                                                                               },
    {"M09", BYTES("Content-Transfer-Encoding: base64\r\n\r\n!!==!!\r\n"),                          "FETCH %u BODY.PEEK[1]",
     "BODY[1] {8}\r\n!!==!!\r\n"                                                                                                                                                                                   },
    {"M09", BYTES("Content-Transfer-Encoding: base64\r\n"),                                        "FETCH %u BODY.PEEK[1]",
     "BODY[1] {0}\r\n"                                                                                                                                                                                             },
    {"M10", BYTES("X\0Y: z\r\nSubject: a\r\n\r\n\0\0b\0\r\n"),                                     "FETCH %u BODY.PEEK[TEXT]",
     "BODY[TEXT] {6}\r\n"                                                                                                                                                                                          },
    {"M12", BYTES("From: a@xn--\xff-\xc0\x80\r\n\r\n"),                                            "FETCH %u ENVELOPE",
     "\"a\" {8}\r\nxn--\xff-\xc0\x80"                                                                                                                                                                              },
    {"M12", BYTES("Content-Type: text/plain; charset=utf-8\r\n\r\nab\xe2\x82"),
     "SEARCH UID %u BODY ab",                                                                                                           "* SEARCH "                                                                },
    {"M14", BYTES(":\r\n: x\r\n\xe4\xb8\xad: y\r\nSubject: s\r\n\r\n"),                            "FETCH %u ENVELOPE",
     "ENVELOPE (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL)"                                                                                                                                                        },
    {"M15", BYTES("A: b\r\ra\rb\r"),                                                               "FETCH %u BODYSTRUCTURE",            "\"7bit\" "                                                                },
    {"M15", BYTES("Subject: s\n\na\nb\n"),                                                         "FETCH %u (ENVELOPE BODYSTRUCTURE)",
     "ENVELOPE (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) BODYSTRUCTURE (\"text\" \"plain\" "
     "(\"charset\" \"us-ascii\") NIL NIL \"7bit\" 4 2 "                                                                                                                                                            },
    {"M16", BYTES("Content-Type: multipart/mixed; boundary=x\r\n"),                                "FETCH %u BODY",
     "BODY (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0)"                                                                                                                                   },
    {"M16", BYTES("Content-Type: multipart/mixed; boundary=x\r\nX: \r\n --x\r\n\r\n"),
     "FETCH %u BODY",                                                                                                                   "BODY (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0)"},
    {"M17", BYTES("Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$B\xff\x1b(B needle"),
     "SEARCH UID %u BODY needle",                                                                                                       "* SEARCH "                                                                },
    {"M17", BYTES("Content-Type: text/plain; charset=utf-7\r\n\r\n+\xff- needle +2AA-"),
     "SEARCH UID %u BODY needle",                                                                                                       "* SEARCH "                                                                },
};

static void play_cases(struct reader *r, const char *row)
{
    unsigned played = 0;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char name[32];

        if (strcmp(cases[i].row, row) != 0)
            continue;
        snprintf(name, sizeof(name), "%s, case %zu", row, i);
        read_in_all_ways(r, name, cases[i].message);
        ask(r, name, r->client.view.exists, cases[i].question);
        must_hear(r, span_str(cases[i].answer), name);
        played++;
    }
    assert_true(played > 0);
}

/* ---- the rows ---- */

#define BOMBS_TEST(name, row)                                                                      \
    static void name(void **state)                                                                 \
    {                                                                                              \
        play_bombs(*state, row);                                                                   \
    }
#define CASES_TEST(name, row)                                                                      \
    static void name(void **state)                                                                 \
    {                                                                                              \
        play_cases(*state, row);                                                                   \
    }

BOMBS_TEST(m01_nested_multiparts, "M01")
BOMBS_TEST(m02_nested_messages, "M02")
BOMBS_TEST(m03_siblings, "M03")
BOMBS_TEST(m05_many_parameters, "M05")
CASES_TEST(m05_odd_parameters, "M05")
BOMBS_TEST(m06_many_encoded_words, "M06")
CASES_TEST(m06_odd_encoded_words, "M06")
BOMBS_TEST(m07_address_bombs, "M07")
CASES_TEST(m07_odd_addresses, "M07")
CASES_TEST(m08_dates, "M08")
BOMBS_TEST(m09_much_garbage, "M09")
CASES_TEST(m09_encoded_garbage, "M09")
CASES_TEST(m10_nul, "M10")
BOMBS_TEST(m12_unicode_bombs, "M12")
CASES_TEST(m12_cut_unicode, "M12")
BOMBS_TEST(m13_addresses, "M13")
BOMBS_TEST(m14_long_name, "M14")
CASES_TEST(m14_odd_names, "M14")
BOMBS_TEST(m15_many_odd_line_ends, "M15")
CASES_TEST(m15_odd_line_ends, "M15")
CASES_TEST(m16_no_body, "M16")
BOMBS_TEST(m17_many_charsets, "M17")
CASES_TEST(m17_charsets, "M17")
BOMBS_TEST(s36_folded_lines, "S36")
BOMBS_TEST(s38_colonless_lines, "S38")

/* The shape of what is far too deep is known down to the limit, and the rest is one lump. */
static void m01_depth(void **state)
{
    struct reader *r = *state;
    struct buffer message = {0};
    char section[700] = "FETCH %u BODY.PEEK[1";
    uint32_t uid;

    bomb_nested_multiparts(&message, 10000);
    uid = deliver(r, buffer_since(&message, 0));
    for (unsigned depth = 1; depth < 99; depth++)
        strcat(section, ".1");
    strcat(section, ".MIME]");
    ask(r, "depth 99", uid, section);
    must_hear(r, SPAN(".MIME] {"), "depth 99");
    section[strlen(section) - 6] = '\0';
    strcat(section, ".1.MIME]");
    ask(r, "depth 100", uid, section);
    buffer_free(&message);
}

/* A line of many megabytes, and ten bytes out of its middle. */
static void m11_long_line(void **state)
{
    struct reader *r = *state;
    struct buffer message = {0};
    uint32_t uid;

    bomb_repeat(&message, "Subject: long\r\n\r\n", 1);
    bomb_repeat(&message, "0123456789", 400000);
    uid = deliver(r, buffer_since(&message, 0));
    ask(r, "long line", uid, "FETCH %u BODY.PEEK[TEXT]<2000003.10>");
    must_hear(r, SPAN("BODY[TEXT]<2000003> {10}\r\n3456789012)"), "long line");
    ask(r, "long line", uid, "SEARCH UID %u BODY 90123456789x");
    must_hear(r, SPAN("* SEARCH\r\n"), "long line");
    buffer_free(&message);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, reader_open, reader_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(m01_nested_multiparts),
        ROW(m01_depth),
        ROW(m02_nested_messages),
        ROW(m03_siblings),
        ROW(m05_many_parameters),
        ROW(m05_odd_parameters),
        ROW(m06_many_encoded_words),
        ROW(m06_odd_encoded_words),
        ROW(m07_address_bombs),
        ROW(m07_odd_addresses),
        ROW(m08_dates),
        ROW(m09_much_garbage),
        ROW(m09_encoded_garbage),
        ROW(m10_nul),
        ROW(m11_long_line),
        ROW(m12_unicode_bombs),
        ROW(m12_cut_unicode),
        ROW(m13_addresses),
        ROW(m14_long_name),
        ROW(m14_odd_names),
        ROW(m15_many_odd_line_ends),
        ROW(m15_odd_line_ends),
        ROW(m16_no_body),
        ROW(m17_many_charsets),
        ROW(m17_charsets),
        ROW(s36_folded_lines),
        ROW(s38_colonless_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
