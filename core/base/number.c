#include "core/base/number.h"

#include <string.h>

bool number_parse(struct span text, uint64_t max, uint64_t *number_r)
{
    uint64_t number = 0;

    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.at[i] - '0';

        if (digit > 9 || __builtin_mul_overflow(number, (uint64_t)10, &number) ||
            __builtin_add_overflow(number, (uint64_t)digit, &number) || number > max)
            return false;
    }
    *number_r = number;
    return true;
}

/* Digits are found from the last to the first, so they are gathered at the end of a buffer. */
static size_t number_write_base(char *at, uint64_t number, unsigned base, unsigned width)
{
    char digits[NUMBER_TEXT_MAX];
    size_t len = 0;

    do {
        digits[sizeof(digits) - ++len] = "0123456789ABCDEF"[number % base];
        number /= base;
    } while (number > 0 || len < width);
    memcpy(at, digits + sizeof(digits) - len, len);
    return len;
}

size_t number_write(char *at, uint64_t number)
{
    return number_write_base(at, number, 10, 1);
}

size_t number_write_hex(char *at, uint64_t number, unsigned width)
{
    return number_write_base(at, number, 16, width < 16 ? width : 16);
}
