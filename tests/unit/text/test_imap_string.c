#include "proto/text/imap_string.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/base/attr.h"

static const struct {
    struct span bytes, text;
} rows[] = {
    {{"", 0},         {"\"\"", 2}           },
    {{"abc", 3},      {"\"abc\"", 5}        },
    {{"a\"b\\", 4},   {"\"a\\\"b\\\\\"", 8} },
    {{"a\tb\x7f", 4}, {"\"a\tb\x7f\"", 6}   },
    {{"a\r\nb", 4},   {"{4}\r\na\r\nb", 9}  },
    {{"\xc3\xa4", 2}, {"{2}\r\n\xc3\xa4", 7}},
    {{"a\0b", 3},
     {"{3}\r\na\x80"
      "b",
      8}                                    },
};

static void strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct chain out = {0};

        imap_string_write(&out, rows[i].bytes);
        assert_true(span_eq(chain_flat(&out), rows[i].text));
        chain_free(&out);
    }
}

static void long_text_is_a_literal(void **state)
{
    static char text[IMAP_STRING_QUOTED_MAX + 1];
    struct chain out = {0};

    (void)state;
    memset(text, '"', sizeof(text));
    imap_string_write(&out, (struct span){text, sizeof(text)});
    assert_memory_equal(chain_flat(&out).at, "{1001}\r\n\"", 9);
    assert_int_equal(out.len, 8 + sizeof(text));
    chain_free(&out);
    imap_string_write(&out, (struct span){text, sizeof(text) - 1});
    assert_int_equal(out.len, 2 + 2 * (sizeof(text) - 1));
    chain_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings),
        cmocka_unit_test(long_text_is_a_literal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
