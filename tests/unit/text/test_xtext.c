/* xtext in and out (RFC 3461 4; HOSTILE S25). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "proto/text/xtext.h"

static const struct {
    const char *text, *decoded; /* NULL: refused */
} rows[] = {
    {"abc",          "abc"     },
    {"",             ""        },
    {"a+2Bb+3Dc",    "a+b=c"   },
    {"+20",          " "       },
    {"+C3+BC",       "\xc3\xbc"},
    {"a+0Ab",        NULL      },
    {"a+0Db",        NULL      },
    {"a+00b",        NULL      },
    {"+7F",          NULL      },
    {"+",            NULL      },
    {"+2",           NULL      },
    {"+2b",          NULL      },
    {"+GG",          NULL      },
    {"a=b",          NULL      },
    {"a b",          NULL      },
    {"a\xc3\xbc",    NULL      },
    {"123456789012", NULL      },
};

static void test_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[11];
        size_t len = 0;
        bool good = xtext_decode(span_str(rows[i].text), text, sizeof(text), &len);

        assert_int_equal(good, rows[i].decoded != NULL);
        if (good)
            assert_true(span_eq((struct span){text, len}, span_str(rows[i].decoded)));
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    for (unsigned c = ' '; c < 256; c++) {
        char byte = (char)c, encoded[3], decoded[1];
        size_t len = xtext_encode((struct span){&byte, 1}, encoded), back;
        bool good = xtext_decode((struct span){encoded, len}, decoded, 1, &back);

        assert_int_equal(good, c != 0x7f);
        if (good)
            assert_true(back == 1 && decoded[0] == byte);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
