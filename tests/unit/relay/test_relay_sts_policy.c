/* MTA-STS: rows of TXT records, of policies, and of hosts that a policy names. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "core/relay/relay_sts_policy.h"

static void records(void **state)
{
    static const struct {
        const char *strings[3], *id;
    } rows[] = {
        {{"v=STSv1; id=20160831085700Z;"},                  "20160831085700Z"},
        {{"v=STSv1;id=a"},                                  "a"              },
        {{"v=STSv1 ; x=y ; id = b2 ; z"},                   "b2"             },
        {{"v=STS", "v1; id=", "c3;"},                       "c3"             },
        {{"v=STSv1;"},                                      NULL             },
        {{"v=STSv1; id="},                                  NULL             },
        {{"v=STSv1; id=a-b"},                               NULL             },
        {{"v=STSv1; id=123456789012345678901234567890123"}, NULL             },
        {{"v=STSv2; id=a"},                                 NULL             },
        {{"id=a; v=STSv1"},                                 NULL             },
        {{"v=spf1 -all"},                                   NULL             },
        {{""},                                              NULL             },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char rdata[300], id[RELAY_STS_ID_MAX + 1] = "";
        size_t len = 0;

        for (unsigned k = 0; k < 3 && rows[i].strings[k] != NULL; k++)
            len += (size_t)snprintf(rdata + len, sizeof(rdata) - len, "%c%s",
                                    (char)strlen(rows[i].strings[k]), rows[i].strings[k]);
        if (relay_sts_txt_parse((struct span){rdata, len}, id) != (rows[i].id != NULL) ||
            (rows[i].id != NULL && strcmp(id, rows[i].id) != 0))
            fail_msg("row %zu: \"%s\"", i, id);
    }
    assert_false(relay_sts_txt_parse(SPAN("\177v=STSv1; id=a"), (char[RELAY_STS_ID_MAX + 1]){0}));
}

static void policies(void **state)
{
    static const struct {
        const char *body, *expected;
    } rows[] = {
        {"version: STSv1\nmode: enforce\nmx: A.example\nmx: *.b.example\nmax_age: 604800\n",
         "2 604800 a.example *.b.example"                                                                   },
        {"version: STSv1\r\nmode: testing\r\nmx: a.example\r\nmax_age: 1\r\n",               "1 1 a.example"},
        {"version: STSv1\nmode: none\nmax_age: 86400",                                       "0 86400 "     },
        {"max_age:99999999999\nversion:STSv1\nmode:none\n",                                  NULL           },
        {"max_age:9999999999\nversion:STSv1\nmode:none\n",                                   "0 31557600 "  },
        {"version: STSv1\nmode: enforce\nmax_age: 1\n",                                      NULL           },
        {"version: STSv1\nmode: enforce\nmx: *\nmax_age: 1\n",                               NULL           },
        {"version: STSv1\nmode: enforce\nmx: a b\nmx: c.example\nmax_age: 1\n",              "2 1 c.example"},
        {"version: STSv1\nmode: Enforce\nmx: a\nmax_age: 1\n",                               NULL           },
        {"version: STSv2\nmode: none\nmax_age: 1\n",                                         NULL           },
        {"mode: none\nmax_age: 1\n",                                                         NULL           },
        {"version: STSv1\nmax_age: 1\n",                                                     NULL           },
        {"version: STSv1\nmode: none\n",                                                     NULL           },
        {"version: STSv1\nmode: none\nmax_age: -1\n",                                        NULL           },
        {"version: STSv1\nmode: none\nmode: enforce\nmax_age: 2\nnew: thing\n\n",            "0 2 "         },
        {"<html>",                                                                           NULL           },
        {"",                                                                                 NULL           },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct relay_sts_policy p;
        char text[RELAY_STS_MX_MAX + 40] = "";

        if (relay_sts_policy_parse(span_str(rows[i].body), &p))
            snprintf(text, sizeof(text), "%u %u %s", (unsigned)p.mode, p.max_age_s, p.mx);
        if (strcmp(text, rows[i].expected ? rows[i].expected : "") != 0)
            fail_msg("row %zu: \"%s\"", i, text);
    }
}

static void hosts(void **state)
{
    static const struct {
        const char *host;
        bool named;
    } rows[] = {
        {"a.example",     true },
        {"x.b.example",   true },
        {"b.example",     false},
        {"x.y.b.example", false},
        {"x.example",     false},
        {"a.examplex",    false},
        {"localhost",     false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (relay_sts_policy_has("a.example *.b.example", rows[i].host) != rows[i].named)
            fail_msg("%s", rows[i].host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records),
        cmocka_unit_test(policies),
        cmocka_unit_test(hosts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
