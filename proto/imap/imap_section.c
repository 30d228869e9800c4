#include "proto/imap/imap_section.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "proto/imap/imap_token.h"
#include "proto/mime/header.h"
#include "proto/mime/meta.h"
#include "proto/text/imap_string.h"
#include "proto/text/scan.h"

/* Longer words first: a word is matched by its beginning. */
static const struct {
    const char *word;
    enum imap_section_kind kind;
} section_words[] = {
    {"HEADER.FIELDS.NOT", IMAP_SECTION_FIELDS_NOT},
    {"HEADER.FIELDS",     IMAP_SECTION_FIELDS    },
    {"HEADER",            IMAP_SECTION_HEADER    },
    {"TEXT",              IMAP_SECTION_TEXT      },
    {"MIME",              IMAP_SECTION_MIME      },
};

/* "1.2" or "1.2." in front of a word; stops where no number follows. */
static bool section_path(struct span *at, struct imap_section *s, bool *wants_word_r)
{
    uint32_t number;

    *wants_word_r = true;
    while (imap_token_number(at, &number)) {
        if (s->depth == IMAP_SECTION_DEPTH_MAX)
            return false;
        s->path[s->depth++] = number;
        *wants_word_r = scan_byte(at, '.');
        if (!*wants_word_r)
            break;
    }
    return true;
}

/* RFC 5322 3.6.8: what the name of a field may be made of. */
static bool name_is_field(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] <= ' ' || name.at[i] == 0x7f || name.at[i] == ':')
            return false;
    }
    return name.len > 0;
}

static bool section_names(struct span *at, struct imap_section *s)
{
    if (!imap_token_space(at) || !scan_byte(at, '('))
        return false;
    s->names = xcalloc(IMAP_SECTION_NAMES_MAX, sizeof(*s->names));
    do {
        if (s->name_count == IMAP_SECTION_NAMES_MAX ||
            !imap_token_astring(at, &s->names[s->name_count]) ||
            !name_is_field(s->names[s->name_count]))
            return false;
        s->name_count++;
    } while (scan_byte(at, ' '));
    s->names = xrealloc(s->names, s->name_count * sizeof(*s->names));
    return scan_byte(at, ')');
}

static bool section_word(struct span *at, struct imap_section *s)
{
    for (size_t i = 0; i < COUNT_OF(section_words); i++) {
        if (!scan_nocase(at, span_str(section_words[i].word)))
            continue;
        s->kind = section_words[i].kind;
        if (s->kind == IMAP_SECTION_MIME)
            return s->depth > 0;
        if (s->kind == IMAP_SECTION_FIELDS || s->kind == IMAP_SECTION_FIELDS_NOT)
            return section_names(at, s);
        return true;
    }
    return false;
}

static bool section_text(struct span *at, struct imap_section *s)
{
    bool wants_word;

    if (!scan_byte(at, '[') || !section_path(at, s, &wants_word))
        return false;
    if (scan_byte(at, ']'))
        return s->depth == 0 || !wants_word;
    return wants_word && section_word(at, s) && scan_byte(at, ']');
}

static bool section_partial(struct span *at, struct imap_section *s)
{
    if (!scan_byte(at, '<'))
        return true;
    s->is_partial = true;
    return imap_token_number(at, &s->partial_from) && scan_byte(at, '.') &&
           imap_token_number(at, &s->partial_len) && s->partial_len > 0 && scan_byte(at, '>');
}

bool imap_section_parse(struct span *at, struct imap_section *section_r)
{
    struct imap_section s = {0};

    if (!section_text(at, &s) || !section_partial(at, &s)) {
        imap_section_free(&s);
        return false;
    }
    *section_r = s;
    return true;
}

void imap_section_free(struct imap_section *section)
{
    free(section->names);
    section->names = NULL;
    section->name_count = 0;
}

static void name_write(struct chain *out, struct span name)
{
    char upper[64];

    /* As Dovecot does; the client compares without case. Long names stay as they came. */
    if (name.len <= sizeof(upper)) {
        for (size_t i = 0; i < name.len; i++) {
            char c = name.at[i];
            upper[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        }
        name.at = upper;
    }
    if (imap_text_is_atom(name))
        chain_add(out, name);
    else
        imap_string_write(out, name);
}

void imap_section_write_name(const struct imap_section *s, struct chain *out)
{
    if (s->label != NULL) {
        chain_add(out, span_str(s->label));
        return;
    }
    chain_add(out, SPAN("BODY["));
    for (unsigned i = 0; i < s->depth; i++) {
        if (i > 0)
            chain_add_byte(out, '.');
        chain_add_number(out, s->path[i]);
    }
    for (size_t i = 0; i < COUNT_OF(section_words); i++) {
        if (section_words[i].kind != s->kind)
            continue;
        if (s->depth > 0)
            chain_add_byte(out, '.');
        chain_add(out, span_str(section_words[i].word));
    }
    for (unsigned i = 0; i < s->name_count; i++) {
        chain_add(out, i == 0 ? SPAN(" (") : SPAN(" "));
        name_write(out, s->names[i]);
    }
    chain_add(out, s->name_count > 0 ? SPAN(")]") : SPAN("]"));
    if (s->is_partial) {
        chain_add_byte(out, '<');
        chain_add_number(out, s->partial_from);
        chain_add_byte(out, '>');
    }
}

/* Sections of the message itself, whose header begins with the delivery header. */
static struct imap_section_place section_find_root(enum imap_section_kind kind, uint32_t header_len,
                                                   uint32_t body_len)
{
    switch (kind) {
    case IMAP_SECTION_ALL:
        return (struct imap_section_place){true, true, 0, body_len};
    case IMAP_SECTION_TEXT:
        return (struct imap_section_place){true, false, header_len, body_len - header_len};
    default:
        return (struct imap_section_place){true, true, 0, header_len};
    }
}

static struct imap_section_place section_find_inner(const struct imap_section *s,
                                                    const struct meta *meta)
{
    uint32_t header_at, header_len, text_at, text_len;

    if (!meta_part_message(meta, s->path, s->depth, &header_at, &header_len, &text_at, &text_len))
        return (struct imap_section_place){0};
    if (s->kind == IMAP_SECTION_TEXT)
        return (struct imap_section_place){true, false, text_at, text_len};
    return (struct imap_section_place){true, false, header_at, header_len};
}

struct imap_section_place imap_section_find(const struct imap_section *s, const struct meta *meta,
                                            uint32_t body_len)
{
    struct meta_part part;
    uint32_t header_len = meta->header_len < body_len ? meta->header_len : body_len;

    if (s->depth == 0)
        return section_find_root(s->kind, header_len, body_len);
    if (s->kind != IMAP_SECTION_ALL && s->kind != IMAP_SECTION_MIME)
        return section_find_inner(s, meta);
    if (!meta_part(meta, s->path, s->depth, &part))
        return (struct imap_section_place){0};
    if (s->kind == IMAP_SECTION_ALL)
        return (struct imap_section_place){true, false, part.body_at, part.body_len};
    /* Part 1 of a message that is no multipart: its header is the message's own. */
    return (struct imap_section_place){true, part.header_at == 0, part.header_at, part.header_len};
}

bool imap_section_wants(const struct imap_section *s, struct span name)
{
    bool is_named = false;

    for (unsigned i = 0; i < s->name_count && !is_named; i++)
        is_named = span_eq_nocase(s->names[i], name);
    return is_named == (s->kind == IMAP_SECTION_FIELDS);
}

void imap_section_choose(const struct imap_section *s, struct span header, struct chain *out)
{
    struct header_walk walk = header_walk(header);
    struct header_field field;

    while (header_next(&walk, &field)) {
        if (imap_section_wants(s, field.name))
            chain_add(out, field.whole);
    }
}
