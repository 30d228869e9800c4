/* IP addresses in and out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "proto/text/ip.h"

static const struct {
    const char *text, *written; /* written NULL: it is none */
} rows[] = {
    {"1.2.3.4",                                  "1.2.3.4"             },
    {"255.255.255.255",                          "255.255.255.255"     },
    {"0.0.0.0",                                  "0.0.0.0"             },
    {"1.2.3",                                    NULL                  },
    {"1.2.3.4.5",                                NULL                  },
    {"1.2.3.256",                                NULL                  },
    {"01.2.3.4",                                 NULL                  },
    {"1.2.3.4 ",                                 NULL                  },
    {"1..3.4",                                   NULL                  },
    {"",                                         NULL                  },
    {"::",                                       "::"                  },
    {"::1",                                      "::1"                 },
    {"1::",                                      "1::"                 },
    {"2001:DB8:0:0:0:0:0:1",                     "2001:db8::1"         },
    {"2001:db8::0:1",                            "2001:db8::1"         },
    {"2001:db8:0:1:1:1:1:1",                     "2001:db8:0:1:1:1:1:1"},
    {"1:0:0:2:0:0:0:3",                          "1:0:0:2::3"          },
    {"1:0:0:2:3:0:0:4",                          "1::2:3:0:0:4"        },
    {"::ffff:1.2.3.4",                           "::ffff:102:304"      },
    {"1:2:3:4:5:6:1.2.3.4",                      "1:2:3:4:5:6:102:304" },
    {"1:2:3:4:5:6:7:8",                          "1:2:3:4:5:6:7:8"     },
    {"1:2:3:4:5:6:7::",                          "1:2:3:4:5:6:7:0"     },
    {"1:2:3:4:5:6:7:8::",                        NULL                  },
    {"1:2:3:4:5:6:7:8:9",                        NULL                  },
    {"1:2:3:4:5:6:7:1.2.3.4",                    NULL                  },
    {"1:2:3:4:5:6:7",                            NULL                  },
    {":1",                                       NULL                  },
    {"1:",                                       NULL                  },
    {":::",                                      NULL                  },
    {"1::2::3",                                  NULL                  },
    {"12345::",                                  NULL                  },
    {"g::",                                      NULL                  },
    {"1:2:3:4:5:6:7:00000000000000000000000008", NULL                  },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ip ip;
        char text[IP_TEXT_MAX];
        bool good = ip_parse(span_str(rows[i].text), &ip);

        if (good != (rows[i].written != NULL))
            printf("row %zu: %s\n", i, rows[i].text);
        assert_int_equal(good, rows[i].written != NULL);
        if (!good)
            continue;
        ip_write(&ip, text);
        assert_string_equal(text, rows[i].written);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
