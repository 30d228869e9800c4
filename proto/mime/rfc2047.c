#include "proto/mime/rfc2047.h"

#include <stdbool.h>

#include "proto/text/base64.h"
#include "proto/text/charset.h"
#include "proto/text/quoted_printable.h"

struct encoded_word {
    struct span charset, text;
    bool base64;
};

/* Words of one charset that follow each other are one text. */
struct run {
    struct charset charset;
    struct span name; /* at == NULL: none is open */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Up to `stop`, within one word: blanks end the search, so a stray "=?" costs only its own word. */
static bool take_until(struct span *at, char stop, struct span *taken_r)
{
    size_t len = 0;

    while (len < at->len && at->at[len] != stop && !is_blank(at->at[len]))
        len++;
    if (len == at->len || at->at[len] != stop)
        return false;
    *taken_r = span_first(*at, len);
    *at = span_after(*at, len + 1);
    return true;
}

/* The text up to "?=". Blanks inside are wrong but common, line ends are not. */
static bool take_text(struct span *at, struct span *text_r)
{
    size_t len = 0;

    while (len + 1 < at->len && at->at[len] != '?' && at->at[len] != '\n')
        len++;
    if (len + 1 >= at->len || at->at[len] != '?' || at->at[len + 1] != '=')
        return false;
    *text_r = span_first(*at, len);
    *at = span_after(*at, len + 2);
    return true;
}

/* An encoded word at the cursor, which begins with "=?". */
static bool take_word(struct span *at, struct encoded_word *w)
{
    struct span rest = span_after(*at, 2), encoding;
    const char *star;

    if (!take_until(&rest, '?', &w->charset) || w->charset.len == 0 ||
        w->charset.len > RFC2047_CHARSET_MAX || !take_until(&rest, '?', &encoding) ||
        encoding.len != 1 || !take_text(&rest, &w->text))
        return false;
    w->base64 = encoding.at[0] == 'b' || encoding.at[0] == 'B';
    if (!w->base64 && encoding.at[0] != 'q' && encoding.at[0] != 'Q')
        return false;
    star = memchr(w->charset.at, '*', w->charset.len); /* RFC 2231's language */
    if (star != NULL)
        w->charset.len = (size_t)(star - w->charset.at);
    *at = rest;
    return true;
}

static void close_run(struct run *run, struct buffer *out)
{
    if (run->name.at != NULL)
        charset_close(&run->charset, out);
    run->name = (struct span){0};
}

/* True when the word's text can go to the run, which is then of its charset. */
static bool open_run(struct run *run, struct span name, struct buffer *out)
{
    if (run->name.at != NULL && span_eq_nocase(run->name, name))
        return true;
    close_run(run, out);
    if (!charset_open(&run->charset, name)) {
        charset_close(&run->charset, out);
        return false;
    }
    run->name = name;
    return true;
}

static void decode_base64(struct run *run, struct span text, struct buffer *out)
{
    enum {
        CUT = 256
    };
    struct base64_body body = {0};
    char bytes[CUT + 8];

    for (; text.len > 0; text = span_after(text, CUT)) {
        size_t len = base64_body_decode(&body, span_first(text, CUT), bytes);

        charset_decode(&run->charset, (struct span){bytes, len}, out);
    }
}

static void decode_q(struct run *run, struct span text, struct buffer *out)
{
    enum {
        CUT = 256
    };
    char bytes[CUT];
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        int high = c == '=' && i + 2 < text.len ? quoted_printable_hex(text.at[i + 1]) : -1;
        int low = high >= 0 ? quoted_printable_hex(text.at[i + 2]) : -1;

        if (low >= 0)
            i += 2;
        bytes[len++] = (char)(low >= 0 ? high << 4 | low : c == '_' ? ' ' : c);
        if (len == CUT) {
            charset_decode(&run->charset, (struct span){bytes, len}, out);
            len = 0;
        }
    }
    charset_decode(&run->charset, (struct span){bytes, len}, out);
}

/* What is no encoded word, without its line ends. */
static void add_plain(struct span text, struct buffer *out)
{
    struct charset utf8;

    (void)charset_open(&utf8, SPAN("utf-8"));
    while (text.len > 0) {
        size_t len = 0;

        while (len < text.len && text.at[len] != '\r' && text.at[len] != '\n')
            len++;
        charset_decode(&utf8, span_first(text, len), out);
        text = span_after(text, len + 1);
    }
    charset_close(&utf8, out);
}

static bool all_blank(struct span text)
{
    while (text.len > 0 && is_blank(text.at[0]))
        text = span_after(text, 1);
    return text.len == 0;
}

/* The next "=?"; the length of the text before it. */
static size_t find_start(struct span text)
{
    size_t at = 0;

    while (at + 1 < text.len) {
        const char *found = memchr(text.at + at, '=', text.len - at - 1);

        if (found == NULL)
            break;
        at = (size_t)(found - text.at);
        if (text.at[at + 1] == '?')
            return at;
        at++;
    }
    return text.len;
}

void rfc2047_decode(struct span value, struct buffer *out)
{
    struct run run = {.name = {0}};
    struct span plain = span_first(value, 0); /* grows until the next encoded word */
    bool after_word = false;

    while (value.len > 0) {
        size_t skipped = find_start(value);
        struct encoded_word word;
        struct span start;

        value = span_after(value, skipped);
        plain.len += skipped;
        start = value;
        if (value.len == 0)
            break;
        if (!take_word(&value, &word)) {
            value = span_after(value, 2);
            plain.len += 2;
            continue;
        }
        if (!(after_word && all_blank(plain))) {
            close_run(&run, out);
            add_plain(plain, out);
        }
        after_word = open_run(&run, word.charset, out);
        plain = span_first(value, 0);
        if (!after_word)
            add_plain(span_first(start, start.len - value.len), out);
        else if (word.base64)
            decode_base64(&run, word.text, out);
        else
            decode_q(&run, word.text, out);
    }
    close_run(&run, out);
    add_plain(plain, out);
}
