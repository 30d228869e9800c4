#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "core/base/number.h"

static void parse_rows(void **state UNUSED)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool good;
        uint64_t number;
    } rows[] = {
        {"0",                     UINT64_MAX, true,  0         },
        {"007",                   UINT64_MAX, true,  7         },
        {"18446744073709551615",  UINT64_MAX, true,  UINT64_MAX},
        {"18446744073709551616",  UINT64_MAX, false, 0         },
        {"184467440737095516150", UINT64_MAX, false, 0         },
        {"255",                   255,        true,  255       },
        {"256",                   255,        false, 0         },
        {"",                      UINT64_MAX, false, 0         },
        {"-1",                    UINT64_MAX, false, 0         },
        {"+1",                    UINT64_MAX, false, 0         },
        {" 1",                    UINT64_MAX, false, 0         },
        {"1 ",                    UINT64_MAX, false, 0         },
        {"1\xff",                 UINT64_MAX, false, 0         },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t number = 0;

        assert_int_equal(number_parse(span_str(rows[i].text), rows[i].max, &number), rows[i].good);
        if (rows[i].good)
            assert_true(number == rows[i].number);
    }
}

static void write_rows(void **state UNUSED)
{
    char text[NUMBER_TEXT_MAX + 1] = {0};

    assert_int_equal(number_write(text, 0), 1);
    assert_memory_equal(text, "0", 1);
    assert_int_equal(number_write(text, UINT64_MAX), 20);
    assert_string_equal(text, "18446744073709551615");
    assert_int_equal(number_write_hex(text, 0xBEEF, 8), 8);
    assert_memory_equal(text, "0000BEEF", 8);
    assert_int_equal(number_write_hex(text, UINT64_MAX, 1), 16);
    assert_memory_equal(text, "FFFFFFFFFFFFFFFF", 16);
}

static void bytes_are_little_endian(void **state UNUSED)
{
    unsigned char at[9] = {0};

    number_put64(at + 1, UINT64_C(0x0123456789ABCDEF));
    assert_int_equal(at[1], 0xEF);
    assert_int_equal(at[8], 0x01);
    assert_true(number_get64(at + 1) == UINT64_C(0x0123456789ABCDEF));
    assert_true(number_get32(at + 1) == UINT32_C(0x89ABCDEF));
    assert_int_equal(number_get16(at + 1), 0xCDEF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_rows),
        cmocka_unit_test(write_rows),
        cmocka_unit_test(bytes_are_little_endian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
