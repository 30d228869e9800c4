#include "proto/mime/header_param.h"

#include "core/base/ensure.h"
#include "proto/mime/header.h"
#include "proto/text/scan.h"

enum {
    PIECE_NONE = -1, /* the parameter is in one piece */
    TAKEN = -2,      /* the piece is in another parameter's value already */
    JOINED = -3,     /* the value is that of all its pieces, ready */
};

/* A parameter as written. */
struct raw_param {
    struct span name;  /* without '*' and what follows it */
    struct span value; /* with quotes */
    int piece;
    bool extended;
    size_t name_written; /* the length with '*' and what follows it */
};

/* ---- words */

static bool is_token(char c)
{
    return c > ' ' && c < 0x7f && memchr("()<>@,;:\\\"/[]?=", c, 15) == NULL;
}

bool header_token(struct span *at, struct span *token_r)
{
    size_t len = 0;

    while (len < at->len && is_token(at->at[len]))
        len++;
    *token_r = span_first(*at, len);
    *at = span_after(*at, len);
    return len > 0;
}

bool header_type(struct span *at, struct span *type_r, struct span *subtype_r)
{
    scan_cfws(at);
    if (!header_token(at, type_r))
        return false;
    scan_cfws(at);
    if (at->len == 0 || at->at[0] != '/')
        return false;
    *at = span_after(*at, 1);
    scan_cfws(at);
    return header_token(at, subtype_r);
}

/* ---- one parameter as written */

/* A quoted string with its quotes; one that never ends takes the rest. */
static struct span take_quoted(struct span *at)
{
    struct span from = *at;
    size_t i = 1;

    while (i < from.len && from.at[i] != '"')
        i += from.at[i] == '\\' ? 2 : 1;
    i = i < from.len ? i + 1 : from.len;
    *at = span_after(from, i);
    return span_first(from, i);
}

/* Up to ';' or a comment. Names of files with blanks and no quotes are common enough. */
static struct span take_unquoted(struct span *at)
{
    struct span from = *at;
    size_t i = 0;

    for (; i < from.len && from.at[i] != ';'; i++) {
        if (from.at[i] == '(' && i > 0 && (from.at[i - 1] == ' ' || from.at[i - 1] == '\t'))
            break;
    }
    *at = span_after(from, i);
    return header_trim(span_first(from, i));
}

static void skip_past_semicolon(struct span *at)
{
    for (scan_cfws(at); at->len > 0; scan_cfws(at)) {
        if (at->at[0] == '"') {
            (void)take_quoted(at);
            continue;
        }
        if (at->at[0] == ';') {
            *at = span_after(*at, 1);
            return;
        }
        *at = span_after(*at, 1);
    }
}

/* "name", "name*", "name*0" or "name*0*". What is none of these is a name with a star in it. */
static void split_name(struct span name, struct raw_param *p)
{
    const char *star = memchr(name.at, '*', name.len);
    struct span rest = span_after(name, star == NULL ? name.len : (size_t)(star - name.at) + 1);
    int piece = PIECE_NONE;

    *p = (struct raw_param){.name = name, .piece = PIECE_NONE, .name_written = name.len};
    if (star == NULL || star == name.at)
        return;
    if (rest.len > 0 && rest.at[0] >= '0' && rest.at[0] <= '9') {
        for (piece = 0;
             rest.len > 0 && rest.at[0] >= '0' && rest.at[0] <= '9' && piece < META_PARAMS_MAX;
             rest = span_after(rest, 1))
            piece = piece * 10 + (rest.at[0] - '0');
        if (piece >= META_PARAMS_MAX)
            return;
        if (rest.len == 1 && rest.at[0] == '*')
            p->extended = true;
        else if (rest.len > 0)
            return;
    } else if (rest.len == 0) {
        p->extended = true;
    } else {
        return;
    }
    p->name = span_first(name, (size_t)(star - name.at));
    p->piece = piece;
}

/* The next "name=value"; what is none is passed over. */
static bool take_param(struct span *at, struct raw_param *p)
{
    struct span name;

    while (at->len > 0) {
        scan_cfws(at);
        if (header_token(at, &name)) {
            scan_cfws(at);
            if (at->len > 0 && at->at[0] == '=') {
                *at = span_after(*at, 1);
                scan_cfws(at);
                split_name(name, p);
                p->value = at->len > 0 && at->at[0] == '"' ? take_quoted(at) : take_unquoted(at);
                skip_past_semicolon(at);
                return true;
            }
        }
        skip_past_semicolon(at);
    }
    return false;
}

/* ---- values */

/* A value without its quotes, backslashes and line ends: itself when there are none inside. */
static struct span unquote(struct span raw, struct buffer *scratch)
{
    size_t from = scratch->len;
    bool quoted = raw.len > 0 && raw.at[0] == '"';
    char *to;

    if (quoted) {
        raw = span_after(raw, 1);
        if (raw.len > 0 && raw.at[raw.len - 1] == '"')
            raw.len--;
    }
    if (raw.len == 0 ||
        (memchr(raw.at, '\\', raw.len) == NULL && memchr(raw.at, '\n', raw.len) == NULL))
        return raw;
    to = buffer_room(scratch, raw.len);
    for (size_t i = 0; i < raw.len; i++) {
        if (quoted && raw.at[i] == '\\' && i + 1 < raw.len)
            i++;
        if (raw.at[i] != '\r' && raw.at[i] != '\n')
            *to++ = raw.at[i];
    }
    scratch->len = (size_t)(to - scratch->at);
    return buffer_since(scratch, from);
}

/* RFC 2231's attribute-char may stand for itself in an extended value. */
static void add_encoded(struct buffer *out, struct span text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];

        if (is_token((char)c) && c != '*' && c != '\'' && c != '%') {
            buffer_add_byte(out, (char)c);
        } else {
            buffer_add_byte(out, '%');
            buffer_add_byte(out, hex[c >> 4]);
            buffer_add_byte(out, hex[c & 15]);
        }
    }
}

static struct raw_param *find_piece(struct raw_param *raw, unsigned count, struct span name,
                                    int piece)
{
    for (unsigned i = 0; i < count; i++) {
        if (raw[i].piece == piece && span_eq_nocase(raw[i].name, name))
            return &raw[i];
    }
    return NULL;
}

/* Joins piece 0, which is `first`, with the pieces after it, up to the first gap. */
static void join(struct raw_param *raw, unsigned count, struct raw_param *first,
                 struct buffer *scratch)
{
    struct raw_param *pieces[META_PARAMS_MAX];
    unsigned found = 0;
    size_t from;
    bool extended = false;
    struct raw_param *p = first;

    while (p != NULL) {
        pieces[found++] = p;
        extended |= p->extended;
        p->piece = TAKEN;
        p = found < META_PARAMS_MAX ? find_piece(raw, count, first->name, (int)found) : NULL;
    }
    from = scratch->len;
    if (extended && !first->extended)
        buffer_add(scratch, SPAN("''"));
    for (unsigned i = 0; i < found; i++) {
        size_t start = scratch->len;
        struct span value = unquote(pieces[i]->value, scratch);
        bool in_scratch = scratch->len > start;

        if (extended && !pieces[i]->extended) {
            /* The unquoted text stays in `scratch` only as the source of its encoded form. */
            struct buffer encoded = {0};

            add_encoded(&encoded, value);
            scratch->len = start;
            buffer_add(scratch, buffer_since(&encoded, 0));
            buffer_free(&encoded);
        } else if (!in_scratch) {
            buffer_add(scratch, value);
        }
    }
    first->piece = JOINED;
    first->value = buffer_since(scratch, from);
    first->name_written = first->name.len + extended; /* the star follows the name */
}

/* ---- all of them */

void header_params(struct span text, struct buffer *scratch, struct header_params *params_r)
{
    header_params_within(text, META_PARAMS_MAX, scratch, params_r);
}

void header_params_within(struct span text, uint32_t max, struct buffer *scratch,
                          struct header_params *params_r)
{
    struct raw_param raw[META_PARAMS_MAX];
    unsigned count = 0;
    size_t size = 0;

    ensure(max <= META_PARAMS_MAX);
    params_r->count = 0;
    skip_past_semicolon(&text);
    while (count < max && take_param(&text, &raw[count])) {
        /* Each byte may become three ("%0A"), each parameter two more ("''"). */
        size += raw[count++].value.len * 4 + 2;
    }
    if (count == 0)
        return;
    /* All room at once, so that the spans into it stay. */
    buffer_room(scratch, size);
    for (unsigned i = 0; i < count; i++) {
        if (raw[i].piece == 0)
            join(raw, count, &raw[i], scratch);
    }
    for (unsigned i = 0; i < count; i++) {
        struct raw_param *p = &raw[i];

        if (p->piece == TAKEN)
            continue;
        params_r->list[params_r->count++] = (struct header_param){
            {p->name.at, p->name_written},
            p->piece == JOINED ? p->value : unquote(p->value, scratch),
        };
    }
}

struct span header_param(const struct header_params *params, struct span name)
{
    for (unsigned i = 0; i < params->count; i++) {
        const struct header_param *p = &params->list[i];

        if (span_eq_nocase(p->name, name) ||
            (p->name.len == name.len + 1 && p->name.at[name.len] == '*' &&
             span_eq_nocase(span_first(p->name, name.len), name)))
            return p->value;
    }
    return (struct span){0};
}
