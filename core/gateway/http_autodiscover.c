#include "core/gateway/http_autodiscover.h"

#include <string.h>

static const struct {
    const char *entity;
    char byte;
} entities[] = {
    {"&amp;",  '&' },
    {"&lt;",   '<' },
    {"&gt;",   '>' },
    {"&quot;", '"' },
    {"&apos;", '\''},
};

static bool begins(struct span text, struct span with)
{
    return text.len >= with.len && memcmp(text.at, with.at, with.len) == 0;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Up to the byte, all when it is not there. */
static struct span span_until(struct span text, char byte)
{
    const char *at = text.len > 0 ? memchr(text.at, byte, text.len) : NULL;

    return at == NULL ? text : span_first(text, (size_t)(at - text.at));
}

static struct span trimmed(struct span text)
{
    while (text.len > 0 && is_blank(text.at[0]))
        text = span_after(text, 1);
    while (text.len > 0 && is_blank(text.at[text.len - 1]))
        text.len--;
    return text;
}

/* ---- tags ---- */

/* Behind a comment whose "<!--" is at the front; the end when it never ends. */
static struct span after_comment(struct span text)
{
    const char *end = memmem(text.at, text.len, "-->", 3);

    return end == NULL ? span_after(text, text.len) : span_after(text, (size_t)(end - text.at) + 3);
}

/* The name of "<prefix:name attribute='x'" without its prefix. */
static struct span tag_name(struct span tag)
{
    size_t len = 0;
    const char *colon;

    while (len < tag.len && !is_blank(tag.at[len]) && tag.at[len] != '/')
        len++;
    tag.len = len;
    colon = len > 0 ? memchr(tag.at, ':', len) : NULL;
    return colon == NULL ? tag : span_after(tag, (size_t)(colon - tag.at) + 1);
}

/* ---- text ---- */

/* One byte of the text; false for an entity that XML has not by itself. */
static bool text_byte(struct span *text, char *byte_r)
{
    if (text->at[0] != '&') {
        *byte_r = text->at[0];
        *text = span_after(*text, 1);
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(entities); i++) {
        struct span entity = span_str(entities[i].entity);
        if (begins(*text, entity)) {
            *byte_r = entities[i].byte;
            *text = span_after(*text, entity.len);
            return true;
        }
    }
    return false;
}

static bool text_copy(struct span text, char text_r[HTTP_AUTODISCOVER_TEXT_MAX])
{
    size_t len = 0;

    text = trimmed(text);
    while (text.len > 0) {
        if (len + 1 >= HTTP_AUTODISCOVER_TEXT_MAX || !text_byte(&text, &text_r[len]) ||
            text_r[len] == '\0')
            return false;
        len++;
    }
    text_r[len] = '\0';
    return len > 0;
}

bool http_autodiscover_text(struct span body, struct span element,
                            char text_r[HTTP_AUTODISCOVER_TEXT_MAX])
{
    for (;;) {
        struct span tag;

        body = span_after(body, span_until(body, '<').len);
        if (body.len == 0)
            return false;
        if (begins(body, SPAN("<!--"))) {
            body = after_comment(body);
            continue;
        }
        body = span_after(body, 1);
        tag = span_until(body, '>');
        body = span_after(body, tag.len);
        if (body.len == 0)
            return false; /* the tag never ends */
        body = span_after(body, 1);
        if (span_eq(tag_name(tag), element) && tag.at[tag.len - 1] != '/')
            return text_copy(span_until(body, '<'), text_r);
    }
}
