#include "proto/text/charset.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define BAD "\xef\xbf\xbd"

static const struct {
    const char *charset, *text, *utf8;
} rows[] = {
    {"",             "abc",                                  "abc"                                 },
    {"us-ascii",     "a\xff",                                "a" BAD                               },
    {"UTF-8",        "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"},
    {"utf-8",        "\xc0\xaf",                             BAD BAD                               },
    {"utf-8",        "\xed\xa0\x80",                         BAD BAD BAD                           },
    {"utf-8",        "\xf4\x90\x80\x80",                     BAD BAD BAD BAD                       },
    {"utf-8",        "a\xe2\x82",                            "a" BAD                               },
    {"utf-8",
     "\xe2\x82"
     "a\x80",                                                BAD BAD "a" BAD                       },
    {"iso-8859-1",   "\xfc\x80",                             "\xc3\xbc\xc2\x80"                    },
    {"windows-1252", "\x80\x81\xfc",                         "\xe2\x82\xac" BAD "\xc3\xbc"         },
    {"ISO-8859-15",  "\xa4",                                 "\xe2\x82\xac"                        },
    {"koi8-r",       "\xf0",                                 "\xd0\x9f"                            },
    {"shift_jis",    "\x93\xfa",                             "\xe6\x97\xa5"                        },
    {"euc-jp",       "\xc6\xfc",                             "\xe6\x97\xa5"                        },
    {"gb2312",       "\xc8\xd5",                             "\xe6\x97\xa5"                        },
    {"big5",         "\xa4\xe9",                             "\xe6\x97\xa5"                        },
    {"iso-2022-jp",  "\x1b$BF|\x1b(B",                       "\xe6\x97\xa5"                        },
    {"utf-7",        "+ZeU-",                                "\xe6\x97\xa5"                        },
};

static void converts_in_any_cuts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct span text = span_str(rows[i].text);

        for (size_t cut = 0; cut <= text.len; cut++) {
            struct buffer out = {0};
            struct charset c;

            assert_true(charset_open(&c, span_str(rows[i].charset)));
            charset_decode(&c, span_first(text, cut), &out);
            assert_true(charset_is_utf8(buffer_since(&out, 0)));
            charset_decode(&c, span_after(text, cut), &out);
            charset_close(&c, &out);
            /* Half a character at the end is one U+FFFD, however many bytes there were. */
            if (!span_eq(buffer_since(&out, 0), span_str(rows[i].utf8)))
                fail_msg("%s cut at %zu: %.*s", rows[i].charset, cut, (int)out.len, out.at);
            buffer_free(&out);
        }
    }
}

static void unknown_charsets(void **state)
{
    static const char *const names[] = {
        "no-such", "utf-8//TRANSLIT", "ISO-2022-CN-EXT", "../../x", "UTF-8\n",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct buffer out = {0};
        struct charset c;

        assert_false(charset_open(&c, span_str(names[i])));
        charset_decode(&c, SPAN("a\xff"), &out);
        charset_close(&c, &out);
        assert_true(span_eq(buffer_since(&out, 0), SPAN("a" BAD)));
        buffer_free(&out);
    }
}

static void folds(void **state)
{
    static const char *const pairs[][2] = {
        {"abc XYZ 09", "ABC XYZ 09"},
        {"\xc3\xa4",   "A\xcc\x88" },
        {"\xc3\x84",   "A\xcc\x88" },
        {"\xd0\xb6",   "\xd0\x96"  },
        {"a\xff",      "A" BAD     },
        {"",           ""          },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        struct buffer one = {0}, two = {0};

        charset_fold(span_str(pairs[i][0]), &one);
        charset_fold(span_str(pairs[i][1]), &two);
        assert_true(span_eq(buffer_since(&one, 0), buffer_since(&two, 0)));
        buffer_free(&one);
        buffer_free(&two);
    }
}

static void normalizes_names(void **state)
{
    struct buffer out = {0};

    (void)state;
    assert_true(charset_normalize(SPAN("a\xcc\x88"), &out));
    assert_true(span_eq(buffer_since(&out, 0), SPAN("\xc3\xa4")));
    assert_false(charset_normalize(SPAN("a\xff"), &out));
    assert_true(charset_normalize(SPAN(""), &out));
    assert_int_equal(out.len, 2);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(converts_in_any_cuts),
        cmocka_unit_test(unknown_charsets),
        cmocka_unit_test(folds),
        cmocka_unit_test(normalizes_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
