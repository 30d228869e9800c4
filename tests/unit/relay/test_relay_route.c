/* Routes: rows of sender and recipient, and of next hops in their parts. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "core/relay/relay_route.h"

static const char *const transports[] = {
    "inline:{ port.example = smtp:[mx.port.example]:587, keep.example = :,"
    " hop.example = :[other.example], alone.example = lmtp:, lmtp.example = lmtp:unix:/Run/x,"
    " bad.example = uucp:there, .below.example = smtp:gate.example,"
    " {closed.example = error:5.1.8 We closed}, late.example = retry:, gone.example = discard:,"
    " broken.example = smtp:[open, one@x.example = smtp:only.example }"};
static const char *const relayhosts[] = {
    "inline:{ boss@ours.example = [boss.relay]:587, @ours.example = ours.relay,"
    " no@ours.example = DUNNO, <> = bounces.relay }"};
static const char *const relay_domains[] = {"behind.example"};

static const struct {
    const char *relayhost, *sender, *recipient, *expected;
} rows[] = {
    {"",           "a@b",                 "x@Example.COM",        "smtp example.com"                                      },
    {"",           "a@b",                 "x@example.com.",       "smtp example.com"                                      },
    {"",           "a@b",                 "x@[192.0.2.1]",        "smtp [192.0.2.1]"                                      },
    {"",           "a@b",                 "x@[IPv6:2001:db8::1]", "smtp [ipv6:2001:db8::1]"                               },
    {"",           "a@b",                 "x",                    "retry 4.3.5 the next hop is no host, address or domain"},
    {"",           "a@b",                 "x@port.example",       "smtp [mx.port.example]:587"                            },
    {"",           "a@b",                 "x@sub.port.example",   "smtp sub.port.example"                                 },
    {"",           "a@b",                 "x@keep.example",       "smtp keep.example"                                     },
    {"",           "a@b",                 "x@hop.example",        "smtp [other.example]"                                  },
    {"",           "a@b",                 "x@alone.example",      "lmtp alone.example"                                    },
    {"",           "a@b",                 "x@lmtp.example",       "lmtp unix:/Run/x"                                      },
    {"",           "a@b",                 "x@bad.example",        "retry 4.3.5 mail transport unavailable"                },
    {"",           "a@b",                 "x@a.b.below.example",  "smtp gate.example"                                     },
    {"",           "a@b",                 "x@below.example",      "smtp below.example"                                    },
    {"",           "a@b",                 "x@closed.example",     "error 5.1.8 We closed"                                 },
    {"",           "a@b",                 "x@late.example",       "retry "                                                },
    {"",           "a@b",                 "x@gone.example",       "discard "                                              },
    {"",           "a@b",                 "x@broken.example",     "retry 4.3.5 the next hop is no host, address or domain"},
    {"",           "a@b",                 "one+detail@x.example", "smtp only.example"                                     },
    {"",           "a@b",                 "x@behind.example",     "smtp [10.0.0.1]"                                       },
    {"",           "a@b",                 "x@sub.behind.example", "smtp [10.0.0.1]"                                       },
    {"",           "a@b",                 "x@notbehind.example",  "smtp notbehind.example"                                },
    {"[relay]:25", "a@b",                 "x@example.com",        "smtp [relay]:25"                                       },
    {"[relay]:25", "a@b",                 "x@behind.example",     "smtp [10.0.0.1]"                                       },
    {"[relay]:25", "a@b",                 "x@keep.example",       "smtp [relay]:25"                                       },
    {"[relay]:25", "a@b",                 "x@alone.example",      "lmtp alone.example"                                    },
    {"[relay]:25", "Boss@ours.example",   "x@example.com",        "smtp [boss.relay]:587"                                 },
    {"[relay]:25", "boss+x@ours.example", "x@example.com",        "smtp [boss.relay]:587"                                 },
    {"[relay]:25", "other@ours.example",  "x@example.com",        "smtp ours.relay"                                       },
    {"[relay]:25", "no@ours.example",     "x@example.com",        "smtp [relay]:25"                                       },
    {"",           "no@ours.example",     "x@example.com",        "smtp example.com"                                      },
    {"",           "",                    "x@example.com",        "smtp bounces.relay"                                    },
};

static struct relay_routes *routes_open(const char *relayhost)
{
    struct chain why = {0};
    struct relay_routes *routes =
        relay_routes_open(&(struct relay_routes_config){.transport_maps = transports,
                                                        .transport_count = 1,
                                                        .sender_relayhost_maps = relayhosts,
                                                        .sender_relayhost_count = 1,
                                                        .relay_domains = relay_domains,
                                                        .relay_domain_count = 1,
                                                        .relayhost = relayhost,
                                                        .default_transport = "smtp",
                                                        .relay_transport = "relay:[10.0.0.1]",
                                                        .recipient_delimiter = "+"},
                          &why);

    if (routes == NULL)
        fail_msg("%.*s", (int)why.len, chain_flat(&why).at);
    return routes;
}

static void routes(void **state)
{
    static const char *const names[] = {"smtp", "lmtp", "error", "retry", "discard"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct relay_routes *r = routes_open(rows[i].relayhost);
        struct relay_route route;
        char text[600];

        relay_route_find(r, span_str(rows[i].sender), span_str(rows[i].recipient), &route);
        snprintf(text, sizeof(text), "%s %s", names[route.transport], route.nexthop);
        if (strcmp(text, rows[i].expected) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", rows[i].recipient, text, rows[i].expected);
        relay_routes_close(&r);
    }
}

static void reasons(void **state)
{
    static const struct {
        enum relay_transport transport;
        const char *nexthop, *enhanced, *text;
    } cases[] = {
        {RELAY_BY_ERROR, "5.1.8 We closed", "5.1.8", "We closed"                           },
        {RELAY_BY_ERROR, "We closed",       "5.0.0", "We closed"                           },
        {RELAY_BY_ERROR, "4.1.8 x",         "5.0.0", "4.1.8 x"                             },
        {RELAY_BY_ERROR, "5.1.8",           "5.1.8", "Address is undeliverable"            },
        {RELAY_BY_ERROR, "",                "5.0.0", "Address is undeliverable"            },
        {RELAY_BY_RETRY, "4.3.5 later",     "4.3.5", "later"                               },
        {RELAY_BY_RETRY, "",                "4.0.0", "Address is temporarily undeliverable"},
        {RELAY_BY_RETRY, "4.3.5000 x",      "4.0.0", "4.3.5000 x"                          },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct relay_route route = {.transport = cases[i].transport};
        struct span enhanced, text;

        snprintf(route.nexthop, sizeof(route.nexthop), "%s", cases[i].nexthop);
        relay_route_reason(&route, &enhanced, &text);
        if (!span_eq(enhanced, span_str(cases[i].enhanced)) ||
            !span_eq(text, span_str(cases[i].text)))
            fail_msg("row %zu", i);
    }
}

static void hops(void **state)
{
    static const struct {
        enum relay_transport transport;
        const char *nexthop, *expected;
    } cases[] = {
        {RELAY_BY_SMTP, "example.com",            "domain example.com 25"       },
        {RELAY_BY_SMTP, "example.com:587",        "domain example.com 587*"     },
        {RELAY_BY_SMTP, "example.com:submission", "domain example.com 587*"     },
        {RELAY_BY_SMTP, "[mx.example.com]",       "host mx.example.com 25"      },
        {RELAY_BY_SMTP, "[mx.example.com]:2525",  "host mx.example.com 2525*"   },
        {RELAY_BY_SMTP, "[192.0.2.1]:25",         "address 192.0.2.1 25*"       },
        {RELAY_BY_SMTP, "[2001:db8::1]",          "address 2001:db8::1 25"      },
        {RELAY_BY_SMTP, "[ipv6:2001:db8::1]:26",  "address ipv6:2001:db8::1 26*"},
        {RELAY_BY_SMTP,
         "b\xc3\xbc"
         "cher.example",                          "domain b\xc3\xbc"
         "cher.example 25"                              },
        {RELAY_BY_SMTP, "192.0.2.1",              NULL                          },
        {RELAY_BY_SMTP, "",                       NULL                          },
        {RELAY_BY_SMTP, "[",                      NULL                          },
        {RELAY_BY_SMTP, "[]",                     NULL                          },
        {RELAY_BY_SMTP, "[a]x",                   NULL                          },
        {RELAY_BY_SMTP, "a:",                     NULL                          },
        {RELAY_BY_SMTP, "a:0",                    NULL                          },
        {RELAY_BY_SMTP, "a:65536",                NULL                          },
        {RELAY_BY_SMTP, "a b",                    NULL                          },
        {RELAY_BY_SMTP, "unix:/run/x",            NULL                          },
        {RELAY_BY_LMTP, "unix:/run/x",            "unix /run/x 0"               },
        {RELAY_BY_LMTP, "unix:",                  NULL                          },
        {RELAY_BY_LMTP, "inet:host.example:2424", "host host.example 2424*"     },
        {RELAY_BY_LMTP, "inet:127.0.0.1:24",      "address 127.0.0.1 24*"       },
        {RELAY_BY_LMTP, "inet:[::1]",             "address ::1 24"              },
        {RELAY_BY_LMTP, "host.example",           "host host.example 24"        },
    };
    static const char *const kinds[] = {"domain", "host", "address", "unix"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct relay_hop hop;
        char text[300] = "";

        if (relay_hop_parse(cases[i].transport, span_str(cases[i].nexthop), &hop))
            snprintf(text, sizeof(text), "%s %.*s %u%s", kinds[hop.kind], (int)hop.name.len,
                     hop.name.at, hop.port, hop.has_port ? "*" : "");
        if (strcmp(text, cases[i].expected ? cases[i].expected : "") != 0)
            fail_msg("%s: \"%s\"", cases[i].nexthop, text);
    }
}

static void refused(void **state)
{
    static const struct {
        const char *relayhost, *default_transport, *relay_transport, *said;
    } cases[] = {
        {"[x", "smtp", "smtp",
         "relayhost: \"[x\" is no host; write [host]:port, [host] or domain\n"    },
        {"",   "uucp", "smtp",    "default_transport: \"uucp\" is no transport; " },
        {"",   "smtp", "smtp:[x", "relay_transport: \"smtp:[x\" is no transport; "},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct chain why = {0};
        struct relay_routes *r = relay_routes_open(
            &(struct relay_routes_config){.relayhost = cases[i].relayhost,
                                          .default_transport = cases[i].default_transport,
                                          .relay_transport = cases[i].relay_transport,
                                          .recipient_delimiter = ""},
            &why);
        assert_null(r);
        assert_true(
            span_eq(span_first(chain_flat(&why), strlen(cases[i].said)), span_str(cases[i].said)));
        chain_free(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes),
        cmocka_unit_test(reasons),
        cmocka_unit_test(hops),
        cmocka_unit_test(refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
