#include "proto/mime/header.h"

#include "proto/mime/meta.h"

/* The length of the first line with its line end. */
static size_t line_len(struct span bytes)
{
    const char *lf = bytes.len == 0 ? NULL : memchr(bytes.at, '\n', bytes.len);

    return lf == NULL ? bytes.len : (size_t)(lf - bytes.at) + 1;
}

static bool line_is_blank(const char *at, size_t len)
{
    return (len == 1 && at[0] == '\n') || (len == 2 && at[0] == '\r' && at[1] == '\n');
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct header_walk header_walk(struct span block)
{
    return header_walk_within(block, &mime_limits_most);
}

struct header_walk header_walk_within(struct span block, const struct mime_limits *limits)
{
    return (struct header_walk){
        .limits = limits,
        .rest = span_first(block, limits->header_block_limit),
        .cut = block.len > limits->header_block_limit,
    };
}

/* A line and the folded lines that belong to it. */
static struct span take_folded(struct span *rest)
{
    struct span whole = *rest;
    size_t len = line_len(*rest);

    while (len < whole.len && is_blank(whole.at[len])) {
        len += line_len(span_after(whole, len));
    }
    *rest = span_after(*rest, len);
    return span_first(whole, len);
}

struct span header_trim(struct span text)
{
    while (text.len > 0 && is_space(text.at[0]))
        text = span_after(text, 1);
    while (text.len > 0 && is_space(text.at[text.len - 1]))
        text.len--;
    return text;
}

/* Splits at the colon. A name is printable ASCII; old mail has blanks between it and the colon. */
static bool split(struct span whole, uint32_t size_max, struct header_field *field_r)
{
    size_t len = 0, name_len;

    while (len < whole.len && whole.at[len] > ' ' && whole.at[len] < 0x7f && whole.at[len] != ':')
        len++;
    name_len = len;
    while (len < whole.len && is_blank(whole.at[len]))
        len++;
    if (name_len == 0 || len == whole.len || whole.at[len] != ':')
        return false;
    field_r->name = span_first(whole, name_len);
    field_r->value = header_trim(span_after(span_first(whole, size_max), len + 1));
    field_r->whole = whole;
    return true;
}

bool header_next(struct header_walk *w, struct header_field *field_r)
{
    while (w->rest.len > 0) {
        struct span whole = take_folded(&w->rest);

        if (line_is_blank(whole.at, whole.len)) {
            w->rest.len = 0;
            break;
        }
        if (w->fields == w->limits->header_count_limit) {
            w->cut = true;
            break;
        }
        if (whole.len > w->limits->header_size_limit)
            w->cut = true;
        if (split(whole, w->limits->header_size_limit, field_r)) {
            w->fields++;
            return true;
        }
        w->skipped = true;
    }
    return false;
}

struct span header_unfold(struct span value, struct buffer *scratch)
{
    size_t from = scratch->len;
    char *to;

    if (value.len == 0 || memchr(value.at, '\n', value.len) == NULL)
        return value;
    to = buffer_room(scratch, value.len);
    for (size_t i = 0; i < value.len; i++) {
        bool line_end = value.at[i] == '\n' ||
                        (value.at[i] == '\r' && i + 1 < value.len && value.at[i + 1] == '\n');

        if (!line_end)
            *to++ = value.at[i];
    }
    scratch->len = (size_t)(to - scratch->at);
    return buffer_since(scratch, from);
}
