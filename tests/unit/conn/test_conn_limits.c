/* Counting by client: an IPv4 address, an IPv6 /64, exempt networks, and the total; how many lately
 * and how much memory. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/conn/conn_limits.h"
#include "core/work/usage.h"

static const struct network exempt[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 0}, 96 + 8},
    {{0x20, 0x01, 0x0d, 0xb8, 0, 0x0f},                        44    },
};

static const uint64_t MINUTE = UINT64_C(60000000000);

static struct usage *usage;
static struct conn_limits *limits;
static struct conn_ticket tickets[32];
static unsigned ticket_count;
static uint64_t now_ns;

static void begin(unsigned total_max, const struct conn_limits_config *config)
{
    struct conn_limits_config full = *config;

    usage = usage_open(total_max, MINUTE);
    full.usage = usage;
    full.exempt = exempt;
    full.exempt_count = 2;
    limits = conn_limits_open(&full);
    ticket_count = 0;
    now_ns = MINUTE;
}

static enum conn_admission admit(const char *address)
{
    unsigned count;
    enum conn_admission admission =
        conn_limits_admit(limits, address, now_ns, &tickets[ticket_count], &count);

    if (admission == CONN_ADMITTED)
        ticket_count++;
    return admission;
}

static void leave_all(void)
{
    while (ticket_count > 0)
        conn_limits_leave(limits, &tickets[--ticket_count]);
}

static void end(void)
{
    leave_all();
    assert_int_equal(usage_total(usage), 0);
    conn_limits_close(&limits);
    usage_close(&usage);
}

static void one_client_has_its_share(void **state)
{
    static const struct {
        const char *address;
        enum conn_admission wanted;
    } rows[] = {
        {"192.0.2.1",             CONN_ADMITTED   },
        {"192.0.2.1",             CONN_ADMITTED   },
        {"192.0.2.1",             CONN_CLIENT_MANY},
        {"::ffff:192.0.2.1",      CONN_CLIENT_MANY},
        {"192.0.2.2",             CONN_ADMITTED   },
        {"2001:db8:ff:2::1",      CONN_ADMITTED   },
        {"2001:db8:ff:2:ffff::2", CONN_ADMITTED   },
        {"2001:db8:ff:2:8000::",  CONN_CLIENT_MANY},
        {"127.9.9.9",             CONN_ADMITTED   },
        {"127.9.9.9",             CONN_ADMITTED   },
        {"127.9.9.9",             CONN_ADMITTED   },
        {"127.9.9.9",             CONN_ADMITTED   },
        {"2001:db8:f::1",         CONN_ADMITTED   },
        {"2001:db8:f::1",         CONN_TOO_MANY   },
        {"198.51.100.1",          CONN_TOO_MANY   },
    };

    (void)state;
    begin(10, &(struct conn_limits_config){.client_max = 2});
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(admit(rows[i].address), rows[i].wanted);
    assert_int_equal(usage_total(usage), 10);
    assert_true(tickets[5].is_exempt);
    assert_false(tickets[0].is_exempt);
    end();
}

/* L1 at one less, at it, and one more; one that leaves makes room. */
static void the_limit_is_what_it_says(void **state)
{
    (void)state;
    begin(1000, &(struct conn_limits_config){.client_max = 20});
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(admit("192.0.2.1"), CONN_ADMITTED);
    assert_int_equal(admit("192.0.2.1"), CONN_CLIENT_MANY);
    conn_limits_leave(limits, &tickets[--ticket_count]);
    assert_int_equal(admit("192.0.2.1"), CONN_ADMITTED);
    assert_int_equal(admit("192.0.2.1"), CONN_CLIENT_MANY);
    end();
}

static void who_comes_too_often_waits_for_the_next_unit(void **state)
{
    (void)state;
    begin(100, &(struct conn_limits_config){.client_rate_max = 3});
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(admit("192.0.2.1"), CONN_ADMITTED);
        leave_all();
    }
    assert_int_equal(admit("192.0.2.1"), CONN_CLIENT_OFTEN);
    assert_int_equal(admit("192.0.2.2"), CONN_ADMITTED);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(admit("127.0.0.1"), CONN_ADMITTED);
    now_ns += MINUTE - 1;
    assert_int_equal(admit("192.0.2.1"), CONN_CLIENT_OFTEN);
    now_ns += 1;
    assert_int_equal(admit("192.0.2.1"), CONN_ADMITTED);
    end();
}

static void the_table_of_those_gone_is_bounded(void **state)
{
    (void)state;
    begin(100, &(struct conn_limits_config){.client_max = 1});
    for (uint64_t key = 1; key <= USAGE_GONE_MAX + 100; key++)
        assert_int_equal(usage_count(usage, key, USAGE_MESSAGES, now_ns), 1);
    assert_int_equal(usage_count(usage, USAGE_GONE_MAX + 100, USAGE_MESSAGES, now_ns), 2);
    assert_int_equal(usage_count(usage, 1, USAGE_MESSAGES, now_ns), 1); /* it was forgotten */
    end();
}

static void memory_is_one_clients(void **state)
{
    (void)state;
    begin(100, &(struct conn_limits_config){.client_bytes_max = 1000});
    assert_int_equal(admit("192.0.2.1"), CONN_ADMITTED);
    assert_int_equal(admit("192.0.2.1"), CONN_ADMITTED);
    assert_int_equal(admit("127.0.0.1"), CONN_ADMITTED);
    assert_true(conn_limits_charge(limits, &tickets[0], 600));
    assert_true(conn_limits_charge(limits, &tickets[1], 399));
    assert_true(conn_limits_charge(limits, &tickets[1], 1));
    assert_false(conn_limits_charge(limits, &tickets[1], 1));
    assert_true(conn_limits_charge(limits, &tickets[1], -1));
    assert_true(conn_limits_charge(limits, &tickets[2], 100000));
    (void)conn_limits_charge(limits, &tickets[0], -600);
    (void)conn_limits_charge(limits, &tickets[1], -400);
    (void)conn_limits_charge(limits, &tickets[2], -100000);
    end();
}

/* HOSTILE 10: a user is bounded wherever he comes from, and whoever vouches for the place. */
static void memory_is_one_users(void **state)
{
    (void)state;
    begin(100, &(struct conn_limits_config){.client_bytes_max = 1000, .user_bytes_max = 1500});
    assert_int_equal(admit("192.0.2.1"), CONN_ADMITTED);
    assert_int_equal(admit("192.0.2.2"), CONN_ADMITTED);
    assert_int_equal(admit("127.0.0.1"), CONN_ADMITTED);
    assert_true(conn_limits_charge(limits, &tickets[0], 900));
    for (unsigned i = 0; i < 3; i++)
        conn_limits_user(limits, &tickets[i], 7, i == 0 ? 900 : 0);
    assert_true(conn_limits_charge(limits, &tickets[1], 599));
    assert_true(conn_limits_charge(limits, &tickets[2], 1));
    assert_false(conn_limits_charge(limits, &tickets[2], 1));
    conn_limits_user(limits, &tickets[2], 8, 2); /* somebody else, at the same connection */
    assert_true(conn_limits_charge(limits, &tickets[2], 1498));
    assert_false(conn_limits_charge(limits, &tickets[2], 1));
    conn_limits_user(limits, &tickets[0], 0, 900); /* nobody any more */
    assert_true(conn_limits_charge(limits, &tickets[1], 1));
    (void)conn_limits_charge(limits, &tickets[0], -900);
    (void)conn_limits_charge(limits, &tickets[1], -600);
    (void)conn_limits_charge(limits, &tickets[2], -1501);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_client_has_its_share),
        cmocka_unit_test(the_limit_is_what_it_says),
        cmocka_unit_test(who_comes_too_often_waits_for_the_next_unit),
        cmocka_unit_test(the_table_of_those_gone_is_bounded),
        cmocka_unit_test(memory_is_one_clients),
        cmocka_unit_test(memory_is_one_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
