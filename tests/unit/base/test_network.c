/* Addresses and networks as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/network.h"

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        bool good;
        unsigned bits, first, last;
    } rows[] = {
        {"127.0.0.0/8",     true,  104, 0,    0},
        {"10.1.2.3",        true,  128, 0,    3},
        {"[::1]/128",       true,  128, 0,    1},
        {"[2001:db8::]/32", true,  32,  0x20, 0},
        {"2001:db8::/32",   true,  32,  0x20, 0},
        {"0.0.0.0/0",       true,  96,  0,    0},
        {"",                false, 0,   0,    0},
        {"/8",              false, 0,   0,    0},
        {"1.2.3",           false, 0,   0,    0},
        {"1.2.3.4.5",       false, 0,   0,    0},
        {"1.2.3.4/",        false, 0,   0,    0},
        {"1.2.3.4/33",      false, 0,   0,    0},
        {"1.2.3.4/8/8",     false, 0,   0,    0},
        {"1.2.3.4/-1",      false, 0,   0,    0},
        {"[1.2.3.4]",       false, 0,   0,    0},
        {"[::1",            false, 0,   0,    0},
        {"[::1]x",          false, 0,   0,    0},
        {"[::1]/129",       false, 0,   0,    0},
        {"[]",              false, 0,   0,    0},
        {"host",            false, 0,   0,    0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct network n = {0};

        if (network_parse(span_str(rows[i].text), &n) != rows[i].good)
            fail_msg("%s", rows[i].text);
        if (!rows[i].good)
            continue;
        assert_int_equal(n.bits, rows[i].bits);
        assert_int_equal(n.address[0], rows[i].first);
        assert_int_equal(n.address[15], rows[i].last);
    }
}

static void test_has(void **state)
{
    static const struct {
        const char *network, *address;
        bool has;
    } rows[] = {
        {"127.0.0.0/8",     "127.255.0.1",      true },
        {"127.0.0.0/8",     "128.0.0.1",        false},
        {"127.0.0.0/8",     "::ffff:127.0.0.1", true },
        {"10.1.2.3",        "10.1.2.3",         true },
        {"10.1.2.3",        "10.1.2.4",         false},
        {"10.0.0.0/9",      "10.127.0.1",       true },
        {"10.0.0.0/9",      "10.128.0.1",       false},
        {"0.0.0.0/0",       "1.2.3.4",          true },
        {"0.0.0.0/0",       "::1",              false},
        {"::/0",            "::1",              true },
        {"[::1]/128",       "::1",              true },
        {"::1",             "::1",              true },
        {"::1",             "::2",              false},
        {"[2001:db8::]/33", "2001:db8:7fff::1", true },
        {"[2001:db8::]/33", "2001:db8:8000::1", false},
        {"10.0.0.0/8",      "nonsense",         false},
        {"10.0.0.0/8",      "[10.0.0.0]",       false},
        {"::/0",            "",                 false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct network n;

        assert_true(network_parse(span_str(rows[i].network), &n));
        assert_int_equal(network_any_has(&n, 1, span_str(rows[i].address)), rows[i].has);
    }
    assert_false(network_any_has(NULL, 0, SPAN("::1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
