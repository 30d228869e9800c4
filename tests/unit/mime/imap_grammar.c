#include "tests/unit/mime/imap_grammar.h"

#include <stdint.h>

enum {
    DEPTH_MAX = 250, /* parts nest 100 deep, a message is two levels of parentheses */
};

/* ---- words */

static bool byte(struct span *at, char c)
{
    if (at->len == 0 || at->at[0] != c)
        return false;
    *at = span_after(*at, 1);
    return true;
}

static bool word(struct span *at, const char *text)
{
    struct span expected = span_str(text);

    if (!span_eq(span_first(*at, expected.len), expected))
        return false;
    *at = span_after(*at, expected.len);
    return true;
}

static bool number(struct span *at, uint64_t *number_r)
{
    uint64_t n = 0;
    size_t len = 0;

    while (len < at->len && at->at[len] >= '0' && at->at[len] <= '9' && n <= UINT32_MAX)
        n = n * 10 + (uint64_t)(at->at[len++] - '0');
    if (len == 0 || n > UINT32_MAX || (len > 1 && at->at[0] == '0'))
        return false;
    *at = span_after(*at, len);
    *number_r = n;
    return true;
}

static bool quoted(struct span *at, struct span *text_r)
{
    size_t i = 1;

    if (at->len == 0 || at->at[0] != '"')
        return false;
    for (; i < at->len && at->at[i] != '"'; i++) {
        unsigned char c = (unsigned char)at->at[i];

        if (c == 0 || c == '\r' || c == '\n' || c >= 0x80)
            return false;
        if (c == '\\') {
            i++;
            if (i == at->len || (at->at[i] != '"' && at->at[i] != '\\'))
                return false;
        }
    }
    if (i >= at->len)
        return false;
    *text_r = span_first(span_after(*at, 1), i - 1);
    *at = span_after(*at, i + 1);
    return true;
}

static bool literal(struct span *at, struct span *text_r)
{
    struct span rest = *at;
    uint64_t len;

    if (!byte(&rest, '{') || !number(&rest, &len) || !word(&rest, "}\r\n") || len > rest.len)
        return false;
    *text_r = span_first(rest, (size_t)len);
    if (len > 0 && memchr(text_r->at, '\0', (size_t)len) != NULL)
        return false;
    *at = span_after(rest, (size_t)len);
    return true;
}

static bool string(struct span *at, struct span *text_r)
{
    return quoted(at, text_r) || literal(at, text_r);
}

static bool nil(struct span *at)
{
    return word(at, "NIL");
}

static bool nstring(struct span *at)
{
    struct span text;

    return nil(at) || string(at, &text);
}

/* ---- envelope */

/* What RFC 3501 says about groups is checked as well: they begin, end and do not nest. */
static bool address(struct span *at, bool *in_group)
{
    struct span mailbox, host;
    bool has_mailbox, has_host;

    if (!byte(at, '(') || !nstring(at) || !byte(at, ' ') || !nstring(at) || !byte(at, ' '))
        return false;
    has_mailbox = !nil(at);
    if ((has_mailbox && !string(at, &mailbox)) || !byte(at, ' '))
        return false;
    has_host = !nil(at);
    if ((has_host && !string(at, &host)) || !byte(at, ')'))
        return false;
    if (has_host)
        return has_mailbox;
    if (has_mailbox == *in_group)
        return false;
    *in_group = has_mailbox;
    return true;
}

static bool addresses(struct span *at)
{
    bool in_group = false;

    if (nil(at))
        return true;
    if (!byte(at, '('))
        return false;
    do {
        if (!address(at, &in_group))
            return false;
    } while (at->len > 0 && at->at[0] == '(');
    return byte(at, ')') && !in_group;
}

static bool envelope(struct span *at)
{
    if (!byte(at, '(') || !nstring(at) || !byte(at, ' ') || !nstring(at))
        return false;
    for (int i = 0; i < 6; i++) {
        if (!byte(at, ' ') || !addresses(at))
            return false;
    }
    return byte(at, ' ') && nstring(at) && byte(at, ' ') && nstring(at) && byte(at, ')');
}

/* ---- body */

static bool params(struct span *at)
{
    struct span text;

    if (nil(at))
        return true;
    if (!byte(at, '('))
        return false;
    do {
        if (!string(at, &text) || !byte(at, ' ') || !string(at, &text))
            return false;
    } while (byte(at, ' '));
    return byte(at, ')');
}

static bool disposition(struct span *at)
{
    struct span text;

    return nil(at) ||
           (byte(at, '(') && string(at, &text) && byte(at, ' ') && params(at) && byte(at, ')'));
}

static bool language(struct span *at)
{
    struct span text;

    if (nstring(at))
        return true;
    if (!byte(at, '('))
        return false;
    do {
        if (!string(at, &text))
            return false;
    } while (byte(at, ' '));
    return byte(at, ')');
}

static bool extension_rest(struct span *at)
{
    return byte(at, ' ') && disposition(at) && byte(at, ' ') && language(at) && byte(at, ' ') &&
           nstring(at);
}

static bool body(struct span *at, bool full, unsigned depth);

static bool multipart(struct span *at, bool full, unsigned depth)
{
    struct span subtype;

    do {
        if (!body(at, full, depth + 1))
            return false;
    } while (at->len > 0 && at->at[0] == '(');
    if (!byte(at, ' ') || !string(at, &subtype))
        return false;
    return !full || (byte(at, ' ') && params(at) && extension_rest(at));
}

static bool single(struct span *at, bool full, unsigned depth)
{
    struct span type, subtype, encoding;
    uint64_t n;

    if (!string(at, &type) || !byte(at, ' ') || !string(at, &subtype) || !byte(at, ' ') ||
        !params(at) || !byte(at, ' ') || !nstring(at) || !byte(at, ' ') || !nstring(at) ||
        !byte(at, ' ') || !string(at, &encoding) || !byte(at, ' ') || !number(at, &n))
        return false;
    if (span_eq_nocase(type, SPAN("message")) && span_eq_nocase(subtype, SPAN("rfc822"))) {
        if (!byte(at, ' ') || !envelope(at) || !byte(at, ' ') || !body(at, full, depth + 1) ||
            !byte(at, ' ') || !number(at, &n))
            return false;
    } else if (span_eq_nocase(type, SPAN("text"))) {
        if (!byte(at, ' ') || !number(at, &n))
            return false;
    } else if (span_eq_nocase(type, SPAN("multipart"))) {
        return false; /* allowed by the letter, but no client knows what to do with it */
    }
    return !full || (byte(at, ' ') && nstring(at) && extension_rest(at));
}

static bool body(struct span *at, bool full, unsigned depth)
{
    if (depth > DEPTH_MAX || !byte(at, '('))
        return false;
    if (at->len > 0 && at->at[0] == '(')
        return multipart(at, full, depth) && byte(at, ')');
    return single(at, full, depth) && byte(at, ')');
}

bool grammar_is_envelope(struct span text)
{
    return envelope(&text) && text.len == 0;
}

bool grammar_is_body(struct span text, bool full)
{
    return body(&text, full, 0) && text.len == 0;
}
