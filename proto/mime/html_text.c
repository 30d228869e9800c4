#include "proto/mime/html_text.h"

#include <stdbool.h>

#include "core/base/attr.h"

static const char *const hidden_elements[] = {"script", "style", "head", "title"};

/* Elements that run on in the line; all others begin a new block. */
static const char *const inline_elements[] = {
    "a",    "abbr",  "b",      "big", "em",  "font", "i", "ins", "span",
    "mark", "small", "strong", "sub", "sup", "tt",   "u", "wbr",
};

static const struct {
    const char *name, *text;
} entities[] = {
    {"amp",    "&"           },
    {"lt",     "<"           },
    {"gt",     ">"           },
    {"quot",   "\""          },
    {"apos",   "'"           },
    {"nbsp",   " "           },
    {"shy",    ""            },
    {"zwnj",   ""            },
    {"hellip", "\xe2\x80\xa6"},
    {"ndash",  "\xe2\x80\x93"},
    {"mdash",  "\xe2\x80\x94"},
    {"lsquo",  "\xe2\x80\x98"},
    {"rsquo",  "\xe2\x80\x99"},
    {"ldquo",  "\xe2\x80\x9c"},
    {"rdquo",  "\xe2\x80\x9d"},
    {"copy",   "\xc2\xa9"    },
    {"auml",   "\xc3\xa4"    },
    {"ouml",   "\xc3\xb6"    },
    {"uuml",   "\xc3\xbc"    },
    {"Auml",   "\xc3\x84"    },
    {"Ouml",   "\xc3\x96"    },
    {"Uuml",   "\xc3\x9c"    },
    {"szlig",  "\xc3\x9f"    },
    {"eacute", "\xc3\xa9"    },
    {"egrave", "\xc3\xa8"    },
    {"agrave", "\xc3\xa0"    },
    {"euro",   "\xe2\x82\xac"},
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static struct span name_of(const struct html_text *h)
{
    return (struct span){h->name, h->name_len};
}

static void start_name(struct html_text *h, enum html_text_state state)
{
    h->state = state;
    h->name_len = 0;
}

static bool add_to_name(struct html_text *h, char c)
{
    if (h->name_len == HTML_TEXT_NAME_MAX)
        return false;
    h->name[h->name_len++] = c;
    return true;
}

/* A tag is whole. Returns the blank that it stands for. */
static size_t end_tag(struct html_text *h, char *out)
{
    struct span name = name_of(h);
    bool closing = name.len > 0 && name.at[0] == '/';

    if (closing)
        name = span_after(name, 1);
    h->state = HTML_TEXT_PLAIN;
    if (h->hidden != NULL) {
        if (closing && span_eq_nocase(name, span_str(h->hidden)))
            h->hidden = NULL;
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(hidden_elements) && !closing; i++) {
        if (span_eq_nocase(name, span_str(hidden_elements[i])))
            h->hidden = hidden_elements[i];
    }
    for (size_t i = 0; i < COUNT_OF(inline_elements); i++) {
        if (span_eq_nocase(name, span_str(inline_elements[i])))
            return 0;
    }
    out[0] = ' ';
    return 1;
}

static size_t put_code(uint32_t code, char *out)
{
    if (code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code < 0xe000) ||
        code > 0x10ffff) {
        out[0] = ' ';
        return 1;
    }
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 63));
        out[2] = (char)(0x80 | (code & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 63));
    out[2] = (char)(0x80 | (code >> 6 & 63));
    out[3] = (char)(0x80 | (code & 63));
    return 4;
}

/* "#228" or "#xe4". */
static bool numeric_entity(struct span name, uint32_t *code_r)
{
    uint32_t base = 10, code = 0;

    name = span_after(name, 1);
    if (name.len > 0 && (name.at[0] == 'x' || name.at[0] == 'X')) {
        base = 16;
        name = span_after(name, 1);
    }
    if (name.len == 0 || name.len > 7)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 99;

        if (digit >= base)
            return false;
        code = code * base + digit;
    }
    *code_r = code;
    return true;
}

/* What was no entity that we know is shown as it stands. */
static size_t put_verbatim(const struct html_text *h, char *out)
{
    out[0] = '&';
    memcpy(out + 1, h->name, h->name_len);
    return 1U + h->name_len;
}

static size_t end_entity(struct html_text *h, char *out)
{
    struct span name = name_of(h);
    uint32_t code;

    h->state = HTML_TEXT_PLAIN;
    if (name.len > 1 && name.at[0] == '#' && numeric_entity(name, &code))
        return put_code(code, out);
    for (size_t i = 0; i < COUNT_OF(entities); i++) {
        if (span_eq(name, span_str(entities[i].name))) {
            memcpy(out, entities[i].text, strlen(entities[i].text));
            return strlen(entities[i].text);
        }
    }
    return put_verbatim(h, out);
}

static size_t step_tag_name(struct html_text *h, char c, char *out)
{
    if (c == '>')
        return end_tag(h, out);
    if (h->name_len == 3 && memcmp(h->name, "!--", 3) == 0) {
        h->state = HTML_TEXT_COMMENT;
        h->dashes = c == '-';
        return 0;
    }
    if (h->name_len == 0 && !is_letter(c) && c != '/' && c != '!' && c != '?') {
        h->state = HTML_TEXT_PLAIN; /* "1 < 2" */
        if (h->hidden != NULL)
            return 0;
        out[0] = '<';
        out[1] = c;
        return 2;
    }
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || (c == '/' && h->name_len > 0) ||
        !add_to_name(h, c))
        h->state = HTML_TEXT_TAG;
    return 0;
}

static size_t step_entity(struct html_text *h, char c, char *out)
{
    size_t len;

    if (c == ';')
        return end_entity(h, out);
    if ((is_letter(c) || (c == '#' && h->name_len == 0)) && add_to_name(h, c))
        return 0;
    h->state = HTML_TEXT_PLAIN;
    len = put_verbatim(h, out);
    return len + html_text_step(h, c, out + len);
}

static size_t step_plain(struct html_text *h, char c, char *out)
{
    if (c == '<') {
        start_name(h, HTML_TEXT_TAG_NAME);
        return 0;
    }
    if (h->hidden != NULL)
        return 0;
    if (c == '&') {
        start_name(h, HTML_TEXT_ENTITY);
        return 0;
    }
    out[0] = c;
    return 1;
}

size_t html_text_step(struct html_text *h, char c, char *out)
{
    /* "if (a<b)" in a script is no tag, so its '<' must not hide the one of "</script>". */
    if (h->hidden != NULL && c == '<' && h->state != HTML_TEXT_COMMENT)
        h->state = HTML_TEXT_PLAIN;
    switch (h->state) {
    case HTML_TEXT_PLAIN:
        break;
    case HTML_TEXT_TAG_NAME:
        return step_tag_name(h, c, out);
    case HTML_TEXT_TAG:
        return c == '>' ? end_tag(h, out) : 0;
    case HTML_TEXT_COMMENT:
        if (c == '>' && h->dashes >= 2)
            h->state = HTML_TEXT_PLAIN;
        h->dashes = c != '-' ? 0 : h->dashes < 2 ? (unsigned char)(h->dashes + 1) : 2;
        return 0;
    case HTML_TEXT_ENTITY:
        return step_entity(h, c, out);
    }
    return step_plain(h, c, out);
}
