#include "proto/text/utf7.h"

#include <stdint.h>

#include "proto/text/charset.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool is_direct(uint32_t code)
{
    return code >= 0x20 && code <= 0x7e;
}

/* ---- decoding */

static int value_of(char c)
{
    const char *found = c == '\0' ? NULL : memchr(letters, c, sizeof(letters) - 1);

    return found == NULL ? -1 : (int)(found - letters);
}

static void add_utf8(struct buffer *out, uint32_t code)
{
    if (code < 0x80) {
        buffer_add_byte(out, (char)code);
    } else if (code < 0x800) {
        buffer_add_byte(out, (char)(0xc0 | code >> 6));
        buffer_add_byte(out, (char)(0x80 | (code & 63)));
    } else if (code < 0x10000) {
        buffer_add_byte(out, (char)(0xe0 | code >> 12));
        buffer_add_byte(out, (char)(0x80 | (code >> 6 & 63)));
        buffer_add_byte(out, (char)(0x80 | (code & 63)));
    } else {
        buffer_add_byte(out, (char)(0xf0 | code >> 18));
        buffer_add_byte(out, (char)(0x80 | (code >> 12 & 63)));
        buffer_add_byte(out, (char)(0x80 | (code >> 6 & 63)));
        buffer_add_byte(out, (char)(0x80 | (code & 63)));
    }
}

/* One UTF-16 unit. *high holds the first half of a pair, or 0. */
static bool add_unit(struct buffer *out, uint32_t unit, uint32_t *high)
{
    bool is_low = unit >= 0xdc00 && unit <= 0xdfff;

    if ((*high != 0) != is_low)
        return false;
    if (unit >= 0xd800 && unit <= 0xdbff) {
        *high = unit;
        return true;
    }
    if (is_low)
        unit = 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00);
    else if (is_direct(unit) || unit == 0)
        return false;
    *high = 0;
    add_utf8(out, unit);
    return true;
}

/* Behind '&': base64 of UTF-16BE up to '-'. */
static bool decode_run(struct span *at, struct buffer *out)
{
    uint32_t bits = 0, high = 0;
    unsigned count = 0;

    if (at->len == 0 || at->at[0] == '-')
        return false;
    for (; at->len > 0 && at->at[0] != '-'; *at = span_after(*at, 1)) {
        int value = value_of(at->at[0]);

        if (value < 0)
            return false;
        bits = (bits << 6 | (uint32_t)value) & 0xffffff;
        count += 6;
        if (count >= 16) {
            count -= 16;
            if (!add_unit(out, bits >> count & 0xffff, &high))
                return false;
        }
    }
    if (at->len == 0 || high != 0 || count >= 6 || (bits & ((1U << count) - 1)) != 0)
        return false;
    *at = span_after(*at, 1);
    return true;
}

static bool decode(struct span at, struct buffer *out)
{
    bool after_run = false;

    while (at.len > 0) {
        char c = at.at[0];

        at = span_after(at, 1);
        if (c != '&') {
            if (!is_direct((unsigned char)c))
                return false;
            buffer_add_byte(out, c);
            after_run = false;
        } else if (at.len > 0 && at.at[0] == '-') {
            at = span_after(at, 1);
            buffer_add_byte(out, '&');
            after_run = false;
        } else {
            if (after_run || !decode_run(&at, out))
                return false;
            after_run = true;
        }
    }
    return true;
}

bool utf7_decode(struct span utf7, struct buffer *out)
{
    size_t from = out->len;

    if (decode(utf7, out))
        return true;
    out->len = from;
    return false;
}

/* ---- encoding */

static uint32_t code_of(struct span character)
{
    const unsigned char *b = (const unsigned char *)character.at;

    switch (character.len) {
    case 1:
        return b[0];
    case 2:
        return (b[0] & 31U) << 6 | (b[1] & 63U);
    case 3:
        return (b[0] & 15U) << 12 | (b[1] & 63U) << 6 | (b[2] & 63U);
    default:
        return (b[0] & 7U) << 18 | (b[1] & 63U) << 12 | (b[2] & 63U) << 6 | (b[3] & 63U);
    }
}

/* A run of base64 being written. */
struct run {
    bool open;
    uint32_t bits;
    unsigned count;
};

static void put_unit(struct run *run, uint32_t unit, struct buffer *out)
{
    run->bits = run->bits << 16 | unit;
    run->count += 16;
    for (; run->count >= 6; run->count -= 6)
        buffer_add_byte(out, letters[run->bits >> (run->count - 6) & 63]);
    run->bits &= (1U << run->count) - 1;
}

static void close_run(struct run *run, struct buffer *out)
{
    if (!run->open)
        return;
    if (run->count > 0)
        buffer_add_byte(out, letters[run->bits << (6 - run->count) & 63]);
    buffer_add_byte(out, '-');
    *run = (struct run){0};
}

static void put_code(struct run *run, uint32_t code, struct buffer *out)
{
    if (!run->open)
        buffer_add_byte(out, '&');
    run->open = true;
    if (code >= 0x10000) {
        put_unit(run, 0xd800 + ((code - 0x10000) >> 10), out);
        put_unit(run, 0xdc00 + (code & 0x3ff), out);
    } else {
        put_unit(run, code, out);
    }
}

bool utf7_encode(struct span utf8, struct buffer *out)
{
    size_t from = out->len;
    struct run run = {0};

    while (utf8.len > 0) {
        size_t len = charset_char_len(utf8);
        uint32_t code = len == 0 ? 0 : code_of(span_first(utf8, len));

        if (code == 0) { /* not UTF-8, or a NUL, which no name may hold */
            out->len = from;
            return false;
        }
        if (is_direct(code)) {
            close_run(&run, out);
            buffer_add(out, code == '&' ? SPAN("&-") : span_first(utf8, len));
        } else {
            put_code(&run, code, out);
        }
        utf8 = span_after(utf8, len);
    }
    close_run(&run, out);
    return true;
}
