#include "proto/text/base64.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum {
    NONE = 64,  /* no character of base64 */
    BLANK = 65, /* a line end or a blank: a body may have them anywhere */
    PAD = 66,
};

/* What each byte stands for. */
#define N8  NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE
#define N32 N8, N8, N8, N8
static const uint8_t values[256] = {
    NONE,  NONE,  NONE,  NONE, NONE, NONE,  NONE, NONE, /* 00 */
    NONE,  BLANK, BLANK, NONE, NONE, BLANK, NONE, NONE, /* 08: tab, LF, CR */
    N8,    N8,                                          /* 10 */
    BLANK, NONE,  NONE,  NONE, NONE, NONE,  NONE, NONE, /* 20 */
    NONE,  NONE,  NONE,  62,   NONE, NONE,  NONE, 63,   /* 28: + / */
    52,    53,    54,    55,   56,   57,    58,   59,   /* 30 */
    60,    61,    NONE,  NONE, NONE, PAD,   NONE, NONE, /* 38 */
    NONE,  0,     1,     2,    3,    4,     5,    6,    /* 40 */
    7,     8,     9,     10,   11,   12,    13,   14,   /* 48 */
    15,    16,    17,    18,   19,   20,    21,   22,   /* 50 */
    23,    24,    25,    NONE, NONE, NONE,  NONE, NONE, /* 58 */
    NONE,  26,    27,    28,   29,   30,    31,   32,   /* 60 */
    33,    34,    35,    36,   37,   38,    39,   40,   /* 68 */
    41,    42,    43,    44,   45,   46,    47,   48,   /* 70 */
    49,    50,    51,    NONE, NONE, NONE,  NONE, NONE, /* 78 */
    N32,   N32,   N32,   N32,
};

size_t base64_encode(struct span bytes, char *out)
{
    const unsigned char *from = (const unsigned char *)bytes.at;
    size_t left = bytes.len;
    char *to = out;

    for (; left >= 3; left -= 3, from += 3, to += 4) {
        to[0] = letters[from[0] >> 2];
        to[1] = letters[(from[0] & 3) << 4 | from[1] >> 4];
        to[2] = letters[(from[1] & 15) << 2 | from[2] >> 6];
        to[3] = letters[from[2] & 63];
    }
    if (left > 0) {
        unsigned second = left == 2 ? from[1] : 0;

        to[0] = letters[from[0] >> 2];
        to[1] = letters[(from[0] & 3U) << 4 | second >> 4];
        to[2] = left == 2 ? letters[(second & 15U) << 2] : '=';
        to[3] = '=';
        to += 4;
    }
    return (size_t)(to - out);
}

static uint8_t value_at(struct span text, size_t index)
{
    return values[(unsigned char)text.at[index]];
}

/* The last group, which may be padded. Returns its bytes, 0 when it is malformed. */
static size_t decode_last(struct span group, char *out)
{
    uint8_t a = value_at(group, 0), b = value_at(group, 1);
    uint8_t c = value_at(group, 2), d = value_at(group, 3);

    if (a >= 64 || b >= 64)
        return 0;
    out[0] = (char)(a << 2 | b >> 4);
    if (c == PAD)
        return d == PAD && (b & 15) == 0 ? 1 : 0;
    if (c >= 64)
        return 0;
    out[1] = (char)(b << 4 | c >> 2);
    if (d == PAD)
        return (c & 3) == 0 ? 2 : 0;
    if (d >= 64)
        return 0;
    out[2] = (char)(c << 6 | d);
    return 3;
}

bool base64_decode(struct span text, char *out, size_t *len_r)
{
    size_t groups = text.len / 4, len = 0, last;

    if (text.len % 4 != 0)
        return false;
    for (size_t i = 0; i + 1 < groups; i++) {
        uint8_t a = value_at(text, i * 4), b = value_at(text, i * 4 + 1);
        uint8_t c = value_at(text, i * 4 + 2), d = value_at(text, i * 4 + 3);

        if (a >= 64 || b >= 64 || c >= 64 || d >= 64)
            return false;
        out[len++] = (char)(a << 2 | b >> 4);
        out[len++] = (char)(b << 4 | c >> 2);
        out[len++] = (char)(c << 6 | d);
    }
    if (groups > 0) {
        last = decode_last(span_after(text, (groups - 1) * 4), out + len);
        if (last == 0)
            return false;
        len += last;
    }
    *len_r = len;
    return true;
}

/* Padding closes the group. What follows begins a new one: bodies made by joining encoded pieces
 * exist, and their text should be found; but no encoder of one piece writes them. */
static size_t close_group(struct base64_body *b, char *out)
{
    size_t len = 0;

    if (b->count == 2)
        out[len++] = (char)(b->bits >> 4);
    if (b->count == 3) {
        out[len++] = (char)(b->bits >> 10);
        out[len++] = (char)(b->bits >> 2);
    }
    if (b->count == 1 || (b->count == 0 && !b->padded))
        b->broken = true;
    b->count = 0;
    b->bits = 0;
    b->padded = true;
    return len;
}

/* Whole groups without blanks, the common run inside a line. Returns how many characters. */
static size_t decode_run(struct span text, char **out)
{
    size_t at = 0;
    char *to = *out;

    for (; at + 4 <= text.len; at += 4, to += 3) {
        uint8_t a = value_at(text, at), b = value_at(text, at + 1);
        uint8_t c = value_at(text, at + 2), d = value_at(text, at + 3);

        if ((a | b | c | d) >= 64)
            break;
        to[0] = (char)(a << 2 | b >> 4);
        to[1] = (char)(b << 4 | c >> 2);
        to[2] = (char)(c << 6 | d);
    }
    *out = to;
    return at;
}

static size_t decode_one(struct base64_body *b, uint8_t value, char *out)
{
    if (value == BLANK)
        return 0;
    if (value == PAD)
        return close_group(b, out);
    if (value == NONE || b->padded)
        b->broken = true;
    if (value == NONE)
        return 0;
    b->bits = b->bits << 6 | value;
    if (++b->count < 4)
        return 0;
    out[0] = (char)(b->bits >> 16);
    out[1] = (char)(b->bits >> 8);
    out[2] = (char)b->bits;
    b->count = 0;
    b->bits = 0;
    return 3;
}

size_t base64_body_decode(struct base64_body *b, struct span text, char *out)
{
    char *to = out;
    size_t at = 0;

    while (at < text.len) {
        if (b->count == 0 && !b->padded)
            at += decode_run(span_after(text, at), &to);
        if (at < text.len)
            to += decode_one(b, value_at(text, at++), to);
    }
    return (size_t)(to - out);
}

bool base64_body_end(const struct base64_body *b)
{
    return !b->broken && b->count == 0;
}
