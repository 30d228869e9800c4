#include "proto/mime/part.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "proto/mime/header.h"
#include "proto/mime/header_param.h"
#include "proto/text/scan.h"

enum {
    PARTS_FIRST = 4,
    BUCKETS = 64,
    NO_LEVEL = -1,
};

/* A part that is not yet ended. */
struct open_part {
    uint32_t index;
    uint32_t lines_before; /* line ends before its body */
    bool in_header;
    bool digest;
    bool delimits; /* the boundary is being looked for */
    uint8_t boundary_len;
    uint32_t boundary_hash;
    int below; /* the next outer level in the same bucket */
    char boundary[META_BOUNDARY_MAX];
};

/* The open parts, outermost first. Their boundaries are found through buckets by hash, so that a
 * line costs the same however deep the nesting is. */
struct builder {
    struct span body;
    struct part_tree *tree;
    struct buffer *scratch;
    struct open_part *open;
    int levels, size;
    int delimiting; /* how many levels look for a boundary */
    int buckets[BUCKETS];
    uint32_t lines; /* line ends before the line in hand */
};

/* ---- Content-* fields */

static enum meta_encoding encoding_of(struct span value)
{
    static const struct {
        struct span name;
        enum meta_encoding encoding;
    } names[] = {
        {{"7bit", 4},              META_7BIT            },
        {{"8bit", 4},              META_8BIT            },
        {{"binary", 6},            META_BINARY          },
        {{"quoted-printable", 16}, META_QUOTED_PRINTABLE},
        {{"base64", 6},            META_BASE64          },
    };

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (span_eq_nocase(value, names[i].name))
            return names[i].encoding;
    }
    return META_ENCODING_UNKNOWN;
}

static void read_encoding(struct span value, struct part *part)
{
    struct span token;

    if (part->transfer_encoding.at != NULL)
        return;
    scan_cfws(&value);
    if (!header_token(&value, &token))
        return;
    part->transfer_encoding = token;
    part->encoding = encoding_of(token);
}

static void read_type(struct span value, struct part *part)
{
    struct span type, subtype;

    if (part->params.at != NULL)
        return;
    if (!header_type(&value, &type, &subtype)) {
        part->main_type = SPAN("text");
        part->subtype = SPAN("plain");
        return;
    }
    part->main_type = type;
    part->subtype = subtype;
    part->params = value;
}

static void read_content_field(struct span name, struct span value, struct part *part)
{
    const struct {
        struct span name;
        struct span *value;
    } fields[] = {
        {{"Disposition", 11}, &part->disposition},
        {{"ID", 2},           &part->id         },
        {{"Description", 11}, &part->description},
        {{"Language", 8},     &part->language   },
        {{"Location", 8},     &part->location   },
        {{"MD5", 3},          &part->md5        },
    };

    if (span_eq_nocase(name, SPAN("Type"))) {
        read_type(value, part);
        return;
    }
    if (span_eq_nocase(name, SPAN("Transfer-Encoding"))) {
        read_encoding(value, part);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (span_eq_nocase(name, fields[i].name) && fields[i].value->at == NULL)
            *fields[i].value = value;
    }
}

void part_read_header(struct span header, const struct mime_limits *limits, bool in_digest,
                      struct part *part)
{
    static const struct span prefix = {"Content-", 8};
    struct header_walk w = header_walk_within(header, limits);
    struct header_field field;

    part->main_type = in_digest ? SPAN("message") : SPAN("text");
    part->subtype = in_digest ? SPAN("rfc822") : SPAN("plain");
    part->encoding = META_7BIT;
    while (header_next(&w, &field)) {
        if (span_eq_nocase(span_first(field.name, prefix.len), prefix))
            read_content_field(span_after(field.name, prefix.len), field.value, part);
    }
}

static bool is_multipart(const struct part *p)
{
    return span_eq_nocase(p->main_type, SPAN("multipart"));
}

static bool is_message(const struct part *p)
{
    return span_eq_nocase(p->main_type, SPAN("message")) &&
           span_eq_nocase(p->subtype, SPAN("rfc822"));
}

/* ---- boundaries */

static uint32_t hash_of(struct span text)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.at[i]) * 16777619U;
    return hash;
}

static int *bucket_of(struct builder *b, uint32_t hash)
{
    return &b->buckets[(hash ^ hash >> 16) % BUCKETS];
}

static struct span rtrim(struct span text)
{
    while (text.len > 0 && memchr(" \t\r\n", text.at[text.len - 1], 4) != NULL)
        text.len--;
    return text;
}

/* Looks for the part's boundary from now on. False when it has none that can be. */
static bool boundary_push(struct builder *b, struct open_part *o, struct span params)
{
    struct header_params list;
    struct span boundary;
    int *bucket;

    b->scratch->len = 0;
    header_params_within(params, b->tree->limits->mime_param_limit, b->scratch, &list);
    boundary = rtrim(header_param(&list, SPAN("boundary")));
    if (boundary.len == 0 || boundary.len > b->tree->limits->mime_boundary_limit)
        return false;
    memcpy(o->boundary, boundary.at, boundary.len);
    o->boundary_len = (uint8_t)boundary.len;
    o->boundary_hash = hash_of(boundary);
    o->delimits = true;
    bucket = bucket_of(b, o->boundary_hash);
    o->below = *bucket;
    *bucket = b->levels - 1;
    b->delimiting++;
    return true;
}

/* Only ever called for the innermost part that still looks for its boundary. */
static void boundary_pop(struct builder *b, struct open_part *o)
{
    if (!o->delimits)
        return;
    *bucket_of(b, o->boundary_hash) = o->below;
    o->delimits = false;
    b->delimiting--;
}

/* The level whose boundary `text` is; NO_LEVEL when there is none. */
static int boundary_level(struct builder *b, struct span text)
{
    uint32_t hash;
    int level;

    if (text.len == 0 || text.len > META_BOUNDARY_MAX)
        return NO_LEVEL;
    hash = hash_of(text);
    for (level = *bucket_of(b, hash); level != NO_LEVEL; level = b->open[level].below) {
        const struct open_part *o = &b->open[level];

        if (o->boundary_hash == hash && span_eq((struct span){o->boundary, o->boundary_len}, text))
            return level;
    }
    return NO_LEVEL;
}

/* Like boundary_level() for a whole line. Blanks at the end of a boundary do not count, in its
 * parameter either: gateways add and take them. */
static int delimiter_level(struct builder *b, struct span line, bool *close_r)
{
    struct span text;
    int level;

    *close_r = false;
    if (b->delimiting == 0 || line.len < 3 || line.at[0] != '-' || line.at[1] != '-')
        return NO_LEVEL;
    text = rtrim(span_after(line, 2));
    level = boundary_level(b, text);
    if (level == NO_LEVEL && text.len > 2 && memcmp(text.at + text.len - 2, "--", 2) == 0) {
        *close_r = true;
        level = boundary_level(b, rtrim(span_first(text, text.len - 2)));
    }
    return level;
}

/* ---- opening and ending parts */

static bool may_open(const struct builder *b)
{
    const struct mime_limits *limits = b->tree->limits;

    return b->levels <= (int)limits->mime_nesting_limit && b->tree->count < limits->mime_part_limit;
}

static void open_part(struct builder *b, size_t at)
{
    struct part_tree *tree = b->tree;
    struct open_part *o;

    if (b->levels > 0)
        tree->parts[b->open[b->levels - 1].index].children++;
    if (tree->count == tree->size) {
        tree->size = tree->size == 0 ? PARTS_FIRST : tree->size * 2;
        tree->parts = xrealloc(tree->parts, tree->size * sizeof(*tree->parts));
    }
    if (b->levels == b->size) {
        b->size = b->size == 0 ? PARTS_FIRST : b->size * 2;
        b->open = xrealloc(b->open, (size_t)b->size * sizeof(*b->open));
    }
    tree->parts[tree->count] = (struct part){.header_at = (uint32_t)at};
    o = &b->open[b->levels++];
    o->index = tree->count++;
    o->in_header = true;
    o->digest = false;
    o->delimits = false;
}

/* The header of the innermost part ends before `at`. What its type asks for is opened. */
static void end_header(struct builder *b, size_t at)
{
    struct open_part *o = &b->open[b->levels - 1];
    struct part *p = &b->tree->parts[o->index];
    bool in_digest = b->levels > 1 && b->open[b->levels - 2].digest;

    o->in_header = false;
    o->lines_before = b->lines;
    p->body_at = (uint32_t)at;
    part_read_header(span_first(span_after(b->body, p->header_at), at - p->header_at),
                     b->tree->limits, in_digest, p);
    if (is_multipart(p) && may_open(b)) {
        if (boundary_push(b, o, p->params))
            o->digest = span_eq_nocase(p->subtype, SPAN("digest"));
    } else if (is_message(p) && may_open(b)) {
        p->type = META_MESSAGE;
        open_part(b, at);
    } else if (is_multipart(p) || is_message(p)) {
        p->shown = PART_AS_OCTETS;
    }
}

/* Ends the innermost part before `end`, where `lines` line ends have been. */
static void close_part(struct builder *b, size_t end, uint32_t lines)
{
    struct open_part *o = &b->open[b->levels - 1];
    struct part *p = &b->tree->parts[o->index];

    if (end > p->body_at) {
        p->body_len = (uint32_t)end - p->body_at;
        p->lines = lines - o->lines_before;
    }
    p->next = b->tree->count;
    if (p->children > 0 && is_multipart(p))
        p->type = META_MULTIPART;
    else if (is_multipart(p) && p->shown == PART_AS_WRITTEN)
        p->shown = PART_AS_TEXT;
    boundary_pop(b, o);
    b->levels--;
}

/* A delimiter of `level` stands at `at`: all inside it ends before the line end before that. */
static void close_above(struct builder *b, int level, size_t at)
{
    size_t end = at;
    uint32_t lines = b->lines;

    while (b->levels - 1 > level && b->open[b->levels - 1].in_header)
        end_header(b, at);
    if (end > 0 && b->body.at[end - 1] == '\n') {
        end--;
        lines--;
        if (end > 0 && b->body.at[end - 1] == '\r')
            end--;
    }
    while (b->levels - 1 > level)
        close_part(b, end, lines);
}

/* ---- the pass */

/* In blocks whose sum fits a byte: the form that compilers turn into vector code. */
static uint32_t count_line_ends(struct span bytes)
{
    enum {
        BLOCK = 128
    };
    uint32_t count = 0;
    size_t i = 0;

    for (; i + BLOCK <= bytes.len; i += BLOCK) {
        unsigned char sum = 0;

        for (size_t k = 0; k < BLOCK; k++)
            sum = (unsigned char)(sum + (bytes.at[i + k] == '\n'));
        count += sum;
    }
    for (; i < bytes.len; i++)
        count += bytes.at[i] == '\n';
    return count;
}

static bool is_blank_line(struct span line)
{
    return (line.len == 1 && line.at[0] == '\n') ||
           (line.len == 2 && line.at[0] == '\r' && line.at[1] == '\n');
}

static bool innermost_in_header(const struct builder *b)
{
    return b->open[b->levels - 1].in_header;
}

static size_t take_line(struct builder *b, size_t at)
{
    struct span rest = span_after(b->body, at);
    const char *lf = memchr(rest.at, '\n', rest.len);
    struct span line = span_first(rest, lf == NULL ? rest.len : (size_t)(lf - rest.at) + 1);
    size_t after = at + line.len;
    bool close;
    int level = delimiter_level(b, line, &close);

    if (level != NO_LEVEL)
        close_above(b, level, at);
    b->lines += lf != NULL;
    if (level != NO_LEVEL && close)
        boundary_pop(b, &b->open[level]);
    else if (level != NO_LEVEL && may_open(b))
        open_part(b, after);
    else if (level == NO_LEVEL && innermost_in_header(b) && is_blank_line(line))
        end_header(b, after);
    return after;
}

void part_tree_build(struct span body, const struct mime_limits *limits, struct buffer *scratch,
                     struct part_tree *tree_r)
{
    struct builder b = {.body = body, .tree = tree_r, .scratch = scratch};
    size_t at = 0;

    ensure(body.len < UINT32_MAX);
    *tree_r = (struct part_tree){.limits = limits};
    for (unsigned i = 0; i < BUCKETS; i++)
        b.buckets[i] = NO_LEVEL;
    open_part(&b, 0);
    while (at < body.len && (b.delimiting > 0 || innermost_in_header(&b)))
        at = take_line(&b, at);
    b.lines += count_line_ends(span_after(body, at));
    while (innermost_in_header(&b))
        end_header(&b, body.len);
    while (b.levels > 0)
        close_part(&b, body.len, b.lines);
    free(b.open);
}

void part_tree_free(struct part_tree *tree)
{
    free(tree->parts);
    *tree = (struct part_tree){0};
}
