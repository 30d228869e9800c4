#include "proto/mime/rfc2047.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/base/attr.h"

/* Pairs of a field's value and its text. */
static const char *const rows[][2] = {
    {"",                                              ""                        },
    {"plain text",                                    "plain text"              },
    {"folded\r\n text\n\there",                       "folded text\there"       },
    {"=?utf-8?q?Gr=C3=BC=C3=9Fe?=",                   "Gr\xc3\xbc\xc3\x9f"
                                    "e"      },
    {"=?UTF-8?B?R3LDvMOfZQ==?=",                      "Gr\xc3\xbc\xc3\x9f"
                                 "e"            },
    {"=?iso-8859-1?Q?a_b=FC?= c",                     "a b\xc3\xbc c"           },
    {"=?utf-8*de?q?a?=",                              "a"                       },
    {"a =?utf-8?q?b?= c =?utf-8?q?d?=",               "a b c d"                 },
    {"=?utf-8?q?a?= =?utf-8?q?b?=\r\n =?utf-8?q?c?=", "abc"                     },
    {"=?utf-8?q?a?= x =?utf-8?q?b?=",                 "a x b"                   },
    {"=?utf-8?q?=C3?= =?utf-8?q?=BC?=",               "\xc3\xbc"                },
    {"=?utf-8?b?w7w=?= =?iso-8859-1?q?=FC?=",         "\xc3\xbc\xc3\xbc"        },
    {"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=",            "\xe6\x97\xa5\xe6\x9c\xac"},
    {"(=?utf-8?q?a?=)",                               "(a)"                     },
    {"=?utf-8?q?"
     "?=x",                                      "x"                       },
    {"=?utf-8?q?=C3?=",                               "\xef\xbf\xbd"            },
    {"=?utf-8?q?a=?=",                                "a="                      },
    {"=?utf-8?q?=zz?=",                               "=zz"                     },
 /* What is no encoded word stays as it is. */
    {"=?no-such?q?a?=",                               "=?no-such?q?a?="         },
    {"=?no-such?q?a?= =?utf-8?q?b?=",                 "=?no-such?q?a?= b"       },
    {"=?utf-8?x?a?=",                                 "=?utf-8?x?a?="           },
    {"=?utf-8?q?a",                                   "=?utf-8?q?a"             },
    {"=?utf-8?q?a?",                                  "=?utf-8?q?a?"            },
    {"=?utf-8?q",                                     "=?utf-8?q"               },
    {"=?",                                            "=?"                      },
    {"=",                                             "="                       },
    {"=??q?a?=",                                      "=??q?a?="                },
    {"=?=?utf-8?q?a?=",                               "=?a"                     },
    {"a\xff",                                         "a\xef\xbf\xbd"           },
    {"gr\xc3\xbcn",                                   "gr\xc3\xbcn"             },
};

static void decodes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buffer out = {0};

        rfc2047_decode(span_str(rows[i][0]), &out);
        if (!span_eq(buffer_since(&out, 0), span_str(rows[i][1])))
            fail_msg("%s: got \"%.*s\"", rows[i][0], (int)out.len, out.at);
        buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
