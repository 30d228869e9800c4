#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "core/base/crc32c.h"

/* Bit by bit, straight from the definition. */
static uint32_t plain_crc32c(const unsigned char *at, size_t len)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < len; i++) {
        crc ^= at[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82F63B78) : 0);
    }
    return ~crc;
}

static unsigned char bytes[20000];

static void known_values(void **state UNUSED)
{
    static const unsigned char zeros[32];

    assert_int_equal(crc32c(0, "123456789", 9), UINT32_C(0xE3069283));
    assert_int_equal(crc32c(0, zeros, 32), UINT32_C(0x8A9136AA)); /* RFC 3720 B.4 */
    assert_int_equal(crc32c(0, "", 0), 0);
}

static void all_lengths_and_starts(void **state UNUSED)
{
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 2654435761U >> 13);
    for (size_t len = 0; len < sizeof(bytes) - 8; len += len < 100 ? 1 : 367)
        assert_int_equal(crc32c(0, bytes + len % 8, len), plain_crc32c(bytes + len % 8, len));
}

static void chained_calls(void **state UNUSED)
{
    uint32_t whole = crc32c(0, bytes, sizeof(bytes));

    for (size_t cut = 0; cut < sizeof(bytes); cut += 1013)
        assert_int_equal(crc32c(crc32c(0, bytes, cut), bytes + cut, sizeof(bytes) - cut), whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),
        cmocka_unit_test(all_lengths_and_starts),
        cmocka_unit_test(chained_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
