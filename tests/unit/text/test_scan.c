/* The steps of a grammar: each takes what matches, or leaves the cursor alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "proto/text/scan.h"

static void test_byte_and_word(void **state)
{
    struct span at = SPAN("FROM:<a> b"), taken;

    (void)state;
    assert_false(scan_byte(&at, 'x'));
    assert_false(scan_nocase(&at, SPAN("from;")));
    assert_true(scan_nocase(&at, SPAN("from:")));
    assert_true(scan_byte(&at, '<'));
    assert_false(scan_until(&at, '>', 0, &taken));
    assert_false(scan_until(&at, 'x', 9, &taken));
    assert_true(scan_until(&at, '>', 1, &taken));
    assert_true(span_eq(taken, SPAN("a")));
    assert_true(scan_word(&at, &taken));
    assert_true(span_eq(taken, SPAN(">")));
    assert_false(scan_word(&at, &taken));
    scan_blanks(&at);
    assert_true(scan_word(&at, &taken));
    assert_true(scan_end(&at));
    assert_false(scan_byte(&at, 'b'));
    assert_false(scan_word(&at, &taken));
}

static void test_number(void **state)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool good;
        uint64_t number;
    } rows[] = {
        {"12 LAST",              100,        true,  12        },
        {"0",                    0,          true,  0         },
        {"18446744073709551615", UINT64_MAX, true,  UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0         },
        {"101",                  100,        false, 0         },
        {"-1",                   100,        false, 0         },
        {"+1",                   100,        false, 0         },
        {"x",                    100,        false, 0         },
        {"",                     100,        false, 0         },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct span at = span_str(rows[i].text);
        uint64_t number = 0;

        assert_int_equal(scan_number(&at, rows[i].max, &number), rows[i].good);
        assert_int_equal(number, rows[i].number);
        if (!rows[i].good)
            assert_true(span_eq(at, span_str(rows[i].text)));
    }
}

static void test_utf8(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"",                 true },
        {"abc",              true },
        {"\xc3\xbc",         true },
        {"\xe2\x82\xac",     true },
        {"\xf0\x9f\x98\x80", true },
        {"\xf4\x8f\xbf\xbf", true },
        {"\x80",             false},
        {"\xc0\xaf",         false},
        {"\xc1\xbf",         false},
        {"\xc3",             false},
        {"\xe2\x82",         false},
        {"\xe0\x9f\xbf",     false},
        {"\xed\xa0\x80",     false},
        {"\xf0\x8f\xbf\xbf", false},
        {"\xf4\x90\x80\x80", false},
        {"\xf5\x80\x80\x80", false},
        {"a\xff",            false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(scan_is_utf8(span_str(rows[i].text)), rows[i].good);
    assert_true(scan_is_ascii(SPAN("a\x7f")));
    assert_false(scan_is_ascii(SPAN("a\x80")));
    assert_true(scan_is_printable(SPAN("a \xff")));
    assert_false(scan_is_printable(SPAN("a\x1f")));
    assert_false(scan_is_printable(SPAN("\x7f")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_byte_and_word),
        cmocka_unit_test(test_number),
        cmocka_unit_test(test_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
