#include "proto/mime/search_text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/mime/built_meta.h"

static const char message[] = "From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\n"
                              "Subject: =?iso-8859-1?q?Gr=FC=DFe?= aus\n"
                              " Wien\n"
                              "X-Noise: something\n"
                              "Content-Type: multipart/mixed; boundary=a\n"
                              "\n"
                              "preamble\n"
                              "--a\n"
                              "Content-Type: text/plain; charset=koi8-r\n"
                              "Content-Transfer-Encoding: base64\n"
                              "\n"
                              "8NLJ\n"
                              "18XU\n"
                              "--a\n"
                              "Content-Type: text/plain; charset=utf-8\n"
                              "Content-Transfer-Encoding: quoted-printable\n"
                              "\n"
                              "Stra=C3=9Fe and soft=\n"
                              "ly wrapped caf=C3=A9\n"
                              "--a\n"
                              "Content-Type: application/octet-stream\n"
                              "\n"
                              "binary secret\n"
                              "--a\n"
                              "Content-Type: message/rfc822\n"
                              "\n"
                              "Subject: the inner one\n"
                              "\n"
                              "Inner BODY text\n"
                              "--a--\n"
                              "epilogue\n";

static const struct {
    const char *key;
    bool in_header, in_body;
} rows[] = {
    {"",                                                 true,  true },
    {"wien",                                             true,  false},
    {"aus WIEN",                                         true,  false},
    {"GR\xc3\x9c\xc3\x9f"
     "E",                                           true,  false},
    {"j\xc3\xbcrgen",                                    true,  false},
    {"J\xc3\x9cRGEN <J@",                                true,  false},
    {"subject: gr",                                      true,  false},
    {"utf-8?q",                                          false, false},
    {"x-noise: SOME",                                    true,  false},
    {"\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", false, true },
    {"\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", false, true },
    {"stra\xc3\x9f"
     "e",                                           false, true },
    {"softly wrapped",                                   false, true },
    {"CAF\xc3\x89",                                      false, true },
    {"cafe\xcc\x81",                                     false, true },
    {"cafe",                                             false, true },
    {"secret",                                           false, false},
    {"inner one",                                        false, true },
    {"inner body text",                                  false, true },
    {"preamble",                                         false, false},
    {"epilogue",                                         false, false},
    {"caf\xc3\xa9"
     "binary",                                      false, false},
    {"nowhere",                                          false, false},
};

static void finds_what_a_reader_sees(void **state)
{
    struct built_meta b;

    (void)state;
    built_meta_open(&b, span_str(message));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct span all = {b.message.at, b.message.len};
        struct search_text s;

        search_text_open(&s, span_str(rows[i].key));
        if (search_text_header(&s, span_first(all, b.meta.header_len)) != rows[i].in_header ||
            search_text_body(&s, &b.meta, all) != rows[i].in_body)
            fail_msg("%s", rows[i].key);
        search_text_close(&s);
    }
    built_meta_close(&b);
}

static void finds_in_values(void **state)
{
    struct search_text s;

    (void)state;
    search_text_open(&s, SPAN("m\xc3\xbcller"));
    assert_true(search_text_value(&s, SPAN("=?utf-8?q?M=C3?=\r\n =?utf-8?q?=BCLLER?= <x@y>")));
    assert_true(search_text_utf8(&s, SPAN("Herr M\xc3\x9cLLER")));
    assert_false(search_text_value(&s, SPAN("Muller")));
    assert_false(search_text_value(&s, SPAN("")));
    search_text_close(&s);
}

/* The key lies across blocks, at every place around their borders. */
static void finds_across_blocks(void **state)
{
    enum {
        BLOCK = 16 * 1024
    };
    static const char *const headers[] = {
        "\n",
        "Content-Type: text/plain; charset=iso-8859-1\n\n",
        "Content-Transfer-Encoding: quoted-printable\n\n",
    };

    (void)state;
    for (size_t h = 0; h < COUNT_OF(headers); h++) {
        for (size_t at = BLOCK - 8; at < BLOCK + 4; at++) {
            struct buffer text = {0};
            struct built_meta b;
            struct search_text s;

            buffer_add(&text, span_str(headers[h]));
            for (size_t i = 0; i < at; i++)
                buffer_add_byte(&text, 'x');
            buffer_add(&text, SPAN("Needle"));
            built_meta_open(&b, buffer_since(&text, 0));
            search_text_open(&s, SPAN("needle"));
            assert_true(search_text_body(&s, &b.meta, (struct span){b.message.at, b.message.len}));
            search_text_close(&s);
            search_text_open(&s, SPAN("needlex"));
            assert_false(search_text_body(&s, &b.meta, (struct span){b.message.at, b.message.len}));
            search_text_close(&s);
            built_meta_close(&b);
            buffer_free(&text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_a_reader_sees),
        cmocka_unit_test(finds_in_values),
        cmocka_unit_test(finds_across_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
