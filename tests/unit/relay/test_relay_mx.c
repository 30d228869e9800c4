/* Mail exchangers: records as bytes, order, the site's name, addresses, TLSA records. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "core/base/random.h"
#include "core/relay/relay_mx.h"
#include "core/relay/relay_tlsa.h"

static uint64_t chance;
static uint64_t next_chance(void)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return chance >> 33;
}

static void records(void **state)
{
    const struct {
        struct span rdata;
        const char *expected;
    } cases[] = {
        {SPAN("\0\012\002mx\007example\003com\0"),                                            "10 mx.example.com"},
        {SPAN("\1\0\002MX\007eXample\0"),                                                     "256 mx.example"   },
        {SPAN("\0\0\0"),                                                                      "0 "               }, /* null MX */
        {SPAN(""),                                                                            NULL               }, /* R07: RDLENGTH 0 to 3 */
        {SPAN("\0"),                                                                          NULL               },
        {SPAN("\0\012"),                                                                      NULL               },
        {SPAN("\0\012\002"),                                                                  NULL               },
        {SPAN("\0\012\002mx"),                                                                NULL               },
        {SPAN("\0\012\002mx\0x"),                                                             NULL               },
        {SPAN("\0\012\300\014"),                                                              NULL               }, /* R08: compressed */
        {SPAN("\0\012\100"
              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0"),
         NULL                                                                                                    }, /* a label of 64 */
        {SPAN("\0\012\003a.b\0"),                                                             NULL               },
        {SPAN("\0\012\003a\0b\0"),                                                            NULL               },
        {SPAN("\0\012\003a b\0"),                                                             NULL               },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct relay_mx mx;
        char text[300] = "";

        if (relay_mx_parse(cases[i].rdata, &mx))
            snprintf(text, sizeof(text), "%u %s", mx.preference, mx.host);
        if (strcmp(text, cases[i].expected ? cases[i].expected : "") != 0)
            fail_msg("row %zu: \"%s\"", i, text);
    }
}

/* A name of 253 bytes is one, of 254 none. */
static void longest_name(void **state)
{
    char wire[300], name[RELAY_NAME_MAX + 1];

    (void)state;
    memset(wire, 'a', sizeof(wire));
    wire[0] = wire[64] = wire[128] = 63;
    wire[192] = 61;
    wire[254] = '\0';
    assert_true(relay_mx_name((struct span){wire, 255}, name));
    assert_int_equal(strlen(name), 253);
    wire[192] = 62;
    wire[254] = 'a';
    wire[255] = '\0';
    assert_false(relay_mx_name((struct span){wire, 256}, name));
}

static void order(void **state)
{
    bool first_seen[3] = {false};

    (void)state;
    for (chance = 0; chance < 50; chance++) {
        uint64_t seed = chance;
        struct relay_mx mx[] = {
            {20, "c.example"},
            {10, "a.example"},
            {10, "b.example"},
            {10, "a.example"},
            {5,  ""         }
        };
        unsigned count = relay_mx_order(mx, COUNT_OF(mx), next_chance);

        assert_int_equal(count, 3);
        assert_string_equal(mx[2].host, "c.example");
        assert_string_not_equal(mx[0].host, mx[1].host);
        first_seen[mx[0].host[0] - 'a'] = true;
        chance = seed;
    }
    assert_true(first_seen[0] && first_seen[1] && !first_seen[2]);
}

static void null_mx(void **state)
{
    struct relay_mx one =
                        {
                            0, ""
    },
                    two[] = {{0, ""}, {10, "a.example"}};

    (void)state;
    assert_true(relay_mx_is_null(&one, 1));
    assert_false(relay_mx_is_null(two, 2));
    assert_int_equal(relay_mx_order(&one, 1, next_chance), 1);
    assert_int_equal(relay_mx_order(two, 2, next_chance), 1);
    assert_string_equal(two[0].host, "a.example");
}

static void site(void **state)
{
    struct relay_mx a[] = {
        {10, "b.example"},
        {10, "a.example"},
        {20, "c.example"}
    };
    struct relay_mx b[] = {
        {7, "c.example"},
        {5, "a.example"},
        {5, "b.example"}
    };
    char text[100], again[100], small[24];

    (void)state;
    relay_mx_site(a, 3, text, sizeof(text));
    relay_mx_site(b, 3, again, sizeof(again));
    assert_string_equal(text, "a.example|b.example,c.example");
    assert_string_equal(again, text);
    relay_mx_site(a, 3, small, sizeof(small));
    assert_int_equal(strlen(small), sizeof(small) - 1);
    assert_memory_equal(small, "a.exam#", 7);
}

static void kinds(void **state)
{
    static const struct {
        const char *address;
        enum relay_address_kind kind;
    } cases[] = {
        {"192.0.2.1",        RELAY_ADDRESS_PUBLIC  },
        {"10.0.0.1",         RELAY_ADDRESS_PUBLIC  },
        {"127.0.0.1",        RELAY_ADDRESS_LOOPBACK},
        {"127.9.9.9",        RELAY_ADDRESS_LOOPBACK},
        {"0.0.0.0",          RELAY_ADDRESS_UNUSABLE},
        {"0.1.2.3",          RELAY_ADDRESS_UNUSABLE},
        {"169.254.1.1",      RELAY_ADDRESS_UNUSABLE},
        {"224.0.0.1",        RELAY_ADDRESS_UNUSABLE},
        {"255.255.255.255",  RELAY_ADDRESS_UNUSABLE},
        {"::",               RELAY_ADDRESS_UNUSABLE},
        {"::1",              RELAY_ADDRESS_LOOPBACK},
        {"::ffff:127.0.0.1", RELAY_ADDRESS_LOOPBACK},
        {"fe80::1",          RELAY_ADDRESS_UNUSABLE},
        {"ff02::1",          RELAY_ADDRESS_UNUSABLE},
        {"::192.0.2.1",      RELAY_ADDRESS_UNUSABLE},
        {"2001:db8::1",      RELAY_ADDRESS_PUBLIC  },
        {"fd00::1",          RELAY_ADDRESS_PUBLIC  },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        unsigned char address[NETWORK_ADDRESS_LEN];

        assert_true(network_address(span_str(cases[i].address), address));
        if (relay_mx_address_kind(address) != cases[i].kind)
            fail_msg("%s", cases[i].address);
    }
}

/* Addresses as digits of their preference, "6" behind those of IPv6. */
static void choose_one(const char *from, unsigned max, enum relay_mx_prefer prefer,
                       const char *expected)
{
    struct relay_mx_address addresses[RELAY_MX_ADDRESSES_MAX];
    unsigned count = 0;
    char text[200];
    size_t len = 0;

    for (const char *at = from; *at != '\0'; at++) {
        if (*at == '6') {
            addresses[count - 1].is_v6 = true;
            continue;
        }
        addresses[count] = (struct relay_mx_address){.preference = (uint16_t)(*at - '0')};
        count++;
    }
    count = relay_mx_choose(addresses, count, max, prefer, next_chance);
    for (unsigned i = 0; i < count; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%u%s", addresses[i].preference,
                                addresses[i].is_v6 ? "6" : "");
    text[len] = '\0';
    if (strcmp(text, expected) != 0)
        fail_msg("%s of %s: \"%s\"", expected, from, text);
}

static void choose(void **state)
{
    (void)state;
    for (chance = 0; chance < 30; chance++) {
        uint64_t seed = chance;
        choose_one("111616", 5, RELAY_MX_PREFER_IPV4, "111616");
        choose_one("111616", 5, RELAY_MX_PREFER_IPV6, "161611");
        choose_one("21161", 5, RELAY_MX_PREFER_IPV4, "11162");
        choose_one("3231323", 2, RELAY_MX_PREFER_IPV4, "12");
        choose_one("16161616161616", 5, RELAY_MX_PREFER_ANY, "1616161616");
        choose_one("1111111", 5, RELAY_MX_PREFER_ANY, "11111");
        choose_one("161616161616162", 5, RELAY_MX_PREFER_ANY, "161616162");
        choose_one("11111116", 5, RELAY_MX_PREFER_IPV4, "11111");
        choose_one("", 5, RELAY_MX_PREFER_ANY, "");
        chance = seed;
    }
}

/* What chance decides: two of IPv6 and three of IPv4, in turn from either. */
static void in_turn(void **state)
{
    unsigned v6_first = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 64; seed++) {
        struct relay_mx_address a[20] = {0};

        for (unsigned i = 0; i < 20; i++)
            a[i].is_v6 = i % 2;
        chance = seed * 7919;
        assert_int_equal(relay_mx_choose(a, 20, 5, RELAY_MX_PREFER_ANY, next_chance), 5);
        assert_int_equal(a[0].is_v6 + a[1].is_v6 + a[2].is_v6 + a[3].is_v6 + a[4].is_v6, 2);
        v6_first += a[0].is_v6;
        assert_int_not_equal(a[0].is_v6, a[1].is_v6);
    }
    assert_true(v6_first > 10 && v6_first < 54);
}

static void tlsa(void **state)
{
    static char good[3 + 64] = {3, 1, 1};
    static const struct {
        const char *head;
        size_t len;
        bool usable;
    } cases[] = {
        {"\3\1\1",   35, true },
        {"\2\0\2",   67, true },
        {"\3\1\0",   40, true },
        {"\3\1\1",   0,  false},
        {"\3\1\1",   3,  false},
        {"\3\1\1",   19, false}, /* R06 */
        {"\3\1\1",   34, false},
        {"\3\1\1",   36, false},
        {"\3\1\2",   35, false},
        {"\1\1\1",   35, false},
        {"\0\1\1",   35, false},
        {"\4\1\1",   35, false},
        {"\3\2\1",   35, false},
        {"\3\1\3",   35, false},
        {"\377\1\1", 35, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct relay_tlsa parsed;

        memcpy(good, cases[i].head, 3);
        if (relay_tlsa_parse((struct span){good, cases[i].len}, &parsed) != cases[i].usable)
            fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records), cmocka_unit_test(longest_name), cmocka_unit_test(order),
        cmocka_unit_test(null_mx), cmocka_unit_test(site),         cmocka_unit_test(kinds),
        cmocka_unit_test(choose),  cmocka_unit_test(in_turn),      cmocka_unit_test(tlsa),
    };

    random_seed(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
