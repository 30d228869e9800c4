#include "proto/imap/imap_utf7.h"

#include <stdint.h>

static const char utf7_digits[64] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

enum {
    UNIT_HIGH = 0xd800, /* UTF-16: the first of a pair */
    UNIT_LOW = 0xdc00,  /* the second */
    UNIT_END = 0xe000,
    CODE_PAIRED = 0x10000,
    CODE_REPLACEMENT = 0xfffd,
};

static bool is_plain(uint32_t code)
{
    return code >= 0x20 && code < 0x7f;
}

static int digit_value(char c)
{
    const char *at = memchr(utf7_digits, c, sizeof(utf7_digits));

    return at == NULL ? -1 : (int)(at - utf7_digits);
}

static size_t utf8_put(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < CODE_PAIRED) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* Where UTF-8 is being written, and the first half of a pair that waits for its second. */
struct utf7_sink {
    char *out;
    size_t size, len;
    uint32_t high;
};

static bool sink_code(struct utf7_sink *sink, uint32_t code)
{
    char bytes[4];
    size_t len = utf8_put(bytes, code);

    if (code < 0x20 || code == 0x7f || len > sink->size - sink->len)
        return false;
    memcpy(sink->out + sink->len, bytes, len);
    sink->len += len;
    return true;
}

/* One unit of UTF-16. What could be written plainly must be. */
static bool sink_unit(struct utf7_sink *sink, uint32_t unit)
{
    uint32_t high = sink->high;

    sink->high = 0;
    if (unit >= UNIT_LOW && unit < UNIT_END)
        return high != 0 &&
               sink_code(sink, CODE_PAIRED + ((high - UNIT_HIGH) << 10) + (unit - UNIT_LOW));
    if (high != 0 || is_plain(unit))
        return false;
    if (unit >= UNIT_HIGH && unit < UNIT_LOW) {
        sink->high = unit;
        return true;
    }
    return sink_code(sink, unit);
}

/* What stands between '&' and '-'. */
static bool decode_shifted(struct span digits, struct utf7_sink *sink)
{
    uint32_t bits = 0;
    unsigned count = 0;

    for (size_t i = 0; i < digits.len; i++) {
        int value = digit_value(digits.at[i]);

        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count < 16)
            continue;
        count -= 16;
        if (!sink_unit(sink, bits >> count & 0xffff))
            return false;
        bits &= (1U << count) - 1;
    }
    return count < 6 && bits == 0 && sink->high == 0;
}

bool imap_utf7_decode(struct span text, char *out, size_t size, size_t *len_r)
{
    struct utf7_sink sink = {.out = out, .size = size};
    bool was_shifted = false;

    while (text.len > 0) {
        const char *end;

        if (text.at[0] != '&') {
            if (!is_plain((unsigned char)text.at[0]) ||
                !sink_code(&sink, (unsigned char)text.at[0]))
                return false;
            text = span_after(text, 1);
            was_shifted = false;
            continue;
        }
        end = memchr(text.at, '-', text.len);
        if (end == NULL)
            return false;
        struct span digits = {text.at + 1, (size_t)(end - text.at) - 1};

        if (digits.len == 0) {
            if (!sink_code(&sink, '&'))
                return false;
        } else if (was_shifted || !decode_shifted(digits, &sink)) {
            return false;
        }
        was_shifted = digits.len > 0;
        text = span_after(text, digits.len + 2);
    }
    *len_r = sink.len;
    return true;
}

/* The first character of `text` and its length; what is no UTF-8 counts a byte. */
static uint32_t utf8_first(struct span text, size_t *len_r)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, CODE_PAIRED};
    unsigned char lead = (unsigned char)text.at[0];
    size_t len = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 0;
    uint32_t code = len <= 1 ? lead : lead & (0x7fU >> len);

    *len_r = 1;
    if (len == 0 || len > text.len || lead > 0xf4)
        return CODE_REPLACEMENT;
    for (size_t i = 1; i < len; i++) {
        if (((unsigned char)text.at[i] & 0xc0) != 0x80)
            return CODE_REPLACEMENT;
        code = code << 6 | ((unsigned char)text.at[i] & 0x3f);
    }
    if (code < least[len] || code > 0x10ffff || (code >= UNIT_HIGH && code < UNIT_END))
        return CODE_REPLACEMENT;
    *len_r = len;
    return code;
}

/* Digits on their way out. */
struct utf7_bits {
    struct chain *out;
    uint32_t bits;
    unsigned count;
};

static void bits_unit(struct utf7_bits *b, uint32_t unit)
{
    b->bits = b->bits << 16 | unit;
    b->count += 16;
    while (b->count >= 6) {
        b->count -= 6;
        chain_add_byte(b->out, utf7_digits[b->bits >> b->count & 0x3f]);
    }
    b->bits &= (1U << b->count) - 1;
}

static void bits_code(struct utf7_bits *b, uint32_t code)
{
    if (code < CODE_PAIRED) {
        bits_unit(b, code);
        return;
    }
    bits_unit(b, UNIT_HIGH + ((code - CODE_PAIRED) >> 10));
    bits_unit(b, UNIT_LOW + ((code - CODE_PAIRED) & 0x3ff));
}

static void bits_end(struct utf7_bits *b)
{
    if (b->count > 0)
        chain_add_byte(b->out, utf7_digits[b->bits << (6 - b->count) & 0x3f]);
    chain_add_byte(b->out, '-');
    *b = (struct utf7_bits){.out = b->out};
}

void imap_utf7_encode(struct span name, struct chain *out)
{
    struct utf7_bits b = {.out = out};
    bool shifted = false;
    size_t len;

    for (; name.len > 0; name = span_after(name, len)) {
        uint32_t code = utf8_first(name, &len);

        if (shifted && is_plain(code))
            bits_end(&b);
        else if (!shifted && !is_plain(code))
            chain_add_byte(out, '&');
        shifted = !is_plain(code);
        if (shifted)
            bits_code(&b, code);
        else
            chain_add_byte(out, (char)code);
        if (code == '&')
            chain_add_byte(out, '-');
    }
    if (shifted)
        bits_end(&b);
}
