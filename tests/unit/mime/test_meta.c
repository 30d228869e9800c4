#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/mime/built_meta.h"

static const char tree[] = "Subject: s\n"
                           "Content-Type: multipart/mixed; boundary=a\n"
                           "\n"
                           "--a\n"
                           "\n"
                           "one\n"
                           "--a\n"
                           "Content-Type: message/rfc822\n"
                           "\n"
                           "Subject: in\n"
                           "Content-Type: multipart/alternative; boundary=b\n"
                           "\n"
                           "--b\n"
                           "Content-Type: text/plain\n"
                           "\n"
                           "plain\n"
                           "--b\n"
                           "Content-Type: text/html\n"
                           "\n"
                           "<p>html\n"
                           "--b--\n"
                           "--a\n"
                           "Content-Type: message/rfc822\n"
                           "\n"
                           "Subject: bare\n"
                           "\n"
                           "text\n"
                           "--a\n"
                           "Content-Type: application/x; name=x.bin\n"
                           "Content-Transfer-Encoding: base64\n"
                           "\n"
                           "AAECAw==\n"
                           "--a--\n";

static struct span bytes(const struct built_meta *b, uint32_t at, uint32_t len)
{
    assert_true(at <= b->message.len && len <= b->message.len - at);
    return (struct span){b->message.at + at, len};
}

/* What BODY[path] is; depth 0 is BODY[TEXT]. */
static const struct {
    uint32_t path[4];
    unsigned depth;
    const char *mime, *body; /* NULL: there is no such part */
} sections[] = {
    {{1},          1, "\r\n",                                 "one"                      },
    {{2, 1},       2, "Content-Type: text/plain\r\n\r\n",     "plain"                    },
    {{2, 2},       2, "Content-Type: text/html\r\n\r\n",      "<p>html"                  },
    {{3},          1, "Content-Type: message/rfc822\r\n\r\n", "Subject: bare\r\n\r\ntext"},
    {{3, 1},       2, "Subject: bare\r\n\r\n",                "text"                     },
    {{0},          1, NULL,                                   NULL                       },
    {{5},          1, NULL,                                   NULL                       },
    {{1, 1},       2, NULL,                                   NULL                       },
    {{2, 3},       2, NULL,                                   NULL                       },
    {{2, 0},       2, NULL,                                   NULL                       },
    {{2, 1, 1},    3, NULL,                                   NULL                       },
    {{3, 2},       2, NULL,                                   NULL                       },
    {{3, 1, 1},    3, NULL,                                   NULL                       },
    {{4294967295}, 1, NULL,                                   NULL                       },
};

static void parts_by_path(void **state)
{
    struct built_meta b;

    (void)state;
    built_meta_open(&b, span_str(tree));
    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        struct meta_part p;
        bool found = meta_part(&b.meta, sections[i].path, sections[i].depth, &p);

        assert_int_equal(found, sections[i].body != NULL);
        if (!found)
            continue;
        assert_true(span_eq(bytes(&b, p.header_at, p.header_len), span_str(sections[i].mime)));
        assert_true(span_eq(bytes(&b, p.body_at, p.body_len), span_str(sections[i].body)));
    }
    built_meta_close(&b);
}

static void what_parts_say(void **state)
{
    struct built_meta b;
    struct meta_part p;

    (void)state;
    built_meta_open(&b, span_str(tree));
    assert_int_equal(b.meta.part_count, 9);
    assert_true(meta_part(&b.meta, NULL, 0, &p));
    assert_int_equal(p.type, META_MULTIPART);
    assert_int_equal(p.children, 4);
    assert_int_equal(p.header_at, 0);
    assert_int_equal(p.header_len, b.meta.header_len);
    assert_int_equal(p.lines, b.meta.body_lines);
    assert_int_equal(p.lines, 30);
    assert_true(meta_part(&b.meta, (uint32_t[]){2}, 1, &p));
    assert_int_equal(p.type, META_MESSAGE);
    assert_int_equal(p.children, 2);
    assert_true(meta_part(&b.meta, (uint32_t[]){3}, 1, &p));
    assert_int_equal(p.children, 1);
    assert_true(meta_part(&b.meta, (uint32_t[]){4}, 1, &p));
    assert_int_equal(p.type, META_LEAF);
    assert_int_equal(p.encoding, META_BASE64);
    assert_int_equal(p.decoded_len, 4);
    assert_true(b.meta.has_attachment);
    built_meta_close(&b);
}

static void messages_inside(void **state)
{
    struct built_meta b;
    uint32_t header_at, header_len, text_at, text_len;

    (void)state;
    built_meta_open(&b, span_str(tree));
    assert_true(meta_part_message(&b.meta, NULL, 0, &header_at, &header_len, &text_at, &text_len));
    assert_int_equal(header_at, 0);
    assert_int_equal(text_at, b.meta.header_len);
    assert_int_equal(text_at + text_len, b.message.len);
    assert_true(meta_part_message(&b.meta, (uint32_t[]){3}, 1, &header_at, &header_len, &text_at,
                                  &text_len));
    assert_true(span_eq(bytes(&b, header_at, header_len), SPAN("Subject: bare\r\n\r\n")));
    assert_true(span_eq(bytes(&b, text_at, text_len), SPAN("text")));
    assert_false(meta_part_message(&b.meta, (uint32_t[]){1}, 1, &header_at, &header_len, &text_at,
                                   &text_len));
    assert_false(meta_part_message(&b.meta, (uint32_t[]){2, 1}, 2, &header_at, &header_len,
                                   &text_at, &text_len));
    built_meta_close(&b);
}

/* RFC 3501: every message has at least one part, whose MIME header is the message's. */
static void part_1_of_a_simple_message(void **state)
{
    struct built_meta b;
    struct meta_part p;
    uint32_t at[4];

    (void)state;
    built_meta_open(&b, SPAN("Subject: s\n\nbody\n"));
    assert_true(meta_part(&b.meta, (uint32_t[]){1}, 1, &p));
    assert_true(span_eq(bytes(&b, p.header_at, p.header_len), SPAN("Subject: s\r\n\r\n")));
    assert_true(span_eq(bytes(&b, p.body_at, p.body_len), SPAN("body\r\n")));
    assert_false(meta_part(&b.meta, (uint32_t[]){1, 1}, 2, &p));
    assert_false(meta_part(&b.meta, (uint32_t[]){2}, 1, &p));
    assert_false(meta_part_message(&b.meta, (uint32_t[]){1}, 1, &at[0], &at[1], &at[2], &at[3]));
    built_meta_close(&b);
}

/* A message that is itself a message/rfc822 part: 1 is that part, 1.1 the text inside. */
static void message_as_the_root(void **state)
{
    struct built_meta b;
    struct meta_part p;

    (void)state;
    built_meta_open(&b, SPAN("Content-Type: message/rfc822\n\nSubject: in\n\nx\n"));
    assert_true(meta_part(&b.meta, (uint32_t[]){1}, 1, &p));
    assert_int_equal(p.type, META_MESSAGE);
    assert_true(meta_part(&b.meta, (uint32_t[]){1, 1}, 2, &p));
    assert_true(span_eq(bytes(&b, p.body_at, p.body_len), SPAN("x\r\n")));
    assert_false(meta_part(&b.meta, (uint32_t[]){1, 1, 1}, 3, &p));
    built_meta_close(&b);
}

static void fields_are_cached(void **state)
{
    static const char header[] = "Received: from x\nFrom: a@b\nX-Priority: 1\nX-Noise: y\n"
                                 "Subject : folded\n too\nDKIM-Signature: z\nfrom: c@d\n\n";
    static const struct {
        const char *name, *field;
    } expected[] = {
        {"From",       "From: a@b\r\n"               },
        {"X-Priority", "X-Priority: 1\r\n"           },
        {"Subject",    "Subject : folded\r\n too\r\n"},
        {"from",       "from: c@d\r\n"               },
    };
    struct built_meta b;
    struct span name, field;
    size_t place = 0;

    (void)state;
    built_meta_open(&b, span_str(header));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_true(meta_field_next(&b.meta, &place, &name, &field));
        assert_true(span_eq(name, span_str(expected[i].name)));
        assert_true(span_eq(field, span_str(expected[i].field)));
    }
    assert_false(meta_field_next(&b.meta, &place, &name, &field));
    assert_false(b.meta.fields_complete);
    assert_true(meta_field_known(&b.meta, SPAN("Subject")));
    assert_true(meta_field_known(&b.meta, SPAN("List-Post")));
    assert_true(meta_field_known(&b.meta, SPAN("x-k9mail-identity")));
    assert_false(meta_field_known(&b.meta, SPAN("X-Other")));
    assert_false(meta_field_known(&b.meta, SPAN("received")));
    assert_false(meta_field_known(&b.meta, SPAN("ARC-Seal")));
    built_meta_close(&b);
    built_meta_open(&b, SPAN("From: a@b\n\n"));
    assert_true(b.meta.fields_complete);
    assert_true(meta_field_known(&b.meta, SPAN("Received")));
    built_meta_close(&b);
}

static void dates(void **state)
{
    static const struct {
        const char *header;
        int64_t s;
        int zone;
    } rows[] = {
        {"Date: Wed, 15 Jul 2020 18:31:24 +0200\n\n",          1594830684, 120},
        {"Date: Wed, 15 Jul 2020 16:31:24 +9999\n\n",          1594830684, 0  },
        {"Subject: x\n\n",                                     INT64_MIN,  0  },
        {"Date: 31 Feb 2020 00:00:00 +0000\n\n",               INT64_MIN,  0  },
        {"Date: 1 Jan 1000000000000000000 00:00:00 +0000\n\n", INT64_MIN,  0  },
        {"Date: 1 13 2020 00:00:00 +0000\n\n",                 INT64_MIN,  0  },
        {"Date: x\nDate: Wed, 15 Jul 2020 16:31:24 +0000\n\n", INT64_MIN,  0  },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct built_meta b;

        built_meta_open(&b, span_str(rows[i].header));
        assert_int_equal(b.meta.sent_s, rows[i].s);
        assert_int_equal(b.meta.sent_zone, rows[i].zone);
        built_meta_close(&b);
    }
}

static void previews(void **state)
{
    /* Pairs of a message and its preview. */
    static const char *const rows[][2] = {
        {"\n  one\n\ttwo   three \n\n",                             "one two three"                                      },
        {"\n",                                                      ""                                                   },
        {"Content-Type: image/png\n\nx",                            ""                                                   },
        {"Content-Type: text/plain; charset=iso-8859-1\n"
         "Content-Transfer-Encoding: quoted-printable\n\n"
         "Gr=FC=DF Gott, =\nweiter\n",                     "Gr\xc3\xbc\xc3\x9f Gott, weiter"                    },
        {"Content-Type: text/plain; charset=koi8-r\n"
         "Content-Transfer-Encoding: base64\n\n"
         "8NLJ18XU\n",                                     "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"   },
        {"Content-Type: text/plain; charset=no-such\n\nab\xff z\n", "ab\xef\xbf\xbd z"                                   },
        {"Content-Type: text/plain; charset=utf-8\n\na\xc3",        "a"                                                  },
        {"Content-Type: text/html\n\n"
         "<html><head><title>T</title><style>p > a {}</style></head>"
         "<body><!-- no -- > no --><p class=\"x\">Dear <b>A</b>nn,"
         "&nbsp;&amp;&#228;&#x20AC;&bogus;<br>1 < 2 & 3"
         "<script>if (a<b) c</script>end</p>",             "Dear Ann, &\xc3\xa4\xe2\x82\xac&bogus 1 < 2 & 3 end"},
        {"Content-Type: multipart/mixed; boundary=a\n\n"
         "--a\nContent-Type: text/plain\nContent-Disposition: attachment\n\nno\n"
         "--a\nContent-Type: text/plain\n\nyes\n--a--\n",  "yes"                                                },
        {"\na\xc2\xa0\xe2\x80\x8b\xcd\x8f b\x01z",                  "a b z"                                              },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct built_meta b;
        struct span expected = span_str(rows[i][1]);

        built_meta_open(&b, span_str(rows[i][0]));
        if (!span_eq(b.meta.preview, expected))
            fail_msg("%zu: \"%.*s\"", i, (int)b.meta.preview.len, b.meta.preview.at);
        built_meta_close(&b);
    }
}

/* The limit counts characters, and is never met in the middle of one. */
static void a_long_preview_is_cut(void **state)
{
    struct buffer message = {0};
    struct built_meta b;

    (void)state;
    buffer_add(&message, SPAN("Content-Type: text/plain; charset=utf-8\n\n"));
    for (int i = 0; i < 1000; i++)
        buffer_add(&message, i % 7 == 6 ? SPAN(" \n") : SPAN("\xc3\xbc"));
    built_meta_open(&b, buffer_since(&message, 0));
    assert_in_range(b.meta.preview.len, META_PREVIEW_MAX, 2 * META_PREVIEW_MAX);
    assert_true((unsigned char)b.meta.preview.at[b.meta.preview.len - 2] == 0xc3);
    built_meta_close(&b);
    buffer_free(&message);
}

static void damaged_meta_is_refused(void **state)
{
    struct built_meta b;
    struct meta m;

    (void)state;
    built_meta_open(&b, span_str(tree));
    for (size_t len = 0; len < b.meta.all.len; len++)
        assert_false(meta_open(span_first(b.meta.all, len), &m));
    for (size_t at = 0; at < 4; at++) {
        char *byte = (char *)(uintptr_t)b.meta.all.at + at;
        bool is_flags = at == 3;

        *byte = (char)(*byte ^ 1);
        assert_int_equal(meta_open(b.meta.all, &m), is_flags);
        *byte = (char)(*byte ^ 1);
    }
    built_meta_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_by_path),
        cmocka_unit_test(what_parts_say),
        cmocka_unit_test(messages_inside),
        cmocka_unit_test(part_1_of_a_simple_message),
        cmocka_unit_test(message_as_the_root),
        cmocka_unit_test(fields_are_cached),
        cmocka_unit_test(dates),
        cmocka_unit_test(previews),
        cmocka_unit_test(a_long_preview_is_cut),
        cmocka_unit_test(damaged_meta_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
