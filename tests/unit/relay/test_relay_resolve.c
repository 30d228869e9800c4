/* From a next hop to addresses: each row is a zone, rules, a next hop and what comes of it. All
 * rows run with answers at once and with answers later, the last asked first. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "core/base/random.h"
#include "core/relay/relay_resolve.h"
#include "tests/unit/relay/dns_table.h"

#define EE     "030101" DIGEST
#define TA     "020101" DIGEST
#define PKIX   "010101" DIGEST
#define DIGEST "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static uint64_t always_zero(void)
{
    return 0;
}

static uint64_t now;
static uint64_t tell_now(void)
{
    return now;
}

struct heard {
    unsigned times;
    char text[2000];
};

static void describe(const struct relay_answer *a, char *text, size_t size)
{
    size_t len = 0;

    if (a->status != RELAY_ANSWER_HOSTS) {
        snprintf(text, size, "%u %s %s", a->code, a->enhanced, a->text);
        return;
    }
    if (a->unix_path[0] != '\0')
        len += (size_t)snprintf(text + len, size - len, "unix %s ", a->unix_path);
    for (unsigned i = 0; i < a->count; i++) {
        const struct relay_target *t = &a->targets[i];
        len += (size_t)snprintf(text + len, size - len, "%s[%s]:%u", t->host, t->address_text,
                                t->port);
        if (t->tls.level != RELAY_TLS_MAY)
            len +=
                (size_t)snprintf(text + len, size - len, "/%s", relay_tls_level_name(t->tls.level));
        if (t->tls.tlsa_count > 0)
            len += (size_t)snprintf(text + len, size - len, "+%u", t->tls.tlsa_count);
        if (t->tls.match[0] != '\0')
            len += (size_t)snprintf(text + len, size - len, "(%s)", t->tls.match);
        len += (size_t)snprintf(text + len, size - len, " ");
    }
    snprintf(text + len, size - len, "= %s", a->site);
}

static void hear(void *context, const struct relay_answer *answer)
{
    struct heard *h = context;
    struct relay_answer *copy = relay_answer_copy(answer);

    h->times++;
    describe(copy, h->text, sizeof(h->text));
    relay_answer_free(&copy);
}

/* MTA-STS: example.com names mx1 and what is below in.example.com. */
static void find_sts(void *self, const char *domain, relay_sts_fn done, void *context)
{
    struct relay_sts_policy policy = {RELAY_STS_ENFORCE, 86400, "mx1.example.com *.in.example.com"};

    (void)self;
    done(context, strcmp(domain, "example.com") == 0 ? &policy : NULL);
}
static const struct relay_sts_source sts_source = {.find = find_sts};

static const char *const own_names[] = {"me.example"};

struct setup {
    const char *level, *policy;
    enum relay_families families, preference;
    unsigned limit;
    bool local_allowed, sts;
};

struct world {
    struct dns_table dns;
    struct relay_tls_rules *rules;
    struct network own[1];
    struct relay_resolver *resolver;
};

static void world_open(struct world *w, const struct setup *setup, const char *zone)
{
    struct chain why = {0};

    dns_table_open(&w->dns, zone);
    assert_true(network_parse(SPAN("198.51.100.7"), &w->own[0]));
    w->rules = relay_tls_rules_open(
        &(struct relay_tls_config){.level = setup->level ? setup->level : "may",
                                   .policy_maps = &setup->policy,
                                   .policy_count = setup->policy != NULL,
                                   .verify_match = "hostname",
                                   .secure_match = "nexthop, dot-nexthop"},
        &why);
    assert_non_null(w->rules);
    w->resolver = relay_resolver_open(
        &(struct relay_resolver_config){.dns = &w->dns.source,
                                        .families = setup->families,
                                        .preference = setup->preference,
                                        .address_limit = setup->limit ? setup->limit : 5,
                                        .own_names = own_names,
                                        .own_name_count = 1,
                                        .own_networks = w->own,
                                        .own_network_count = 1,
                                        .local_allowed = setup->local_allowed,
                                        .tls = w->rules,
                                        .sts = setup->sts ? &sts_source : NULL,
                                        .draw = always_zero,
                                        .now_ns = tell_now,
                                        .lookups_max = 2,
                                        .cache_max = 3});
}

static void world_close(struct world *w)
{
    relay_resolver_close(&w->resolver);
    relay_tls_rules_close(&w->rules);
}

static void resolve(struct world *w, const char *nexthop, struct heard *h)
{
    struct relay_route route = {.transport = strncmp(nexthop, "lmtp:", 5) == 0 ? RELAY_BY_LMTP
                                                                               : RELAY_BY_SMTP};

    snprintf(route.nexthop, sizeof(route.nexthop), "%s",
             nexthop + (route.transport == RELAY_BY_LMTP ? 5 : 0));
    relay_resolve(w->resolver, &route, hear, h);
}

static const struct {
    const char *name;
    struct setup setup;
    const char *zone, *nexthop, *expected;
} rows[] = {
    {"plain",
     {0},
     "example.com MX 10 mx1.example.com\nmx1.example.com A 192.0.2.1\n",                                                 "example.com",
     "mx1.example.com[192.0.2.1]:25 = mx1.example.com"                                                                                                                                                                                },
    {"preference",
     {0},
     "d MX 20 b\nd MX 10 a\na A 192.0.2.1\nb A 192.0.2.2\n",                                                             "d",
     "a[192.0.2.1]:25 b[192.0.2.2]:25 = a,b"                                                                                                                                                                                          },
    {"both families",
     {0},
     "d MX 10 a\na A 192.0.2.1\na AAAA 2001:db8::1\n",                                                                   "d",
     "a[192.0.2.1]:25 a[2001:db8::1]:25 = a"                                                                                                                                                                                          },
    {"ipv6 preferred",
     {.preference = RELAY_FAMILY_IPV6},
     "d MX 10 a\na A 192.0.2.1\na AAAA 2001:db8::1\n",                                                                   "d",
     "a[2001:db8::1]:25 a[192.0.2.1]:25 = a"                                                                                                                                                                                          },
    {"ipv4 only",
     {.families = RELAY_FAMILY_IPV4},
     "d MX 10 a\na A 192.0.2.1\na AAAA 2001:db8::1\n",                                                                   "d",
     "a[192.0.2.1]:25 = a"                                                                                                                                                                                                            },
    {"ipv6 only",
     {.families = RELAY_FAMILY_IPV6},
     "d MX 10 a\na A 192.0.2.1\n",                                                                                       "d",
     "550 5.4.4 Host or domain name not found. Name service error for name=a type=AAAA: Host not "
     "found"                                                                                                                                                                                                                          },
    {"implicit",                   {0},                                                    "d A 192.0.2.1\n",            "d",                  "d[192.0.2.1]:25 = d"                                                                  },
    {"null MX",
     {0},
     "d MX 0 .\nd A 192.0.2.1\n",                                                                                        "d",
     "556 5.1.10 Domain d does not accept mail (nullMX)"                                                                                                                                                                              },
    {"null MX beside another",
     {0},
     "d MX 0 .\nd MX 10 a\na A 192.0.2.1\n",                                                                             "d",
     "a[192.0.2.1]:25 = a"                                                                                                                                                                                                            },
    {"NXDOMAIN",
     {0},
     "",                                                                                                                 "nowhere.example",
     "550 5.1.2 Host or domain name not found. Name service error for name=nowhere.example "
     "type=MX: Host not found"                                                                                                                                                                                                        },
    {"SERVFAIL",
     {0},
     "d FAIL\n",                                                                                                         "d",
     "451 4.4.3 Host or domain name not found. Name service error for name=d type=MX: Host not "
     "found, try again (told to fail)"                                                                                                                                                                                                },
    {"empty",
     {0},
     "d TXT x\n",                                                                                                        "d",
     "550 5.4.4 Host or domain name not found. Name service error for name=d type=A: Host not "
     "found"                                                                                                                                                                                                                          },
    {"exchanger without address",
     {0},
     "d MX 10 a\n",                                                                                                      "d",
     "550 5.4.4 Host or domain name not found. Name service error for name=a type=A: Host not "
     "found"                                                                                                                                                                                                                          },
    {"exchanger fails",
     {0},
     "d MX 10 a\na FAIL\n",                                                                                              "d",
     "451 4.4.3 Host or domain name not found. Name service error for name=a: Host not found, try "
     "again"                                                                                                                                                                                                                          },
    {"one of two fails",
     {0},
     "d MX 10 a\nd MX 20 b\na FAIL\nb A 192.0.2.2\n",                                                                    "d",
     "b[192.0.2.2]:25 = a,b"                                                                                                                                                                                                          },
    {"CNAME of the exchanger",
     {0},
     "d MX 10 a\na CNAME b\nb A 192.0.2.2\n",                                                                            "d",
     "a[192.0.2.2]:25 = a"                                                                                                                                                                                                            },
    {"loopback",
     {0},
     "d MX 10 a\na A 127.0.0.1\n",                                                                                       "d",
     "554 5.4.6 mail for d loops back to myself"                                                                                                                                                                                      },
    {"loopback implicit",          {0},                                                    "d A 127.0.0.1\n",            "d",                  "554 5.4.6 mail for d loops back to myself"                                            },
    {"loopback allowed",
     {.local_allowed = true},
     "d MX 10 a\na A 127.0.0.1\n",                                                                                       "d",
     "a[127.0.0.1]:25 = a"                                                                                                                                                                                                            },
    {"loopback elsewhere",
     {0},
     "d MX 10 a\na A 127.0.0.1\n",                                                                                       "d:26",
     "550 5.4.4 mail exchangers of d have no address on the Internet"                                                                                                                                                                 },
    {"unspecified",
     {0},
     "d MX 10 a\na A 0.0.0.0\na AAAA fe80::1\n",                                                                         "d",
     "550 5.4.4 mail exchangers of d have no address on the Internet"                                                                                                                                                                 },
    {"own address",
     {0},
     "d MX 10 a\na A 198.51.100.7\n",                                                                                    "d",
     "554 5.4.6 mail for d loops back to myself"                                                                                                                                                                                      },
    {"own name",
     {0},
     "d MX 10 me.example\nme.example A 192.0.2.9\n",                                                                     "d",
     "554 5.4.6 mail for d loops back to myself"                                                                                                                                                                                      },
    {"backup of another",
     {0},
     "d MX 10 a\nd MX 20 me.example\nd MX 30 c\na A 192.0.2.1\nme.example A 198.51.100.7\nc A "
     "192.0.2.3\n",                                                                                                      "d",
     "a[192.0.2.1]:25 = a,me.example,c"                                                                                                                                                                                               },
    {"limit",
     {.limit = 2},
     "d MX 10 a\na A 192.0.2.1\na A 192.0.2.2\na A 192.0.2.3\n",                                                         "d",
     "a[192.0.2.2]:25 a[192.0.2.3]:25 = a"                                                                                                                                                                                            },
    {"host",
     {0},
     "mx.example A 192.0.2.1\nmx.example MX 10 other\n",                                                                 "[MX.example]:587",
     "mx.example[192.0.2.1]:587 = [mx.example]:587"                                                                                                                                                                                   },
    {"host absent",
     {0},
     "",                                                                                                                 "[mx.example]",
     "550 5.4.4 Host or domain name not found. Name service error for name=mx.example type=A: Host "
     "not found"                                                                                                                                                                                                                      },
    {"host on loopback",
     {0},
     "localhost A 127.0.0.1\n",                                                                                          "[localhost]:2525",
     "localhost[127.0.0.1]:2525 = [localhost]:2525"                                                                                                                                                                                   },
    {"address",                    {0},                                                    "",                           "[127.0.0.1]:2525",   "127.0.0.1[127.0.0.1]:2525 = [127.0.0.1]:2525"                                         },
    {"IPv6 address",               {0},                                                    "",                           "[IPv6:2001:DB8::1]", "2001:db8::1[2001:db8::1]:25 = [2001:db8::1]"                                          },
    {"own address literal",
     {0},
     "",                                                                                                                 "[198.51.100.7]",
     "554 5.4.6 mail for 198.51.100.7 loops back to myself"                                                                                                                                                                           },
    {"lmtp socket",                {0},                                                    "",                           "lmtp:unix:/run/x",   "unix /run/x /run/x[]:0/none = unix:/run/x"                                            },
    {"lmtp host",                  {0},                                                    "h A 192.0.2.1\n",            "lmtp:inet:h:2424",   "h[192.0.2.1]:2424 = [h]:2424 lmtp"                                                    },
    {"IDN",
     {0},
     "xn--bcher-kva.example A 192.0.2.1\n",                                                                              "b\xc3\xbc"
     "cher.example",                                                                                "xn--bcher-kva.example[192.0.2.1]:25 = xn--bcher-kva.example"                          },
    {"no name",                    {0},                                                    "",                           "a..b",               "451 4.3.5 \"a..b\" is no next hop"                                                    },

    {"level encrypt",
     {.level = "encrypt"},
     "d MX 10 a\na A 192.0.2.1\n",                                                                                       "d",
     "a[192.0.2.1]:25/encrypt = a tls=encrypt "                                                                                                                                                                                       },
    {"level verify",
     {.level = "verify"},
     "d MX 10 a\na A 192.0.2.1\n",                                                                                       "d",
     "a[192.0.2.1]:25/verify(a) = a tls=verify hostname"                                                                                                                                                                              },
    {"level secure",
     {.level = "secure"},
     "d MX 10 a\na A 192.0.2.1\n",                                                                                       "d",
     "a[192.0.2.1]:25/secure(d .d) = a tls=secure nexthop, dot-nexthop d"                                                                                                                                                             },
    {"policy",
     {.policy = "inline:{ d = none }"},
     "d MX 10 a\na A 192.0.2.1\n",                                                                                       "d",
     "a[192.0.2.1]:25/none = a tls=none "                                                                                                                                                                                             },
    {"policy of the parent",
     {.policy = "inline:{ .example = encrypt }"},
     "d.example A 192.0.2.1\n",                                                                                          "d.example",
     "d.example[192.0.2.1]:25/encrypt = d.example tls=encrypt "                                                                                                                                                                       },
    {"policy with names",
     {.policy = "inline:{ [h]:587 = secure match=a.b:.c ciphers=high protocols=!SSLv3 }"},
     "h A 192.0.2.1\n",                                                                                                  "[h]:587",
     "h[192.0.2.1]:587/secure(a.b .c) = [h]:587 tls=secure a.b .c"                                                                                                                                                                    },
    {"policy wrong",
     {.policy = "inline:{ d = maybe }"},
     "d A 192.0.2.1\n",                                                                                                  "d",
     "451 4.7.5 smtp_tls_policy_maps, d: \"maybe\" is no level"                                                                                                                                                                       },
    {"policy that cannot be kept",
     {.policy = "inline:{ d = may exclude=AES }"},
     "d A 192.0.2.1\n",                                                                                                  "d",
     "451 4.7.5 smtp_tls_policy_maps, d: \"exclude=AES\" cannot be kept"                                                                                                                                                              },

    {"dane",
     {.level = "dane"},
     "d MX 10 a\na A 192.0.2.1\n_25._tcp.a TLSA " EE "\n_25._tcp.a TLSA " TA "\n",
     "d",                                                                                                                                      "a[192.0.2.1]:25/dane+2(a) = a tls=dane "                                              },
    {"dane without records",
     {.level = "dane"},
     "d MX 10 a\na A 192.0.2.1\n",                                                                                       "d",
     "a[192.0.2.1]:25 = a tls=dane "                                                                                                                                                                                                  },
    {"dane, none usable",
     {.level = "dane"},
     "d MX 10 a\na A 192.0.2.1\n_25._tcp.a TLSA " PKIX "\n_25._tcp.a TLSA 0301\n",
     "d",                                                                                                                                      "a[192.0.2.1]:25/encrypt = a tls=dane "                                                },
    {"dane, insecure MX",
     {.level = "dane"},
     "!d MX 10 a\na A 192.0.2.1\n_25._tcp.a TLSA " EE "\n",
     "d",                                                                                                                                      "a[192.0.2.1]:25 = a tls=dane "                                                        },
    {"dane, insecure address",
     {.level = "dane"},
     "d MX 10 a\n!a A 192.0.2.1\n_25._tcp.a TLSA " EE "\n",
     "d",                                                                                                                                      "a[192.0.2.1]:25 = a tls=dane "                                                        },
    {"dane, insecure TLSA",
     {.level = "dane"},
     "d MX 10 a\na A 192.0.2.1\n!_25._tcp.a TLSA " EE "\n",
     "d",                                                                                                                                      "a[192.0.2.1]:25 = a tls=dane "                                                        },
    {"one family fails",
     {0},
     "d MX 10 a\na A 192.0.2.1\na FAIL AAAA\n",                                                                          "d",
     "a[192.0.2.1]:25 = a"                                                                                                                                                                                                            },
    {"dane, one family fails",
     {.level = "dane"},
     "d MX 10 a\na A 192.0.2.1\na FAIL AAAA\n_25._tcp.a TLSA " EE "\n",
     "d",                                                                                                                                      "451 4.7.5 TLSA lookup error for a:25, or none of its records can be used"             },
    {"dane, TLSA fails",
     {.level = "dane"},
     "d MX 10 a\na A 192.0.2.1\n_25._tcp.a FAIL\n",                                                                      "d",
     "451 4.7.5 TLSA lookup error for a:25, or none of its records can be used"                                                                                                                                                       },
    {"dane, TLSA of one fails",
     {.level = "dane"},
     "d MX 10 a\nd MX 20 b\na A 192.0.2.1\nb A 192.0.2.2\n_25._tcp.a FAIL\n_25._tcp.b TLSA " EE
     "\n",                                                                                                               "d",
     "b[192.0.2.2]:25/dane+1(b) = a,b tls=dane "                                                                                                                                                                                      },
    {"dane-only",
     {.level = "dane-only"},
     "d MX 10 a\nd MX 20 b\na A 192.0.2.1\nb A 192.0.2.2\n_25._tcp.b TLSA " EE "\n",
     "d",                                                                                                                                      "b[192.0.2.2]:25/dane+1(b) = a,b tls=dane-only "                                       },
    {"dane-only without records",
     {.level = "dane-only"},
     "d MX 10 a\na A 192.0.2.1\n",                                                                                       "d",
     "451 4.7.5 TLSA lookup error for a:25, or none of its records can be used"                                                                                                                                                       },
    {"dane at the CNAME",
     {.level = "dane"},
     "d MX 10 a\na CNAME b\nb A 192.0.2.1\n_25._tcp.b TLSA " EE "\n",
     "d",                                                                                                                                      "a[192.0.2.1]:25/dane+1(b) = a tls=dane "                                              },
    {"dane before the CNAME",
     {.level = "dane"},
     "d MX 10 a\na CNAME b\nb A 192.0.2.1\n_25._tcp.a TLSA " EE "\n",
     "d",                                                                                                                                      "a[192.0.2.1]:25/dane+1(a) = a tls=dane "                                              },
    {"dane of a host",
     {.level = "dane"},
     "h A 192.0.2.1\n_587._tcp.h TLSA " EE "\n",
     "[h]:587",                                                                                                                                "h[192.0.2.1]:587/dane+1(h) = [h]:587 tls=dane "                                       },

    {"sts",
     {.sts = true},
     "example.com MX 10 mx1.example.com\nexample.com MX 20 evil.example\n"
     "example.com MX 30 a.in.example.com\nmx1.example.com A 192.0.2.1\nevil.example A "
     "192.0.2.2\na.in.example.com A 192.0.2.3\n",                                                                        "example.com",
     "mx1.example.com[192.0.2.1]:25/secure(mx1.example.com) "
     "a.in.example.com[192.0.2.3]:25/secure(a.in.example.com)"
     " = mx1.example.com,evil.example,a.in.example.com sts"                                                                                                                                                                           },
    {"sts, none named",
     {.sts = true},
     "example.com MX 10 evil.example\nevil.example A 192.0.2.2\n",                                                       "example.com",
     "451 4.7.5 MTA-STS: the policy of example.com names none of its mail exchangers "
     "(evil.example)"                                                                                                                                                                                                                 },
    {"sts of another",             {.sts = true},                                          "d MX 10 a\na A 192.0.2.1\n", "d",                  "a[192.0.2.1]:25 = a"                                                                  },
    {"sts beside dane",
     {.sts = true, .level = "dane"},
     "example.com MX 10 mx1.example.com\nmx1.example.com A 192.0.2.1\n"
     "_25._tcp.mx1.example.com TLSA " EE "\n",
     "example.com",                                                                                                                            "mx1.example.com[192.0.2.1]:25/dane+1(mx1.example.com) = mx1.example.com tls=dane  sts"},
};

static void run_rows(bool deferred)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world w;
        struct heard h = {0};

        world_open(&w, &rows[i].setup, rows[i].zone);
        w.dns.deferred = deferred;
        resolve(&w, rows[i].nexthop, &h);
        while (dns_table_answer(&w.dns))
            ;
        assert_int_equal(h.times, 1);
        if (strcmp(h.text, rows[i].expected) != 0)
            fail_msg("%s:\n  %s\nnot\n  %s", rows[i].name, h.text, rows[i].expected);
        world_close(&w);
    }
}

static void at_once(void **state)
{
    (void)state;
    run_rows(false);
}

static void later(void **state)
{
    (void)state;
    run_rows(true);
}

/* R11: a domain with 100 exchangers costs no more questions than one with sixteen. */
static void many(void **state)
{
    static char zone[20000];
    size_t len = 0;
    struct world w;
    struct heard h = {0};

    (void)state;
    for (unsigned i = 0; i < 100; i++)
        len += (size_t)snprintf(zone + len, sizeof(zone) - len,
                                "d MX %u h%u\nh%u A 192.0.2.%u\nh%u AAAA 2001:db8::%u\n", i + 1, i,
                                i, i + 1, i, i + 1);
    world_open(&w, &(struct setup){0}, zone);
    resolve(&w, "d", &h);
    assert_int_equal(w.dns.asked, 1 + 2 * 16);
    assert_memory_equal(h.text, "h0[192.0.2.1]:25 h0[2001:db8::1]:25 h1[", 39);
    world_close(&w);
}

static void remembered(void **state)
{
    struct world w;
    struct heard h = {0};

    (void)state;
    now = 1;
    world_open(&w, &(struct setup){0}, "d A 192.0.2.1\n");
    resolve(&w, "d", &h);
    assert_int_equal(w.dns.asked, 3);
    now += 59 * UINT64_C(1000000000);
    resolve(&w, "d", &h);
    assert_int_equal(w.dns.asked, 3);
    now += 2 * UINT64_C(1000000000);
    resolve(&w, "d", &h);
    assert_int_equal(w.dns.asked, 6);
    relay_resolve_forget(w.resolver);
    resolve(&w, "d", &h);
    assert_int_equal(w.dns.asked, 9);
    assert_int_equal(h.times, 4);

    /* A failure is asked again soon. */
    w.dns.zone = "e FAIL\n";
    resolve(&w, "e", &h);
    resolve(&w, "e", &h);
    assert_int_equal(w.dns.asked, 10);
    now += 31 * UINT64_C(1000000000);
    resolve(&w, "e", &h);
    assert_int_equal(w.dns.asked, 11);

    /* Three are kept, the least used goes. */
    w.dns.zone = "";
    resolve(&w, "f", &h);
    resolve(&w, "d", &h);
    resolve(&w, "g", &h); /* e goes */
    w.dns.asked = 0;
    resolve(&w, "f", &h);
    resolve(&w, "g", &h);
    assert_int_equal(w.dns.asked, 0);
    resolve(&w, "e", &h);
    assert_int_equal(w.dns.asked, 1);
    world_close(&w);
    now = 0;
}

/* Who asks for the same waits with the first; more next hops than may be looked up are told so. */
static void together(void **state)
{
    struct world w;
    struct heard first = {0}, second = {0}, other = {0}, third = {0};

    (void)state;
    world_open(&w, &(struct setup){0}, "d A 192.0.2.1\n");
    w.dns.deferred = true;
    resolve(&w, "d", &first);
    resolve(&w, "d", &second);
    assert_int_equal(w.dns.asked, 1);
    resolve(&w, "e", &other);
    resolve(&w, "f", &third);
    assert_string_equal(third.text, "451 4.4.3 too many next hops are being looked up");
    relay_resolve_forget(w.resolver);
    while (dns_table_answer(&w.dns))
        ;
    assert_int_equal(first.times + second.times + other.times, 3);
    assert_string_equal(first.text, second.text);
    resolve(&w, "d", &first); /* forgotten while it was looked up */
    assert_int_equal(w.dns.waiting, 1);
    world_close(&w); /* one still waits */
}

static struct world *telling;
static void ask_again(void *context, const struct relay_answer *answer)
{
    unsigned *left = context;
    struct relay_route route = {.transport = RELAY_BY_SMTP, .nexthop = "d"};

    assert_int_equal(answer->status, RELAY_ANSWER_HOSTS);
    relay_resolve_forget(telling->resolver);
    if (*left == 0)
        return;
    --*left;
    relay_resolve(telling->resolver, &route, ask_again, left);
}

/* Who is told may ask again and forget everything meanwhile. */
static void while_told(void **state)
{
    struct world w;
    unsigned left = 3;
    struct relay_route route = {.transport = RELAY_BY_SMTP, .nexthop = "d"};

    (void)state;
    telling = &w;
    world_open(&w, &(struct setup){0}, "d A 192.0.2.1\n");
    relay_resolve(w.resolver, &route, ask_again, &left);
    assert_int_equal(left, 0);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_once),  cmocka_unit_test(later),      cmocka_unit_test(many),
        cmocka_unit_test(together), cmocka_unit_test(remembered), cmocka_unit_test(while_told),
    };

    random_seed(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
