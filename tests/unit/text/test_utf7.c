#include "proto/text/utf7.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/base/attr.h"

static const char *const pairs[][2] = {
    {"",                                ""                                      },
    {"INBOX",                           "INBOX"                                 },
    {"a&-b",                            "a&b"                                   },
    {"Entw&APw-rfe",                    "Entw\xc3\xbcrfe"                       },
    {"~peter/mail/&U,BTFw-/&ZeVnLIqe-",
     "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
    {"&2D3eAA-",                        "\xf0\x9f\x98\x80"                      },
    {"&AAk-",                           "\t"                                    },
    {"&AH8-",                           "\x7f"                                  },
    {"&APw-&-",                         "\xc3\xbc&"                             },
};

static void both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        struct buffer out = {0};

        assert_true(utf7_decode(span_str(pairs[i][0]), &out));
        assert_true(span_eq(buffer_since(&out, 0), span_str(pairs[i][1])));
        out.len = 0;
        assert_true(utf7_encode(span_str(pairs[i][1]), &out));
        assert_true(span_eq(buffer_since(&out, 0), span_str(pairs[i][0])));
        buffer_free(&out);
    }
}

static void only_one_spelling(void **state)
{
    static const char *const wrong[] = {
        "&",          "a&",     "&A",    "&APw",     "&AP-",     "&APx-", "&AGE-", "&ACY-",
        "&APw-&APw-", "&2D0-",  "&3gA-", "&2D0AYQ-", "\xc3\xbc", "a\tb",  "\x7f",  "&AP/-",
        "&AP=-",      "&APw=-", "&AAA-", "&APwA-",   "&APwA",    "&A P-", "&&-",   "&2D3eAAAA-",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct buffer out = {0};

        buffer_add(&out, SPAN("x"));
        if (utf7_decode(span_str(wrong[i]), &out))
            fail_msg("%s", wrong[i]);
        assert_int_equal(out.len, 1);
        buffer_free(&out);
    }
}

static void only_utf8(void **state)
{
    struct buffer out = {0};

    (void)state;
    assert_false(utf7_encode(SPAN("a\xff"), &out));
    assert_false(utf7_encode(SPAN("\xc3\xbc\xed\xa0\x80"), &out));
    assert_false(utf7_encode((struct span){"a\0b", 3}, &out));
    assert_int_equal(out.len, 0);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(only_one_spelling),
        cmocka_unit_test(only_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
