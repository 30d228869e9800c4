/* Replies of strangers' servers: what is taken for one, and what is kept of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "proto/smtp/smtp_reply.h"

/* Lines are parted by '|'. */
static const struct {
    const char *name, *lines;
    enum smtp_reply_status status;
    unsigned code;
    const char *enhanced, *text;
} rows[] = {
    {"one line",           "250 2.0.0 Ok: queued as 1", SMTP_REPLY_DONE, 250, "2.0.0",
     "250 2.0.0 Ok: queued as 1"                                                                                      },
    {"no text",            "250",                       SMTP_REPLY_DONE, 250, "",          "250"                      },
    {"empty text",         "250 ",                      SMTP_REPLY_DONE, 250, "",          "250 "                     },
    {"lines",              "250-mx|250-SIZE 1|250 DSN", SMTP_REPLY_DONE, 250, "",          "250-mx 250-SIZE 1 250 DSN"},
    {"status alone",       "550 5.1.1",                 SMTP_REPLY_DONE, 550, "5.1.1",     "550 5.1.1"                },
    {"three digits",       "550 5.123.123 x",           SMTP_REPLY_DONE, 550, "5.123.123", "550 5.123.123 x"          },
    {"four digits",        "550 5.1234.1 x",            SMTP_REPLY_DONE, 550, "",          "550 5.1234.1 x"           },
    {"another class",      "550 4.1.1 x",               SMTP_REPLY_DONE, 550, "",          "550 4.1.1 x"              },
    {"status in line 2",   "550-no|550 5.7.1 never",    SMTP_REPLY_DONE, 550, "5.7.1",
     "550-no 550 5.7.1 never"                                                                                         },
    {"status and a word",  "550 5.1.1x",                SMTP_REPLY_DONE, 550, "",          "550 5.1.1x"               },
    {"terminal (R17)",     "550 \x1b]0;x\x07\r\x80",    SMTP_REPLY_DONE, 550, "",          "550 ?]0;x???"             },
    {"999 (R02)",          "999 x",                     SMTP_REPLY_BAD,  0,   "",          "999 x"                    },
    {"25 (R02)",           "25",                        SMTP_REPLY_BAD,  0,   "",          "25"                       },
    {"199",                "199 x",                     SMTP_REPLY_BAD,  0,   "",          "199 x"                    },
    {"four of them",       "2500 x",                    SMTP_REPLY_BAD,  0,   "",          "2500 x"                   },
    {"nothing",            "",                          SMTP_REPLY_BAD,  0,   "",          ""                         },
    {"words",              "hello",                     SMTP_REPLY_BAD,  0,   "",          "hello"                    },
    {"two codes",          "250-yes|550 no",            SMTP_REPLY_BAD,  250, "",          "550 no"                   },
    {"not finished (R02)", "250-",                      SMTP_REPLY_MORE, 250, "",          "250-"                     },
};

static enum smtp_reply_status take(struct smtp_reply *r, struct span lines)
{
    enum smtp_reply_status status = SMTP_REPLY_MORE;

    smtp_reply_begin(r);
    for (;;) {
        const char *bar = lines.len == 0 ? NULL : memchr(lines.at, '|', lines.len);
        size_t len = bar == NULL ? lines.len : (size_t)(bar - lines.at);

        status = smtp_reply_line(r, span_first(lines, len));
        if (bar == NULL)
            return status;
        assert_int_equal(status, SMTP_REPLY_MORE);
        lines = span_after(lines, len + 1);
    }
}

static void every_row_reads_as_it_says(void **state UNUSED)
{
    struct smtp_reply r;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum smtp_reply_status status = take(&r, span_str(rows[i].lines));

        if (status != rows[i].status || r.code != rows[i].code ||
            strcmp(r.status, rows[i].enhanced) != 0 ||
            !span_eq(smtp_reply_text(&r), span_str(rows[i].text)))
            fail_msg("%s: status %d code %u %s \"%.*s\"", rows[i].name, status, r.code, r.status,
                     (int)r.text_len, r.text);
    }
}

static void nothing_of_an_old_reply_is_left(void **state UNUSED)
{
    struct smtp_reply r;

    assert_int_equal(take(&r, SPAN("550 5.7.1 secret")), SMTP_REPLY_DONE);
    assert_int_equal(take(&r, SPAN("250")), SMTP_REPLY_DONE);
    assert_string_equal(r.status, "");
    assert_true(span_eq(smtp_reply_text(&r), SPAN("250")));
}

/* HOSTILE R01, R16. */
static void an_endless_reply_ends(void **state UNUSED)
{
    static char line[SMTP_REPLY_LINE_MAX];
    struct smtp_reply r;
    unsigned lines = 0;

    memset(line, 'x', sizeof(line));
    memcpy(line, "250-", 4);
    smtp_reply_begin(&r);
    assert_int_equal(smtp_reply_line(&r, (struct span){line, sizeof(line) - 1}), SMTP_REPLY_LONG);
    smtp_reply_begin(&r);
    while (smtp_reply_line(&r, (struct span){line, sizeof(line) - 2}) == SMTP_REPLY_MORE)
        lines++;
    assert_int_equal(lines, SMTP_REPLY_BYTES_MAX / SMTP_REPLY_LINE_MAX);
    assert_int_equal(r.text_len, SMTP_REPLY_TEXT_MAX);
    smtp_reply_begin(&r);
    for (lines = 0; smtp_reply_line(&r, SPAN("250-")) == SMTP_REPLY_MORE;)
        lines++;
    assert_int_equal(lines, SMTP_REPLY_LINES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_reads_as_it_says),
        cmocka_unit_test(nothing_of_an_old_reply_is_left),
        cmocka_unit_test(an_endless_reply_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
