/* Counting by address: an IPv4 address, an IPv6 /64, exempt networks, and the total. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/conn/conn_limits.h"

static const struct network exempt[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 0}, 96 + 8},
    {{0x20, 0x01, 0x0d, 0xb8, 0, 0x0f},                        44    },
};

static bool admit(struct conn_limits *limits, const char *address, bool expect_exempt)
{
    uint64_t key;
    bool is_exempt;
    bool admitted = conn_limits_admit(limits, address, &key, &is_exempt);

    assert_int_equal(is_exempt, expect_exempt);
    return admitted;
}

static void one_address_has_its_share(void **state)
{
    struct conn_limits_config config = {
        .total_max = 10, .address_max = 2, .exempt = exempt, .exempt_count = 2};
    struct conn_limits *limits = conn_limits_open(&config);
    uint64_t key;
    bool is_exempt;

    (void)state;
    assert_true(admit(limits, "192.0.2.1", false));
    assert_true(admit(limits, "192.0.2.1", false));
    assert_false(admit(limits, "192.0.2.1", false));
    assert_false(admit(limits, "::ffff:192.0.2.1", false));
    assert_true(admit(limits, "192.0.2.2", false));
    assert_true(admit(limits, "2001:db8:ff:2::1", false));
    assert_true(admit(limits, "2001:db8:ff:2:ffff::2", false));
    assert_false(admit(limits, "2001:db8:ff:2:8000::", false));
    assert_true(conn_limits_admit(limits, "2001:db8:ff:3::1", &key, &is_exempt));
    conn_limits_leave(limits, key);
    assert_int_equal(conn_limits_total(limits), 5);
    for (unsigned i = 0; i < 4; i++)
        assert_true(admit(limits, "127.9.9.9", true));
    assert_true(admit(limits, "2001:db8:e::1", true));
    assert_false(admit(limits, "2001:db8:e::1", true));
    assert_false(admit(limits, "198.51.100.1", false));
    conn_limits_close(&limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_address_has_its_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
