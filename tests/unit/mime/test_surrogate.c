/* 8-bit headers made into ASCII: what changes, what does not, and that nothing grows without end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "proto/mime/header.h"
#include "proto/mime/meta.h"
#include "proto/mime/rfc2047.h"
#include "proto/mime/surrogate.h"
#include "proto/text/scan.h"

#define UE     "\xc3\xbc" /* a letter of two bytes */
#define NOBODY " <invalid@internationalized-address.invalid>"
#define X10    "xxxxxxxxxx"

static const struct {
    const char *name, *header, *wanted;
} rows[] = {
    {"ASCII stays",                  "A: b\r\n c\r\nno field\r\n\r\n",                                              "A: b\r\n c\r\nno field\r\n\r\n"          },
    {"text",                         "Subject: a " UE " b\r\n",                                                     "Subject: a =?utf-8?b?w7w=?= b\r\n"       },
    {"text, folded",                 "subject:a\r\n\t" UE "\r\n  " UE " b\r\nTo: a@b\r\n",
     "subject: a\t=?utf-8?b?w7wgIMO8?= b\r\nTo: a@b\r\n"                                                                                                      },
    {"LF alone",                     "Subject: " UE "\nA: b\n\n",                                                   "Subject: =?utf-8?b?w7w=?=\r\nA: b\n\n"   },
    {"no UTF-8",                     "Subject: \xfc\r\n",                                                           "Subject: =?unknown-8bit?b?/A==?=\r\n"    },
    {"behind an encoded word",       "Subject: =?utf-8?q?=C3=BC?= " UE " =?utf-8?q?x?= y\r\n",
     "Subject: =?utf-8?q?=C3=BC?= =?utf-8?b?IMO8IA==?= =?utf-8?q?x?= y\r\n"                                                                                   },
    {"long lines are folded",
     "Subject: " X10 X10 X10 X10 X10 " " X10
     " " UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE UE "\r\n",
     "Subject: " X10 X10 X10 X10 X10 " " X10 "\r\n "
     "=?utf-8?b?w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8?=\r\n"
     " =?utf-8?b?w7w=?=\r\n"                                                                                                                                  },
    {"a name",                       "From: J" UE " <j@x.example>\r\n",                                             "From: =?utf-8?b?SsO8?= <j@x.example>\r\n"},
    {"a quoted name and local part", "From: \"J. " UE "\" <\"a \\\" b\"@x.example>\r\n",
     "From: =?utf-8?b?Si4gw7w=?= <\"a \\\" b\"@x.example>\r\n"                                                                                                },
    {"a comment",                    "From: j@x.example (J" UE ")\r\n",                                             "From: =?utf-8?b?SsO8?= <j@x.example>\r\n"},
    {"an address",                   "From: j" UE "@x.example\r\n",
     "From: =?utf-8?b?asO8QHguZXhhbXBsZQ==?=\r\n" NOBODY "\r\n"                                                                                               },
    {"a domain",                     "Sender: Fred Foo <fred@" UE ".example>\r\n",
     "Sender: Fred Foo =?utf-8?b?ZnJlZEDDvC5leGFtcGxl?=\r\n" NOBODY "\r\n"                                                                                    },
    {"a list",                       "To: \"A, B\" <a@b> (c), " UE " <c@d>,\r\n e@" UE ", =?utf-8?q?f?= <f@g>\r\n",
     "To: \"A, B\" <a@b> (c), =?utf-8?b?w7w=?= <c@d>, =?utf-8?b?ZUDDvA==?=\r\n" NOBODY ","
     " =?utf-8?q?f?= <f@g>\r\n"                                                                                                                               },
    {"groups",                       "Cc: none:;, " UE ": a@b, " UE "@c;, d@e\r\n",
     "Cc: none:;, =?utf-8?b?w7w=?=: a@b, =?utf-8?b?w7xAYw==?=\r\n" NOBODY ";, d@e\r\n"                                                                        },
    {"no address",                   "Cc: (" UE "\r\n",                                                             ""                                        },
    {"nothing of an address",        "Reply-To: ,\r\n\t()" UE,                                                      NULL                                      },
    {"a path",                       "Return-Path: <" UE "@b>\r\n",                                                 "Return-Path:" NOBODY "\r\n"              },
    {"parameters",
     "Content-Type: text/plain; name=\"" UE ";\";\r\n\tcharset=utf-8; x=(" UE ") y\r\n",
     "Content-Type: text/plain;\r\n\tcharset=utf-8\r\n"                                                                                                       },
    {"a parameter alone",            "Content-Disposition: attachment; filename=" UE "\r\n",
     "Content-Disposition: attachment\r\n"                                                                                                                    },
    {"a type",                       "Content-Type: " UE "/plain; charset=utf-8\r\nA: b\r\n",                       "A: b\r\n"                                },
    {"other fields",                 "A: b\r\nReceived: for <" UE "@b>\r\n more\r\nC: d\r\n\r\n",
     "A: b\r\nC: d\r\n\r\n"                                                                                                                                   },
    {"no field",                     "A: b\r\n" UE "\r\nC: d\r\n",                                                  "A: b\r\nC: d\r\n"                        },
    {"behind the end of a line",     " a\r\n b" UE "\r\n c\r\n",                                                    " a\r\n c\r\n"                            },
};

static void made(struct span header, struct buffer *out)
{
    while (header.len > 0) {
        bool as_it_lies;
        size_t before = out->len, len = surrogate_next(header, &as_it_lies, out);

        assert_true(len > 0 && len <= header.len);
        if (as_it_lies) {
            assert_int_equal(out->len, before);
            buffer_add(out, span_first(header, len));
        }
        header = span_after(header, len);
    }
}

static void every_row_comes_out_as_it_says(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buffer out = {0};

        made(span_str(rows[i].header), &out);
        assert_true(scan_is_ascii(buffer_since(&out, 0)));
        if (rows[i].wanted != NULL && !span_eq(buffer_since(&out, 0), span_str(rows[i].wanted)))
            fail_msg("%s:\n%.*s", rows[i].name, (int)out.len, out.at);
        buffer_free(&out);
    }
}

/* Text of all lengths comes back by our own reader, in lines that are short enough. */
static void what_is_encoded_reads_as_it_was(void **state UNUSED)
{
    for (size_t words = 1; words < 200; words++) {
        struct buffer header = {0}, out = {0}, back = {0}, unfolded = {0};
        struct header_walk walk;
        struct header_field field;

        buffer_add(&header, SPAN("Subject: "));
        for (size_t i = 0; i < words; i++) {
            for (size_t k = 0; k < 1 + i * 7 % 23; k++)
                buffer_add(&header, i % 5 == 0 ? SPAN("x") : SPAN("\xe2\x82\xac"));
            buffer_add(&header, i + 1 == words ? SPAN("\r\n") : SPAN("  "));
        }
        made(buffer_since(&header, 0), &out);
        walk = header_walk(buffer_since(&out, 0));
        assert_true(header_next(&walk, &field));
        rfc2047_decode(header_unfold(field.value, &unfolded), &back);
        assert_true(span_eq(buffer_since(&back, 0),
                            header_trim(buffer_since(&header, sizeof("Subject:") - 1))));
        for (size_t i = 0, column = 0; i < out.len; i++) {
            column = out.at[i] == '\n' ? 0 : column + 1;
            assert_true(column <= 77); /* with its CR */
        }
        buffer_free(&header);
        buffer_free(&out);
        buffer_free(&back);
        buffer_free(&unfolded);
    }
}

static void fill(struct buffer *b, const char *text, size_t size)
{
    while (b->len < size)
        buffer_add(b, span_str(text));
}

/* Headers without end are served in pieces, and none makes much at once. */
static void long_headers_cost_a_bound(void **state UNUSED)
{
    static const struct {
        const char *start, *more;
    } floods[] = {
        {"Subject: ",         UE " a "        },
        {"To: ",              UE ","          },
        {"To: ",              "\xfc:a@b;"     },
        {"X: ",               UE "\r\n y"     },
        {"X: ",               "y\r\n y"       },
        {"Content-Type: a/b", ";" UE          },
        {"",                  UE              },
        {"",                  "a"             },
        {"",                  "To: " UE "\r\n"},
        {" ",                 "\r\n"          },
    };

    for (size_t i = 0; i < COUNT_OF(floods); i++) {
        struct buffer header = {0};
        struct span rest;

        buffer_add(&header, span_str(floods[i].start));
        fill(&header, floods[i].more, i % 2 == 0 ? 3 << 20 : META_FIELD_MAX - 20);
        rest = buffer_since(&header, 0);
        while (rest.len > 0) {
            struct buffer out = {0};
            bool as_it_lies;

            rest = span_after(rest, surrogate_next(rest, &as_it_lies, &out));
            assert_true(out.len <= 8 * META_FIELD_MAX);
            assert_true(scan_is_ascii(buffer_since(&out, 0)));
            buffer_free(&out);
        }
        buffer_free(&header);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_comes_out_as_it_says),
        cmocka_unit_test(what_is_encoded_reads_as_it_was),
        cmocka_unit_test(long_headers_cost_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
