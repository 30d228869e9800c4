#include "proto/mime/preview.h"

#include "proto/mime/decode.h"
#include "proto/mime/header_param.h"
#include "proto/mime/html_text.h"
#include "proto/text/charset.h"
#include "proto/text/scan.h"

/* Folds blanks and counts characters on the way to the preview. */
struct folder {
    struct buffer *out;
    unsigned characters;
    bool blank; /* one is due before the next character */
};

/* ---- which part */

static bool is_attachment(const struct part *p)
{
    struct span value = p->disposition, kind;

    scan_cfws(&value);
    return header_token(&value, &kind) && span_eq_nocase(kind, SPAN("attachment"));
}

static const struct part *first_text(const struct part_tree *tree)
{
    for (uint32_t i = 0; i < tree->count; i++) {
        const struct part *p = &tree->parts[i];
        bool is_text = p->shown == PART_AS_WRITTEN && span_eq_nocase(p->main_type, SPAN("text"));

        if (p->type == META_LEAF && (is_text || p->shown == PART_AS_TEXT) && !is_attachment(p))
            return p;
    }
    return NULL;
}

/* ---- folding */

/* Characters without any width, with which senders pad their previews. */
static bool is_invisible(struct span c)
{
    static const char *const invisible[] = {
        "\xc2\xad",     "\xcd\x8f",     "\xe2\x80\x8b", "\xe2\x80\x8c",
        "\xe2\x80\x8d", "\xe2\x81\xa0", "\xef\xbb\xbf",
    };

    for (size_t i = 0; i < COUNT_OF(invisible); i++) {
        if (span_eq(c, span_str(invisible[i])))
            return true;
    }
    return false;
}

static bool is_blank(struct span c)
{
    unsigned char first = (unsigned char)c.at[0];

    return (c.len == 1 && (first <= ' ' || first == 0x7f)) ||
           (c.len == 2 && first == 0xc2 && (unsigned char)c.at[1] <= 0xa0);
}

static bool is_full(const struct folder *f)
{
    return f->characters >= META_PREVIEW_MAX;
}

/* `count` characters without blanks. */
static void add_characters(struct folder *f, struct span text, unsigned count)
{
    if (f->blank) {
        f->blank = false;
        f->characters++;
        buffer_add_byte(f->out, ' ');
        if (is_full(f))
            return;
    }
    buffer_add(f->out, text);
    f->characters += count;
}

/* Printable ASCII up to what still has its place; beside a blank that is due. */
static size_t word_len(const struct folder *f, struct span text)
{
    size_t most = META_PREVIEW_MAX - f->characters - f->blank, len = 0;

    most = most < text.len ? most : text.len;
    while (len < most && text.at[len] > ' ' && text.at[len] < 0x7f)
        len++;
    return len;
}

static void fold_character(struct folder *f, struct span c)
{
    if (is_blank(c))
        f->blank = f->characters > 0;
    else if (c.len == 1 || !is_invisible(c))
        add_characters(f, c, 1);
}

static void fold_text(struct folder *f, struct span text)
{
    while (text.len > 0 && !is_full(f)) {
        size_t len = word_len(f, text);

        if (len > 0) {
            add_characters(f, span_first(text, len), (unsigned)len);
        } else {
            len = charset_char_len(text);
            len = len == 0 ? 1 : len;
            fold_character(f, span_first(text, len));
        }
        text = span_after(text, len);
    }
}

/* All of `scratch` is HTML. Characters leave html_text byte by byte, so its text is gathered behind
 * them first. */
static void fold_html(struct folder *f, struct html_text *h, struct buffer *scratch)
{
    size_t len = scratch->len;

    buffer_room(scratch, (len + 1) * HTML_TEXT_OUT_MAX);
    for (size_t i = 0; i < len; i++)
        scratch->len += html_text_step(h, scratch->at[i], scratch->at + scratch->len);
    fold_text(f, buffer_since(scratch, len));
}

/* ---- reading */

static void read_text(const struct part *p, struct span text, struct charset *charset,
                      struct buffer *scratch, struct folder *f)
{
    enum {
        CUT = 512
    };
    struct decode decode = decode_start(p->encoding);
    struct html_text html = {0};
    bool is_html = p->shown == PART_AS_WRITTEN && span_eq_nocase(p->subtype, SPAN("html"));

    for (size_t at = 0; at < text.len && !is_full(f); at += CUT) {
        char plain[CUT + DECODE_EXTRA];
        size_t len = decode_step(&decode, span_first(span_after(text, at), CUT), plain);

        scratch->len = 0;
        charset_decode(charset, (struct span){plain, len}, scratch);
        if (is_html)
            fold_html(f, &html, scratch);
        else
            fold_text(f, buffer_since(scratch, 0));
    }
}

void preview_write(const struct part_tree *tree, struct span message, struct buffer *scratch,
                   struct buffer *out)
{
    const struct part *p = first_text(tree);
    struct folder f = {.out = out};
    struct header_params params;
    struct charset charset;
    struct span text;

    if (p == NULL)
        return;
    text = span_first(span_after(message, p->body_at), p->body_len);
    scratch->len = 0;
    header_params_within(p->params, tree->limits->mime_param_limit, scratch, &params);
    (void)charset_open(&charset, header_param(&params, SPAN("charset")));
    read_text(p, span_first(text, PREVIEW_INPUT_MAX), &charset, scratch, &f);
    scratch->len = 0;
    charset_close(&charset, scratch);
}
