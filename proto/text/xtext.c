#include "proto/text/xtext.h"

static int xtext_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool xtext_is_plain(char c)
{
    return c >= '!' && c <= '~' && c != '+' && c != '=';
}

bool xtext_decode(struct span text, char *at, size_t size, size_t *len_r)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        int byte = (unsigned char)text.at[i];

        if (text.at[i] == '+') {
            int high = text.len - i > 2 ? xtext_digit(text.at[i + 1]) : -1;
            int low = text.len - i > 2 ? xtext_digit(text.at[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            byte = high << 4 | low;
            i += 2;
        } else if (!xtext_is_plain(text.at[i])) {
            return false;
        }
        if (byte < ' ' || byte == 0x7f || len == size)
            return false;
        at[len++] = (char)byte;
    }
    *len_r = len;
    return true;
}

size_t xtext_encode(struct span text, char *at)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.at[i];

        if (xtext_is_plain(text.at[i])) {
            at[len++] = text.at[i];
            continue;
        }
        at[len++] = '+';
        at[len++] = "0123456789ABCDEF"[byte >> 4];
        at[len++] = "0123456789ABCDEF"[byte & 15];
    }
    return len;
}
