#include "proto/text/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "core/base/ensure.h"

static const struct span replacement = {"\xef\xbf\xbd", 3};

/* What may be given to iconv, by the names that mail uses. Sorted by use, not by name: it is only
 * read for texts that are neither UTF-8 nor Latin-1. */
static const struct {
    const char *name, *iconv_name;
} known[] = {
    {"iso-8859-2",     "ISO-8859-2" },
    {"iso-8859-3",     "ISO-8859-3" },
    {"iso-8859-4",     "ISO-8859-4" },
    {"iso-8859-5",     "ISO-8859-5" },
    {"iso-8859-6",     "ISO-8859-6" },
    {"iso-8859-7",     "ISO-8859-7" },
    {"iso-8859-8",     "ISO-8859-8" },
    {"iso-8859-8-i",   "ISO-8859-8" },
    {"iso-8859-9",     "ISO-8859-9" },
    {"iso-8859-10",    "ISO-8859-10"},
    {"iso-8859-13",    "ISO-8859-13"},
    {"iso-8859-14",    "ISO-8859-14"},
    {"iso-8859-15",    "ISO-8859-15"},
    {"iso-8859-16",    "ISO-8859-16"},
    {"windows-1250",   "CP1250"     },
    {"windows-1251",   "CP1251"     },
    {"windows-1253",   "CP1253"     },
    {"windows-1254",   "CP1254"     },
    {"windows-1255",   "CP1255"     },
    {"windows-1256",   "CP1256"     },
    {"windows-1257",   "CP1257"     },
    {"windows-1258",   "CP1258"     },
    {"windows-874",    "CP874"      },
    {"cp1250",         "CP1250"     },
    {"cp1251",         "CP1251"     },
    {"koi8-r",         "KOI8-R"     },
    {"koi8-u",         "KOI8-U"     },
    {"iso-2022-jp",    "ISO-2022-JP"},
    {"shift_jis",      "CP932"      },
    {"shift-jis",      "CP932"      },
    {"x-sjis",         "CP932"      },
    {"windows-31j",    "CP932"      },
    {"cp932",          "CP932"      },
    {"euc-jp",         "EUC-JP"     },
    {"gb2312",         "GB18030"    },
    {"gbk",            "GB18030"    },
    {"gb18030",        "GB18030"    },
    {"big5",           "BIG5-HKSCS" },
    {"big5-hkscs",     "BIG5-HKSCS" },
    {"euc-kr",         "CP949"      },
    {"ks_c_5601-1987", "CP949"      },
    {"cp949",          "CP949"      },
    {"iso-2022-kr",    "ISO-2022-KR"},
    {"tis-620",        "TIS-620"    },
    {"utf-7",          "UTF-7"      },
    {"utf-16",         "UTF-16"     },
    {"utf-16le",       "UTF-16LE"   },
    {"utf-16be",       "UTF-16BE"   },
    {"utf-32",         "UTF-32"     },
    {"macintosh",      "MACINTOSH"  },
    {"ibm437",         "IBM437"     },
    {"ibm850",         "IBM850"     },
    {"ibm866",         "IBM866"     },
};

static const struct {
    const char *name;
    enum charset_kind kind;
} built_in[] = {
    {"utf-8",        CHARSET_UTF8       },
    {"us-ascii",     CHARSET_UTF8       },
    {"",             CHARSET_UTF8       },
    {"utf8",         CHARSET_UTF8       },
    {"ascii",        CHARSET_UTF8       },
    {"iso-8859-1",   CHARSET_LATIN1     },
    {"latin1",       CHARSET_LATIN1     },
    {"windows-1252", CHARSET_WINDOWS1252},
    {"cp1252",       CHARSET_WINDOWS1252},
};

/* 0x80 to 0x9f of windows-1252; 0 where it has no character. */
static const uint16_t windows1252[32] = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178,
};

/* ---- UTF-8 */

static bool is_tail(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t charset_char_len(struct span text)
{
    const unsigned char *b = (const unsigned char *)text.at;

    if (text.len == 0)
        return 0;
    if (b[0] < 0x80)
        return 1;
    if (text.len < 2 || b[0] < 0xc2 || b[0] > 0xf4 || !is_tail(text.at[1]))
        return 0;
    if (b[0] < 0xe0)
        return 2;
    if (text.len < 3 || !is_tail(text.at[2]) || (b[0] == 0xe0 && b[1] < 0xa0) ||
        (b[0] == 0xed && b[1] > 0x9f))
        return 0;
    if (b[0] < 0xf0)
        return 3;
    if (text.len < 4 || !is_tail(text.at[3]) || (b[0] == 0xf0 && b[1] < 0x90) ||
        (b[0] == 0xf4 && b[1] > 0x8f))
        return 0;
    return 4;
}

/* The bytes at the end of a cut may be a character whose rest is still to come. */
static bool may_continue(struct span text)
{
    static const char *const completions[] = {"\x80\x80\x80", "\x90\x80\x80", "\xa0\x80\x80"};
    char whole[8];

    if (text.len == 0 || text.len > 3)
        return false;
    for (size_t i = 0; i < COUNT_OF(completions); i++) {
        memcpy(whole, text.at, text.len);
        memcpy(whole + text.len, completions[i], 3);
        if (charset_char_len((struct span){whole, text.len + 3}) > text.len)
            return true;
    }
    return false;
}

static size_t ascii_len(struct span text)
{
    enum {
        STEP = 4
    };
    size_t i = 0;
    uint64_t words[STEP];

    for (; i + sizeof(words) <= text.len; i += sizeof(words)) {
        memcpy(words, text.at + i, sizeof(words));
        if (((words[0] | words[1] | words[2] | words[3]) & 0x8080808080808080U) != 0)
            break;
    }
    while (i < text.len && (unsigned char)text.at[i] < 0x80)
        i++;
    return i;
}

/* The length of the valid UTF-8 at the start. */
static size_t valid_len(struct span text)
{
    size_t at = 0;

    while (at < text.len) {
        size_t len;

        at += ascii_len(span_after(text, at));
        len = charset_char_len(span_after(text, at));
        if (len == 0)
            break;
        at += len;
    }
    return at;
}

bool charset_is_utf8(struct span text)
{
    return valid_len(text) == text.len;
}

bool charset_is_ascii(struct span text)
{
    return ascii_len(text) == text.len;
}

/* ---- converting */

bool charset_open(struct charset *c, struct span name)
{
    *c = (struct charset){.kind = CHARSET_UTF8};
    for (size_t i = 0; i < COUNT_OF(built_in); i++) {
        if (span_eq_nocase(name, span_str(built_in[i].name))) {
            c->kind = built_in[i].kind;
            return true;
        }
    }
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        iconv_t handle;

        if (!span_eq_nocase(name, span_str(known[i].name)))
            continue;
        handle = iconv_open("UTF-8", known[i].iconv_name);
        if (handle == (iconv_t)-1)
            return false;
        c->kind = CHARSET_ICONV;
        c->iconv = handle;
        return true;
    }
    return false;
}

static void hold(struct charset *c, struct span bytes)
{
    ensure(bytes.len <= sizeof(c->held));
    memcpy(c->held, bytes.at, bytes.len);
    c->held_len = (unsigned)bytes.len;
}

/* Valid runs are copied; each byte that is in no character becomes one U+FFFD. */
static void decode_utf8(struct charset *c, struct span bytes, struct buffer *out)
{
    while (bytes.len > 0) {
        size_t len = valid_len(bytes);

        buffer_add(out, span_first(bytes, len));
        bytes = span_after(bytes, len);
        if (bytes.len == 0)
            return;
        if (may_continue(bytes)) {
            hold(c, bytes);
            return;
        }
        buffer_add(out, replacement);
        bytes = span_after(bytes, 1);
    }
}

static void decode_single_bytes(struct charset *c, struct span bytes, struct buffer *out)
{
    while (bytes.len > 0) {
        size_t len = ascii_len(bytes);
        unsigned code;

        buffer_add(out, span_first(bytes, len));
        bytes = span_after(bytes, len);
        if (bytes.len == 0)
            return;
        code = (unsigned char)bytes.at[0];
        if (c->kind == CHARSET_WINDOWS1252 && code < 0xa0)
            code = windows1252[code - 0x80] == 0 ? 0xfffd : windows1252[code - 0x80];
        out->len += (size_t)utf8proc_encode_char((utf8proc_int32_t)code,
                                                 (utf8proc_uint8_t *)buffer_room(out, 4));
        bytes = span_after(bytes, 1);
    }
}

/* Gives iconv all it takes; what it leaves is half a character, or none of its characters. */
static void decode_iconv(struct charset *c, struct span bytes, struct buffer *out)
{
    enum {
        STEP = 512
    };
    char *from = (char *)(uintptr_t)bytes.at; /* iconv does not write there */
    size_t from_left = bytes.len;

    while (from_left > 0) {
        char *to = buffer_room(out, STEP), *to_start = to;
        size_t to_left = STEP, result = iconv(c->iconv, &from, &from_left, &to, &to_left);

        out->len += (size_t)(to - to_start);
        if (result != (size_t)-1 || errno == E2BIG)
            continue;
        if (errno == EINVAL && from_left < sizeof(c->held)) {
            hold(c, (struct span){from, from_left});
            return;
        }
        buffer_add(out, replacement);
        from++;
        from_left--;
    }
}

static void decode_some(struct charset *c, struct span bytes, struct buffer *out)
{
    if (c->kind == CHARSET_UTF8)
        decode_utf8(c, bytes, out);
    else if (c->kind == CHARSET_ICONV)
        decode_iconv(c, bytes, out);
    else
        decode_single_bytes(c, bytes, out);
}

void charset_decode(struct charset *c, struct span bytes, struct buffer *out)
{
    /* A held character is completed byte by byte; as soon as nothing is held the rest is one run.
     */
    while (c->held_len > 0 && bytes.len > 0) {
        char joined[CHARSET_HELD_MAX + 1];
        struct span part = {joined, c->held_len + 1};

        memcpy(joined, c->held, c->held_len);
        joined[c->held_len] = bytes.at[0];
        c->held_len = 0;
        bytes = span_after(bytes, 1);
        decode_some(c, part, out);
    }
    decode_some(c, bytes, out);
}

void charset_close(struct charset *c, struct buffer *out)
{
    if (c->held_len > 0)
        buffer_add(out, replacement);
    c->held_len = 0;
    if (c->iconv != NULL)
        iconv_close(c->iconv);
    c->iconv = NULL;
}

/* ---- comparing */

static void fold_char(struct span character, struct buffer *out)
{
    utf8proc_int32_t code, parts[CHARSET_FOLD_MAX / 4];
    utf8proc_ssize_t count;
    int boundary = 0;

    if (utf8proc_iterate((const utf8proc_uint8_t *)character.at, (utf8proc_ssize_t)character.len,
                         &code) < 0)
        return;
    code = utf8proc_totitle(code);
    count = utf8proc_decompose_char(code, parts, COUNT_OF(parts),
                                    UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, &boundary);
    if (count < 0 || count > (utf8proc_ssize_t)COUNT_OF(parts)) {
        buffer_add(out, character);
        return;
    }
    for (utf8proc_ssize_t i = 0; i < count; i++)
        out->len += (size_t)utf8proc_encode_char(parts[i], (utf8proc_uint8_t *)buffer_room(out, 4));
}

static char fold_byte(char c)
{
    return (char)(c - (c >= 'a' && c <= 'z' ? 32 : 0));
}

/* In blocks of a fixed size: the form that compilers turn into vector code. */
static void fold_ascii(struct span text, struct buffer *out)
{
    enum {
        BLOCK = 64
    };
    char *restrict to = buffer_room(out, text.len);
    const char *restrict from = text.at;
    size_t i = 0;

    for (; i + BLOCK <= text.len; i += BLOCK) {
        for (size_t k = 0; k < BLOCK; k++)
            to[i + k] = fold_byte(from[i + k]);
    }
    for (; i < text.len; i++)
        to[i] = fold_byte(from[i]);
    out->len += text.len;
}

void charset_fold(struct span utf8, struct buffer *out)
{
    while (utf8.len > 0) {
        size_t len = ascii_len(utf8);

        if (len > 0)
            fold_ascii(span_first(utf8, len), out);
        utf8 = span_after(utf8, len);
        len = charset_char_len(utf8);
        if (len > 0) {
            fold_char(span_first(utf8, len), out);
            utf8 = span_after(utf8, len);
        } else if (utf8.len > 0) {
            buffer_add(out, replacement);
            utf8 = span_after(utf8, 1);
        }
    }
}

bool charset_normalize(struct span utf8, struct buffer *out)
{
    utf8proc_uint8_t *normal = NULL;
    utf8proc_ssize_t len;

    if (!charset_is_utf8(utf8))
        return false;
    len = utf8proc_map((const utf8proc_uint8_t *)utf8.at, (utf8proc_ssize_t)utf8.len, &normal,
                       UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (len >= 0)
        buffer_add(out, (struct span){(const char *)normal, (size_t)len});
    free(normal);
    return len >= 0;
}
