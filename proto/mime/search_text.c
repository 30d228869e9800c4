#include "proto/mime/search_text.h"

#include "proto/mime/decode.h"
#include "proto/mime/header.h"
#include "proto/mime/header_param.h"
#include "proto/mime/part.h"
#include "proto/mime/rfc2047.h"
#include "proto/text/charset.h"

enum {
    BLOCK = 16 * 1024,
};

void search_text_open(struct search_text *s, struct span key)
{
    *s = (struct search_text){0};
    charset_fold(key, &s->key);
}

void search_text_close(struct search_text *s)
{
    buffer_free(&s->key);
    buffer_free(&s->window);
    buffer_free(&s->decoded);
}

/* ---- the window */

static void begin_text(struct search_text *s)
{
    s->window.len = 0;
}

/* The next block of a text, whole characters of UTF-8. The last bytes stay, for the key may begin
 * in this block and end in the next. */
static bool find_in_block(struct search_text *s, struct span utf8)
{
    size_t keep = s->key.len - 1;

    charset_fold(utf8, &s->window);
    if (s->window.len < s->key.len)
        return false;
    if (memmem(s->window.at, s->window.len, s->key.at, s->key.len) != NULL)
        return true;
    memmove(s->window.at, s->window.at + s->window.len - keep, keep);
    s->window.len = keep;
    return false;
}

bool search_text_utf8(struct search_text *s, struct span text)
{
    begin_text(s);
    return s->key.len == 0 || find_in_block(s, text);
}

/* ---- headers */

bool search_text_value(struct search_text *s, struct span value)
{
    s->decoded.len = 0;
    rfc2047_decode(value, &s->decoded);
    return search_text_utf8(s, buffer_since(&s->decoded, 0));
}

bool search_text_header(struct search_text *s, struct span header)
{
    struct header_walk w = header_walk(header);
    struct header_field field;

    if (s->key.len == 0)
        return true;
    while (header_next(&w, &field)) {
        s->decoded.len = 0;
        buffer_add(&s->decoded, field.name);
        buffer_add(&s->decoded, SPAN(": "));
        rfc2047_decode(field.value, &s->decoded);
        if (search_text_utf8(s, buffer_since(&s->decoded, 0)))
            return true;
    }
    return false;
}

/* ---- parts */

/* Nothing to decode and nothing but ASCII: the block is folded from where it lies. */
static bool is_plain(const struct decode *d, const struct charset *c, struct span block)
{
    return d->encoding != META_BASE64 && d->encoding != META_QUOTED_PRINTABLE &&
           c->kind == CHARSET_UTF8 && c->held_len == 0 && charset_is_ascii(block);
}

static bool find_in_body(struct search_text *s, struct span body, enum meta_encoding encoding,
                         struct charset *charset)
{
    struct decode decode = decode_start(encoding);
    char bytes[BLOCK + DECODE_EXTRA];
    size_t len;
    bool whole;

    begin_text(s);
    for (size_t at = 0; at < body.len; at += BLOCK) {
        struct span block = span_first(span_after(body, at), BLOCK);

        s->decoded.len = 0;
        if (!is_plain(&decode, charset, block)) {
            len = decode_step(&decode, block, bytes);
            charset_decode(charset, (struct span){bytes, len}, &s->decoded);
            block = buffer_since(&s->decoded, 0);
        }
        if (find_in_block(s, block))
            return true;
    }
    s->decoded.len = 0;
    len = decode_end(&decode, bytes, &whole);
    charset_decode(charset, (struct span){bytes, len}, &s->decoded);
    return find_in_block(s, buffer_since(&s->decoded, 0));
}

/* A leaf. What could not be taken apart is searched as text too. */
static bool find_in_leaf(struct search_text *s, const struct meta_part *leaf, struct span message)
{
    struct span header = span_first(span_after(message, leaf->header_at), leaf->header_len);
    struct span body = span_first(span_after(message, leaf->body_at), leaf->body_len);
    struct header_params params;
    struct charset charset;
    struct part part = {0};
    bool found;

    part_read_header(header, &mime_limits_most, false, &part);
    if (!span_eq_nocase(part.main_type, SPAN("text")) &&
        !span_eq_nocase(part.main_type, SPAN("multipart")) &&
        !span_eq_nocase(part.main_type, SPAN("message")))
        return false;
    s->decoded.len = 0;
    header_params(part.params, &s->decoded, &params);
    (void)charset_open(&charset, header_param(&params, SPAN("charset")));
    found = find_in_body(s, body, part.encoding, &charset);
    s->decoded.len = 0;
    charset_close(&charset, &s->decoded);
    return found;
}

bool search_text_body(struct search_text *s, const struct meta *m, struct span message)
{
    bool is_message_root = false;

    if (s->key.len == 0)
        return true;
    for (uint32_t i = 0; i < m->part_count; i++) {
        struct meta_part p;

        if (!meta_part_at(m, i, &p))
            return false;
        if (is_message_root &&
            search_text_header(s, span_first(span_after(message, p.header_at), p.header_len)))
            return true;
        is_message_root = p.type == META_MESSAGE;
        if (p.type == META_LEAF && find_in_leaf(s, &p, message))
            return true;
    }
    return false;
}
