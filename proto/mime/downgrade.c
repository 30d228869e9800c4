#include "proto/mime/downgrade.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "proto/mime/header.h"
#include "proto/mime/mime_limits.h"
#include "proto/mime/part.h"
#include "proto/text/quoted_printable.h"
#include "proto/text/scan.h"

enum {
    ENCODED_BLOCK = 4096, /* bytes made at once */
};

/* What is done about the part in hand. */
enum treatment {
    TREAT_NOT,   /* it stays */
    TREAT_LABEL, /* it is 7bit in truth, or what contains others: only its header changes */
    TREAT_ENCODE,
};

struct downgrade {
    struct span message;
    struct part_tree tree;
    uint32_t part;     /* whose header is next */
    size_t at;         /* what is before is written */
    size_t encoded_to; /* what is before goes out as quoted-printable; 0: not in such a body */
    unsigned column;   /* of the encoded line */
};

struct downgrade *downgrade_new(struct span message)
{
    struct downgrade *d = xcalloc(1, sizeof(*d));
    struct buffer scratch = {0};

    d->message = message;
    part_tree_build(message, &mime_limits_most, &scratch, &d->tree);
    buffer_free(&scratch);
    return d;
}

void downgrade_free(struct downgrade **d)
{
    if (*d == NULL)
        return;
    part_tree_free(&(*d)->tree);
    free(*d);
    *d = NULL;
}

/* RFC 2045 6.4: multiparts and messages may not be encoded. */
static bool is_composite(const struct part *p)
{
    return p->type != META_LEAF || span_eq_nocase(p->main_type, SPAN("multipart")) ||
           span_eq_nocase(p->main_type, SPAN("message"));
}

static enum treatment treatment_of(const struct downgrade *d, const struct part *p)
{
    struct span body = span_first(span_after(d->message, p->body_at), p->body_len);
    bool is_labelled = p->encoding == META_8BIT || p->encoding == META_BINARY;

    if (!is_labelled && p->encoding != META_7BIT)
        return TREAT_NOT;
    if (is_composite(p))
        return is_labelled ? TREAT_LABEL : TREAT_NOT;
    if (p->encoding == META_BINARY || !scan_is_ascii(body) ||
        (body.len > 0 && memchr(body.at, '\0', body.len) != NULL))
        return TREAT_ENCODE;
    return is_labelled ? TREAT_LABEL : TREAT_NOT;
}

/* Where in the header the field stands that says how the part is encoded; an empty place in front
 * of the blank line when there is none. */
static struct span label_find(const struct downgrade *d, const struct part *p)
{
    struct span header =
        span_first(span_after(d->message, p->header_at), p->body_at - p->header_at);
    struct header_walk walk = header_walk(header);
    struct header_field field;
    size_t blank = header.len;

    while (header_next(&walk, &field)) {
        if (span_eq_nocase(field.name, SPAN("Content-Transfer-Encoding")))
            return field.whole;
    }
    blank -= blank > 0 && header.at[blank - 1] == '\n';
    blank -= blank > 0 && header.at[blank - 1] == '\r';
    if (blank == header.len || (blank > 0 && header.at[blank - 1] != '\n'))
        blank = 0;
    return (struct span){header.at + blank, 0};
}

static bool says_mime(const struct downgrade *d, const struct part *p)
{
    struct header_walk walk =
        header_walk(span_first(span_after(d->message, p->header_at), p->body_at - p->header_at));
    struct header_field field;

    while (header_next(&walk, &field)) {
        if (span_eq_nocase(field.name, SPAN("MIME-Version")))
            return true;
    }
    return false;
}

/* Bytes up to `to` as they are. */
static void copy_to(struct downgrade *d, size_t to, struct chain *out)
{
    chain_add(out, span_first(span_after(d->message, d->at), to - d->at));
    d->at = to;
}

/* The next part's header, and how its body goes out. */
static void part_begin(struct downgrade *d, struct chain *out)
{
    const struct part *p = &d->tree.parts[d->part++];
    enum treatment treatment = treatment_of(d, p);
    struct span label;

    if (treatment == TREAT_NOT)
        return;
    label = label_find(d, p);
    copy_to(d, (size_t)(label.at - d->message.at), out);
    if (p == d->tree.parts && !says_mime(d, p))
        chain_add(out, SPAN("MIME-Version: 1.0\r\n"));
    chain_add(out, treatment == TREAT_ENCODE
                       ? SPAN("Content-Transfer-Encoding: quoted-printable\r\n")
                       : SPAN("Content-Transfer-Encoding: 7bit\r\n"));
    d->at += label.len;
    if (treatment != TREAT_ENCODE)
        return;
    copy_to(d, p->body_at, out);
    d->encoded_to = (size_t)p->body_at + p->body_len;
    d->column = 0;
}

static void body_encode(struct downgrade *d, struct chain *out)
{
    struct span rest = span_first(span_after(d->message, d->at), d->encoded_to - d->at);
    char *room = chain_reserve(out, ENCODED_BLOCK);
    size_t len;

    d->at += quoted_printable_encode(rest, &d->column, room, ENCODED_BLOCK, &len);
    chain_added(out, len);
    if (d->at == d->encoded_to)
        d->encoded_to = 0;
}

bool downgrade_write(struct downgrade *d, struct chain *out, size_t max)
{
    size_t from = out->len;

    while (out->len - from < max) {
        size_t to = d->part < d->tree.count ? d->tree.parts[d->part].header_at : d->message.len;

        if (d->encoded_to > 0) {
            body_encode(d, out);
        } else if (d->at < to) {
            copy_to(d, to - d->at > max ? d->at + max : to, out);
        } else if (d->part < d->tree.count) {
            part_begin(d, out);
        } else {
            return false;
        }
    }
    return true;
}
