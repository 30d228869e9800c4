#include "proto/mime/structure.h"

#include "core/base/ensure.h"
#include "proto/mime/envelope.h"
#include "proto/mime/header.h"
#include "proto/mime/header_param.h"
#include "proto/text/scan.h"

enum {
    LANGUAGES_MAX = META_PARAMS_MAX,
};

struct writer {
    const struct part_tree *tree;
    struct span message;
    unsigned *addresses_left;
    struct buffer *scratch, *body, *full;
    uint32_t
        open[META_DEPTH_MAX + 1]; /* multiparts and messages whose end is still to be written */
    unsigned levels;
};

/* ---- fields */

static void write_unfolded(struct writer *w, struct span value)
{
    w->scratch->len = 0;
    envelope_write_string(header_unfold(value, w->scratch), w->full);
}

/* "(name value …)" or NIL. Text without a charset gets the default one of RFC 2045 5.2. */
static void write_params(struct writer *w, struct span text, bool is_text)
{
    struct header_params params;
    char separator = '(';

    w->scratch->len = 0;
    header_params_within(text, w->tree->limits->mime_param_limit, w->scratch, &params);
    for (unsigned i = 0; i < params.count; i++) {
        buffer_add_byte(w->full, separator);
        envelope_write_string(params.list[i].name, w->full);
        buffer_add_byte(w->full, ' ');
        envelope_write_string(params.list[i].value, w->full);
        separator = ' ';
    }
    if (is_text && header_param(&params, SPAN("charset")).at == NULL) {
        buffer_add_byte(w->full, separator);
        buffer_add(w->full, SPAN("\"charset\" \"us-ascii\""));
        separator = ' ';
    }
    buffer_add(w->full, separator == '(' ? SPAN("NIL") : SPAN(")"));
}

static void write_disposition(struct writer *w, struct span value)
{
    struct span kind;

    scan_cfws(&value);
    if (!header_token(&value, &kind)) {
        buffer_add(w->full, SPAN("NIL"));
        return;
    }
    buffer_add_byte(w->full, '(');
    envelope_write_string(kind, w->full);
    buffer_add_byte(w->full, ' ');
    write_params(w, value, false);
    buffer_add_byte(w->full, ')');
}

/* RFC 3282: tags between commas. */
static void write_languages(struct writer *w, struct span value)
{
    unsigned count = 0;
    struct span tag;

    while (value.len > 0 && count < LANGUAGES_MAX) {
        scan_cfws(&value);
        if (header_token(&value, &tag)) {
            buffer_add_byte(w->full, count++ == 0 ? '(' : ' ');
            envelope_write_string(tag, w->full);
        } else {
            value = span_after(value, 1);
        }
    }
    buffer_add(w->full, count == 0 ? SPAN("NIL") : SPAN(")"));
}

/* ---- extension data: only in BODYSTRUCTURE */

static void write_extension_rest(struct writer *w, const struct part *p)
{
    buffer_add_byte(w->full, ' ');
    write_disposition(w, p->disposition);
    buffer_add_byte(w->full, ' ');
    write_languages(w, p->language);
    buffer_add_byte(w->full, ' ');
    write_unfolded(w, p->location);
    buffer_add_byte(w->full, ')');
    buffer_add_byte(w->body, ')');
}

static void write_single_extension(struct writer *w, const struct part *p)
{
    buffer_add_byte(w->full, ' ');
    write_unfolded(w, p->md5);
    write_extension_rest(w, p);
}

static void write_multipart_end(struct writer *w, const struct part *p)
{
    buffer_add_byte(w->full, ' ');
    envelope_write_string(p->subtype, w->full);
    buffer_add_byte(w->body, ' ');
    envelope_write_string(p->subtype, w->body);
    buffer_add_byte(w->full, ' ');
    write_params(w, p->params, false);
    write_extension_rest(w, p);
}

/* ---- parts */

static void write_type(struct writer *w, const struct part *p)
{
    if (p->shown == PART_AS_OCTETS) {
        buffer_add(w->full, SPAN("(\"application\" \"octet-stream\" NIL"));
    } else if (p->shown == PART_AS_TEXT) {
        buffer_add(w->full, SPAN("(\"text\" \"plain\" (\"charset\" \"us-ascii\")"));
    } else {
        buffer_add_byte(w->full, '(');
        envelope_write_string(p->main_type, w->full);
        buffer_add_byte(w->full, ' ');
        envelope_write_string(p->subtype, w->full);
        buffer_add_byte(w->full, ' ');
        write_params(w, p->params, span_eq_nocase(p->main_type, SPAN("text")));
    }
}

/* "(type subtype params id description encoding size": how all but multiparts begin. */
static void write_fields(struct writer *w, const struct part *p)
{
    write_type(w, p);
    buffer_add_byte(w->full, ' ');
    write_unfolded(w, p->id);
    buffer_add_byte(w->full, ' ');
    write_unfolded(w, p->description);
    buffer_add_byte(w->full, ' ');
    if (p->transfer_encoding.at == NULL)
        buffer_add(w->full, SPAN("\"7bit\""));
    else
        envelope_write_string(p->transfer_encoding, w->full);
    buffer_add_byte(w->full, ' ');
    buffer_add_number(w->full, p->body_len);
}

static void write_lines(struct writer *w, const struct part *p)
{
    buffer_add_byte(w->full, ' ');
    buffer_add_number(w->full, p->lines);
}

/* What was added to BODYSTRUCTURE since `from` belongs to BODY as well. */
static void copy_to_body(struct writer *w, size_t from)
{
    buffer_add(w->body, buffer_since(w->full, from));
}

static bool has_lines(const struct part *p)
{
    return p->shown == PART_AS_TEXT ||
           (p->shown == PART_AS_WRITTEN && span_eq_nocase(p->main_type, SPAN("text")));
}

static void write_leaf(struct writer *w, const struct part *p)
{
    size_t from = w->full->len;

    write_fields(w, p);
    if (has_lines(p))
        write_lines(w, p);
    copy_to_body(w, from);
    write_single_extension(w, p);
}

static void write_message_start(struct writer *w, const struct part *p)
{
    const struct part *inside = p + 1;
    size_t from = w->full->len;

    write_fields(w, p);
    buffer_add_byte(w->full, ' ');
    envelope_write(
        span_first(span_after(w->message, inside->header_at), inside->body_at - inside->header_at),
        w->tree->limits, w->addresses_left, w->scratch, w->full);
    buffer_add_byte(w->full, ' ');
    copy_to_body(w, from);
}

static void write_message_end(struct writer *w, const struct part *p)
{
    size_t from = w->full->len;

    write_lines(w, p);
    copy_to_body(w, from);
    write_single_extension(w, p);
}

static void write_start(struct writer *w, uint32_t index)
{
    const struct part *p = &w->tree->parts[index];

    if (p->type == META_LEAF) {
        write_leaf(w, p);
        return;
    }
    ensure(w->levels < COUNT_OF(w->open));
    w->open[w->levels++] = index;
    if (p->type == META_MESSAGE) {
        write_message_start(w, p);
    } else {
        buffer_add_byte(w->full, '(');
        buffer_add_byte(w->body, '(');
    }
}

/* Ends the parts whose last descendant is before `index`. */
static void write_ends(struct writer *w, uint32_t index)
{
    while (w->levels > 0 && w->tree->parts[w->open[w->levels - 1]].next == index) {
        const struct part *p = &w->tree->parts[w->open[--w->levels]];

        if (p->type == META_MESSAGE)
            write_message_end(w, p);
        else
            write_multipart_end(w, p);
    }
}

void structure_write(const struct part_tree *tree, struct span message, unsigned *addresses_left,
                     struct buffer *scratch, struct buffer *body, struct buffer *full)
{
    struct writer w = {
        .tree = tree,
        .message = message,
        .addresses_left = addresses_left,
        .scratch = scratch,
        .body = body,
        .full = full,
    };

    for (uint32_t i = 0; i < tree->count; i++) {
        write_start(&w, i);
        write_ends(&w, i + 1);
    }
    ensure(w.levels == 0);
}
