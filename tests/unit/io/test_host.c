#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "core/io/host.h"

static struct sockaddr_storage parsed(const char *text)
{
    struct sockaddr_storage a;
    socklen_t size;

    assert_true(host_parse(span_str(text), 25, &a, &size));
    return a;
}

static void text_rows(void **state UNUSED)
{
    static const struct {
        const char *text, *written; /* NULL: refused */
        bool loopback;
    } rows[] = {
        {"192.0.2.1",        "192.0.2.1",   false},
        {"127.3.2.1",        "127.3.2.1",   true },
        {"::1",              "::1",         true },
        {"[::1]",            "::1",         true },
        {"::ffff:127.0.0.1", "127.0.0.1",   true },
        {"[2001:DB8::0:1]",  "2001:db8::1", false},
        {"[192.0.2.1]",      NULL,          false},
        {"localhost",        NULL,          false},
        {"1.2.3",            NULL,          false},
        {"1.2.3.4.5",        NULL,          false},
        {"",                 NULL,          false},
        {"[]",               NULL,          false},
        {"[",                NULL,          false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sockaddr_storage a;
        char text[HOST_TEXT_MAX];
        socklen_t size;
        bool good = host_parse(span_str(rows[i].text), 25, &a, &size);

        assert_int_equal(good, rows[i].written != NULL);
        if (!good)
            continue;
        assert_int_equal(host_write(&a, text), strlen(rows[i].written));
        assert_string_equal(text, rows[i].written);
        assert_int_equal(host_is_loopback(&a), rows[i].loopback);
        assert_int_equal(host_port(&a), 25);
    }
}

static void network_rows(void **state UNUSED)
{
    static const char list[] = "127.0.0.0/8, [::1]/128\t10.1.0.0/17 192.0.2.7 2001:db8::/33,";
    static const struct {
        const char *address;
        bool inside;
    } rows[] = {
        {"127.255.255.255",  true },
        {"128.0.0.0",        false},
        {"::1",              true },
        {"::2",              false},
        {"10.1.127.255",     true },
        {"10.1.128.0",       false},
        {"192.0.2.7",        true },
        {"192.0.2.6",        false},
        {"2001:db8:7fff::1", true },
        {"2001:db8:8000::1", false},
        {"::ffff:10.1.2.3",  true },
    };
    static struct host_networks networks;
    struct sockaddr_storage local = {.ss_family = AF_UNIX};
    char why[100];

    assert_true(host_networks_parse(SPAN(list), &networks, why, sizeof(why)));
    assert_int_equal(networks.count, 5);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sockaddr_storage a = parsed(rows[i].address);

        assert_int_equal(host_networks_have(&networks, &a), rows[i].inside);
    }
    assert_false(host_networks_have(&networks, &local));
    assert_true(host_is_loopback(&local));
    assert_true(host_networks_parse(SPAN("0.0.0.0/0"), &networks, why, sizeof(why)));
    assert_true(host_networks_have(&networks, &(struct sockaddr_storage){.ss_family = AF_INET}));
}

static void bad_networks(void **state UNUSED)
{
    static const char *const rows[] = {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/",   "10.0.0.0/-1",
                                       "::1/129",    "example.com", "10.0.0.0/8/8"};
    static struct host_networks networks;
    static char many[4 * (HOST_NETWORKS_MAX + 1) + 1];
    char why[100];

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_false(host_networks_parse(span_str(rows[i]), &networks, why, sizeof(why)));
        assert_non_null(strstr(why, rows[i]));
    }
    for (size_t i = 0; i < HOST_NETWORKS_MAX + 1; i++)
        memcpy(many + 4 * i, "::1 ", 4);
    assert_false(host_networks_parse(span_str(many), &networks, why, sizeof(why)));
    many[4 * HOST_NETWORKS_MAX] = '\0';
    assert_true(host_networks_parse(span_str(many), &networks, why, sizeof(why)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_rows),
        cmocka_unit_test(network_rows),
        cmocka_unit_test(bad_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
