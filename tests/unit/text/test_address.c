/* Envelope addresses: what is one, and what it means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "proto/text/address.h"

#define A32  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A64  A32 A32
#define L63  A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define D255 L63 "." L63 "." L63 "." L63

static const struct {
    const char *inside;
    unsigned flags;
    enum address_status status;
    const char *local, *domain, *written;
} rows[] = {
    {"a@b.example",          0,                    ADDRESS_OK,         "a",        "b.example",   "a@b.example"     },
    {"a",                    0,                    ADDRESS_OK,         "a",        "",            "a"               },
    {"a.b+c=d@e",            0,                    ADDRESS_OK,         "a.b+c=d",  "e",           "a.b+c=d@e"       },
    {"",                     0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"",                     ADDRESS_MAY_BE_EMPTY, ADDRESS_OK,         "",         "",            ""                },
    {"@b",                   0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"a@",                   0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"a@b@c",                0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"a b@c",                0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"a@b c",                0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"a@b.example.",         0,                    ADDRESS_OK,         "a",        "b.example",   "a@b.example"     },
    {"a@b..c",               0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"a@.b",                 0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"a@.",                  0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"a@b_c",                0,                    ADDRESS_OK,         "a",        "b_c",         "a@b_c"           },
    {"a..b@c",               0,                    ADDRESS_OK,         "a..b",     "c",           "\"a..b\"@c"      },
    {".a@c",                 0,                    ADDRESS_OK,         ".a",       "c",           "\".a\"@c"        },
    {"a.@c",                 0,                    ADDRESS_OK,         "a.",       "c",           "\"a.\"@c"        },
    {"\"a\"@c",              0,                    ADDRESS_OK,         "a",        "c",           "a@c"             },
    {"\"a b\"@c",            0,                    ADDRESS_OK,         "a b",      "c",           "\"a b\"@c"       },
    {"\"a@b\"@c",            0,                    ADDRESS_OK,         "a@b",      "c",           "\"a@b\"@c"       },
    {"\"a\\\"b\\\\\"@c",     0,                    ADDRESS_OK,         "a\"b\\",   "c",           "\"a\\\"b\\\\\"@c"},
    {"a.\"b c\".d@e",        0,                    ADDRESS_OK,         "a.b c.d",  "e",           "\"a.b c.d\"@e"   },
    {"\"\"@c",               0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"\"a@c",                0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"\"a\n\"@c",            0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"\"a\\",                0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"a\\ b@c",              0,                    ADDRESS_OK,         "a b",      "c",           "\"a b\"@c"       },
    {"a\\",                  0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"a(c)@b",               0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"<a@b>",                0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"@x,@y:a@b",            0,                    ADDRESS_OK,         "a",        "b",           "a@b"             },
    {"@x:a@b",               0,                    ADDRESS_OK,         "a",        "b",           "a@b"             },
    {"@x,:a@b",              0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"@x,y:a@b",             0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"@:a@b",                0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"@x:",                  0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"a@[1.2.3.4]",          0,                    ADDRESS_OK,         "a",        "[1.2.3.4]",   "a@[1.2.3.4]"     },
    {"a@[IPv6:::1]",         0,                    ADDRESS_OK,         "a",        "[IPv6:::1]",  "a@[IPv6:::1]"    },
    {"a@[1.2.3]",            0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"a@[1.2.3.256]",        0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"a@[IPv6:1]",           0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"a@[x:y]",              0,                    ADDRESS_OK,         "a",        "[x:y]",       "a@[x:y]"         },
    {"a@[",                  0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"a@[]",                 0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {A64 "@b",               0,                    ADDRESS_OK,         A64,        "b",           A64 "@b"          },
    {A64 "a@b",              0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {A64 "a@b",              ADDRESS_LONG_LOCAL,   ADDRESS_OK,         A64 "a",    "b",           A64 "a@b"         },
    {A64 A64 A64 A64 "a@b",  ADDRESS_LONG_LOCAL,   ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"a@" D255,              0,                    ADDRESS_OK,         "a",        D255,          "a@" D255         },
    {"a@" D255 "a",          0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"a@" A64,               0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"\xc3\xbc@b",           0,                    ADDRESS_NEEDS_UTF8, NULL,       NULL,          NULL              },
    {"\xc3\xbc@b\xc3\xbc.c", ADDRESS_MAY_BE_UTF8,  ADDRESS_OK,         "\xc3\xbc", "b\xc3\xbc.c",
     "\xc3\xbc@b\xc3\xbc.c"                                                                                         },
    {"\xe2\x82@b",           ADDRESS_MAY_BE_UTF8,  ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"\xc0\xaf@b",           ADDRESS_MAY_BE_UTF8,  ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"\xed\xa0\x80@b",       ADDRESS_MAY_BE_UTF8,  ADDRESS_BAD,        NULL,       NULL,          NULL              },
    {"a\x7f@b",              0,                    ADDRESS_BAD,        NULL,       NULL,          NULL              },
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct address a;
        char written[ADDRESS_TEXT_MAX];
        enum address_status status = address_parse(span_str(rows[i].inside), rows[i].flags, &a);

        if (status != rows[i].status)
            printf("row %zu: %s\n", i, rows[i].inside);
        assert_int_equal(status, rows[i].status);
        if (status != ADDRESS_OK)
            continue;
        assert_true(span_eq(address_local(&a), span_str(rows[i].local)));
        assert_true(span_eq(address_domain(&a), span_str(rows[i].domain)));
        assert_true(
            span_eq((struct span){written, address_write(&a, written)}, span_str(rows[i].written)));
    }
}

/* What was written means the same when it is read again. */
static void test_round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct address a, b;
        char written[ADDRESS_TEXT_MAX];
        unsigned flags = ADDRESS_MAY_BE_EMPTY | ADDRESS_MAY_BE_UTF8 | ADDRESS_LONG_LOCAL;

        if (address_parse(span_str(rows[i].inside), flags, &a) != ADDRESS_OK)
            continue;
        assert_int_equal(
            address_parse((struct span){written, address_write(&a, written)}, flags, &b),
            ADDRESS_OK);
        assert_true(span_eq(address_local(&a), address_local(&b)));
        assert_true(span_eq(address_domain(&a), address_domain(&b)));
    }
}

static void test_path(void **state)
{
    static const struct {
        const char *text;
        bool strict, good;
        const char *inside, *rest;
    } paths[] = {
        {"<a@b>",        true,  true,  "a@b",       ""       },
        {"<a@b> SIZE=1", true,  true,  "a@b",       " SIZE=1"},
        {"<>",           true,  true,  "",          ""       },
        {"<\">\"@b> x",  true,  true,  "\">\"@b",   " x"     },
        {"<a\\>b@c>",    true,  true,  "a\\>b@c",   ""       },
        {"a@b SIZE=1",   false, true,  "a@b",       " SIZE=1"},
        {"\"a b\"@c\tx", false, true,  "\"a b\"@c", "\tx"    },
        {"a@b",          true,  false, NULL,        NULL     },
        {"",             false, false, NULL,        NULL     },
        {"<a@b",         false, false, NULL,        NULL     },
        {"<a@b>x",       false, false, NULL,        NULL     },
        {"a>b",          false, false, NULL,        NULL     },
        {"<\"a>",        false, false, NULL,        NULL     },
        {" a",           false, false, NULL,        NULL     },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct span at = span_str(paths[i].text), inside;
        bool good = address_path(&at, paths[i].strict, &inside);

        assert_int_equal(good, paths[i].good);
        if (good) {
            assert_true(span_eq(inside, span_str(paths[i].inside)));
            assert_true(span_eq(at, span_str(paths[i].rest)));
        } else {
            assert_true(span_eq(at, span_str(paths[i].text)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
