#include "proto/mime/surrogate.h"

#include "proto/mime/address_list.h"
#include "proto/mime/encoded_words.h"
#include "proto/mime/header.h"
#include "proto/mime/header_param.h"
#include "proto/text/scan.h"

enum {
    WINDOW = META_FIELD_MAX + 1024, /* bytes looked at to find the next piece */
};

#define NO_MAILBOX "<invalid@internationalized-address.invalid>" /* RFC 6858 2.1, RFC 2606 */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* ---- text ---- */

/* A field's name, and its value follows. */
static struct encoded_words field_begin(const struct header_field *field, struct buffer *out)
{
    struct encoded_words w = {.out = out};

    encoded_words_put(&w, field->name);
    encoded_words_put(&w, SPAN(":"));
    return w;
}

static void text_write(const struct header_field *field, struct buffer *out)
{
    struct encoded_words w = field_begin(field, out);
    struct buffer unfolded = {0};

    encoded_words_text(&w, header_unfold(field->value, &unfolded));
    buffer_add(out, SPAN("\r\n"));
    buffer_free(&unfolded);
}

/* ---- addresses ---- */

/* A list of addresses in the making. */
struct listing {
    struct encoded_words words;
    struct buffer text; /* of one address */
    bool needs_comma;   /* before the next one */
    bool in_group;
    unsigned count;
};

static void listing_comma(struct listing *l)
{
    if (l->needs_comma)
        encoded_words_put(&l->words, SPAN(","));
    l->needs_comma = true;
    l->text.len = 0;
}

/* A local part that was unquoted. */
static void local_add(struct buffer *text, struct span local)
{
    struct span rest = local, token;

    if (header_token(&rest, &token) && rest.len == 0) {
        buffer_add(text, local);
        return;
    }
    buffer_add_byte(text, '"');
    for (size_t i = 0; i < local.len; i++) {
        if (local.at[i] == '"' || local.at[i] == '\\')
            buffer_add_byte(text, '\\');
        buffer_add_byte(text, local.at[i]);
    }
    buffer_add_byte(text, '"');
}

/* All that is known of an address that can't be told, as the name of one that is none. */
static void foreign_write(struct listing *l, const struct address *a)
{
    if (a->name.at != NULL)
        buffer_add(&l->text, a->name);
    if (a->mailbox.len > 0) {
        buffer_add_byte(&l->text, ' ');
        buffer_add(&l->text, a->mailbox);
    }
    if (a->host.len > 0) {
        buffer_add_byte(&l->text, '@');
        buffer_add(&l->text, a->host);
    }
    encoded_words_phrase(&l->words, buffer_since(&l->text, 0));
    encoded_words_token(&l->words, SPAN(NO_MAILBOX));
}

/* An address of ASCII with a name or comment that is not. */
static void named_write(struct listing *l, const struct address *a)
{
    if (a->name.at != NULL)
        encoded_words_phrase(&l->words, a->name);
    buffer_add_byte(&l->text, '<');
    local_add(&l->text, a->mailbox);
    buffer_add_byte(&l->text, '@');
    buffer_add(&l->text, a->host);
    buffer_add_byte(&l->text, '>');
    encoded_words_token(&l->words, buffer_since(&l->text, 0));
}

static bool host_is_plain(struct span host)
{
    struct span token;

    if (host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']')
        return scan_is_ascii(host) && scan_is_printable(host);
    return header_token(&host, &token) && host.len == 0 && scan_is_ascii(token);
}

/* `whole` is how the mailbox was written. */
static void mailbox_write(struct listing *l, const struct address *a, struct span whole)
{
    while (whole.len > 0 && (is_blank(whole.at[0]) || whole.at[0] == ','))
        whole = span_after(whole, 1);
    listing_comma(l);
    if (scan_is_ascii(whole))
        encoded_words_text(&l->words, whole);
    else if (a->mailbox.len == 0 || !scan_is_ascii(a->mailbox) || !host_is_plain(a->host))
        foreign_write(l, a);
    else
        named_write(l, a);
}

static void group_begin(struct listing *l, const struct address *a)
{
    listing_comma(l);
    encoded_words_phrase(&l->words, a->mailbox);
    encoded_words_put(&l->words, SPAN(":"));
    l->needs_comma = false;
    l->in_group = true;
}

static void group_end(struct listing *l)
{
    encoded_words_put(&l->words, SPAN(";"));
    l->needs_comma = true;
    l->in_group = false;
}

static void listing_add(struct listing *l, const struct address *a, struct span whole)
{
    l->count++;
    switch (a->kind) {
    case ADDRESS_MAILBOX:
        mailbox_write(l, a, whole);
        break;
    case ADDRESS_GROUP:
        group_begin(l, a);
        break;
    case ADDRESS_GROUP_END:
        group_end(l);
        break;
    }
}

/* A field of which no address is left goes: none of these may be empty. */
static void addresses_write(const struct header_field *field, struct buffer *out)
{
    size_t from = out->len;
    struct listing l = {.words = field_begin(field, out)};
    struct buffer unfolded = {0}, scratch = {0};
    struct address_list list = address_list(header_unfold(field->value, &unfolded), &scratch);
    struct span before = list.rest;
    struct address a;

    while (l.count < META_ADDRESSES_MAX && address_list_next(&list, &a)) {
        listing_add(&l, &a, span_first(before, before.len - list.rest.len));
        before = list.rest;
    }
    if (l.in_group)
        group_end(&l);
    buffer_add(out, SPAN("\r\n"));
    if (l.count == 0)
        out->len = from;
    buffer_free(&scratch);
    buffer_free(&unfolded);
    buffer_free(&l.text);
}

static void path_write(const struct header_field *field, struct buffer *out)
{
    struct encoded_words w = field_begin(field, out);

    encoded_words_put(&w, SPAN(" " NO_MAILBOX "\r\n"));
}

/* ---- parameters ---- */

/* The length of what is in front of the next ';' that is neither quoted nor in a comment. */
static size_t parameter_len(struct span at)
{
    bool quoted = false;
    unsigned depth = 0;
    size_t i;

    for (i = 0; i < at.len && (quoted || depth > 0 || at.at[i] != ';'); i++) {
        char c = at.at[i];

        if (c == '\\') {
            i++;
        } else if (c == '"' && depth == 0) {
            quoted = !quoted;
        } else if (!quoted) {
            depth += c == '(';
            depth -= c == ')' && depth > 0;
        }
    }
    return i < at.len ? i : at.len;
}

/* Folds stay where they were. Without its first part, the type, the field says nothing. */
static void parameters_write(const struct header_field *field, struct buffer *out)
{
    struct span rest = field->value, part = span_first(rest, parameter_len(rest));

    if (!scan_is_ascii(part))
        return;
    buffer_add(out, field->name);
    buffer_add(out, SPAN(": "));
    buffer_add(out, part);
    for (rest = span_after(rest, part.len); rest.len > 0; rest = span_after(rest, part.len + 1)) {
        part = span_first(span_after(rest, 1), parameter_len(span_after(rest, 1)));
        if (scan_is_ascii(part)) {
            buffer_add_byte(out, ';');
            buffer_add(out, part);
        }
    }
    buffer_add(out, SPAN("\r\n"));
}

/* ---- fields ---- */

/* RFC 6858 2.1 to 2.3; what is free text as Subject is goes the way of Subject. All other fields
 * are left out (2.4). */
static const struct {
    const char *name;
    void (*write)(const struct header_field *field, struct buffer *out);
} fields[] = {
    {"Subject",             text_write      },
    {"Comments",            text_write      },
    {"Content-Description", text_write      },
    {"From",                addresses_write },
    {"To",                  addresses_write },
    {"Cc",                  addresses_write },
    {"Bcc",                 addresses_write },
    {"Sender",              addresses_write },
    {"Reply-To",            addresses_write },
    {"Resent-From",         addresses_write },
    {"Resent-To",           addresses_write },
    {"Resent-Cc",           addresses_write },
    {"Resent-Bcc",          addresses_write },
    {"Resent-Sender",       addresses_write },
    {"Return-Path",         path_write      },
    {"Content-Type",        parameters_write},
    {"Content-Disposition", parameters_write},
};

static void field_write(struct span whole, struct buffer *out)
{
    struct header_walk walk = header_walk(whole);
    struct header_field field;

    if (!header_next(&walk, &field))
        return;
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (span_eq_nocase(field.name, span_str(fields[i].name)))
            fields[i].write(&field, out);
    }
}

/* ---- the block ---- */

static size_t ascii_len(struct span bytes)
{
    size_t i = 0;

    while (i < bytes.len && (unsigned char)bytes.at[i] < 0x80)
        i++;
    return i;
}

static size_t line_len(struct span bytes)
{
    const char *lf = memchr(bytes.at, '\n', bytes.len);

    return lf == NULL ? bytes.len : (size_t)(lf - bytes.at) + 1;
}

/* Where the last line begins that begins at `before` or in front of it; with `is_field` it is no
 * continuation of another. */
static size_t line_start(struct span header, size_t before, bool is_field)
{
    size_t at = before;

    while (at > 0 &&
           (header.at[at - 1] != '\n' || at == header.len || (is_field && is_blank(header.at[at]))))
        at--;
    return at;
}

/* A line and those that continue it, as far as `window` shows. */
static size_t field_len(struct span window)
{
    size_t len = line_len(window);

    while (len < window.len && is_blank(window.at[len]))
        len += line_len(span_after(window, len));
    return len;
}

/* A field that is too long, or lines that belong to none: line by line. */
static size_t long_field_next(struct span window, size_t clean, bool *as_it_lies_r)
{
    size_t start = line_start(window, clean, false);

    *as_it_lies_r = start > 0;
    return start > 0 ? start : line_len(window);
}

size_t surrogate_next(struct span header, bool *as_it_lies_r, struct buffer *out)
{
    struct span window = span_first(header, WINDOW);
    size_t clean = ascii_len(window), start, len;

    *as_it_lies_r = true;
    if (clean == header.len)
        return clean;
    start = line_start(header, clean, true);
    if (start > 0)
        return start;
    if (clean == window.len)
        return clean;
    if (is_blank(header.at[0]))
        return long_field_next(window, clean, as_it_lies_r);
    len = field_len(window);
    if (len > META_FIELD_MAX)
        return long_field_next(window, clean, as_it_lies_r);
    *as_it_lies_r = false;
    field_write(span_first(header, len), out);
    return len;
}
