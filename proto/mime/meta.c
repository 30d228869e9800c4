#include "proto/mime/meta.h"

#include "core/base/number.h"
#include "proto/mime/meta_format_private.h"
#include "proto/mime/meta_keep.h"

/* A part's record, checked. META may come from a damaged disk: nothing in it is believed. */
struct record {
    struct meta_part part;
    uint32_t index, next;
};

/* ---- opening */

/* Takes `len` bytes off the front; false when there are not so many. */
static bool take(struct span *rest, uint64_t len, struct span *taken_r)
{
    if (len > rest->len)
        return false;
    *taken_r = span_first(*rest, (size_t)len);
    *rest = span_after(*rest, (size_t)len);
    return true;
}

static bool take_sections(struct span rest, const char *head, struct meta *m)
{
    return take(&rest, (uint64_t)m->part_count * META_RECORD_SIZE, &m->parts) &&
           take(&rest, number_get32(head + META_AT_ENVELOPE), &m->envelope) &&
           take(&rest, number_get32(head + META_AT_BODYSTRUCTURE), &m->bodystructure) &&
           take(&rest, number_get32(head + META_AT_PREVIEW), &m->preview) &&
           take(&rest, number_get32(head + META_AT_BODY), &m->body) &&
           take(&rest, number_get32(head + META_AT_FIELDS), &m->fields) && rest.len == 0;
}

bool meta_open(struct span bytes, struct meta *m)
{
    const char *head = bytes.at;
    unsigned flags;

    if (bytes.len < META_HEAD_SIZE || number_get16(head + META_AT_MAGIC) != META_MAGIC ||
        head[META_AT_VERSION] != META_VERSION)
        return false;
    flags = (unsigned char)head[META_AT_FLAGS];
    *m = (struct meta){
        .all = bytes,
        .size = number_get32(head + META_AT_SIZE),
        .header_len = number_get32(head + META_AT_HEADER_LEN),
        .body_lines = number_get32(head + META_AT_LINES),
        .sent_s = (int64_t)number_get64(head + META_AT_SENT),
        .sent_zone = (int16_t)number_get16(head + META_AT_ZONE),
        .part_count = number_get32(head + META_AT_PARTS),
        .has_attachment = (flags & META_HAS_ATTACHMENT) != 0,
        .fields_complete = (flags & (META_FIELDS_NOISE | META_FIELDS_CUT)) == 0,
        .fields_cut = (flags & META_FIELDS_CUT) != 0,
    };
    return m->part_count > 0 && m->part_count <= META_PARTS_MAX && m->header_len <= m->size &&
           take_sections(span_after(bytes, META_HEAD_SIZE), head, m);
}

/* ---- parts */

static bool read_record(const struct meta *m, uint32_t index, struct record *r)
{
    const char *at = m->parts.at + (size_t)index * META_RECORD_SIZE;
    uint32_t body_at, body_len;
    struct meta_part *p = &r->part;

    if (index >= m->part_count)
        return false;
    body_at = number_get32(at + META_RECORD_BODY);
    body_len = number_get32(at + META_RECORD_BODY_LEN);
    *p = (struct meta_part){
        .type = (unsigned char)at[META_RECORD_TYPE],
        .encoding = (unsigned char)at[META_RECORD_ENCODING],
        .header_at = number_get32(at + META_RECORD_HEADER),
        .header_len = body_at - number_get32(at + META_RECORD_HEADER),
        .body_at = body_at,
        .body_len = body_len,
        .lines = number_get32(at + META_RECORD_LINES),
        .decoded_len = number_get32(at + META_RECORD_DECODED),
        .children = number_get32(at + META_RECORD_CHILDREN),
    };
    r->index = index;
    r->next = number_get32(at + META_RECORD_NEXT);
    return p->type <= META_MESSAGE && p->encoding <= META_ENCODING_UNKNOWN &&
           p->header_at <= body_at && body_at <= m->size && body_len <= m->size - body_at &&
           r->next > index && r->next <= m->part_count &&
           (p->type == META_LEAF || r->next > index + 1);
}

/* Child `number`, from 1, of a multipart. Each step goes forward, so this ends. */
static bool read_child(const struct meta *m, const struct record *parent, uint32_t number,
                       struct record *r)
{
    struct record child = {.next = parent->index + 1};

    if (number == 0 || number > parent->part.children)
        return false;
    for (uint32_t i = 0; i < number; i++) {
        if (child.next >= parent->next || !read_record(m, child.next, &child))
            return false;
    }
    *r = child;
    return true;
}

/* Part `number` of a message whose outermost part is `root`. A message that is no multipart has one
 * part, which is its whole text. */
static bool read_part_of_message(const struct meta *m, const struct record *root, uint32_t number,
                                 struct record *r)
{
    if (root->part.type == META_MULTIPART)
        return read_child(m, root, number, r);
    *r = *root;
    return number == 1;
}

static bool read_path(const struct meta *m, const uint32_t *path, unsigned depth, struct record *r)
{
    struct record at, inside;

    if (!read_record(m, 0, &at))
        return false;
    for (unsigned i = 0; i < depth; i++) {
        struct record from = at;
        bool found;

        if (i == 0)
            found = read_part_of_message(m, &from, path[i], &at);
        else if (from.part.type == META_MULTIPART)
            found = read_child(m, &from, path[i], &at);
        else
            found = from.part.type == META_MESSAGE && read_record(m, from.index + 1, &inside) &&
                    read_part_of_message(m, &inside, path[i], &at);
        if (!found)
            return false;
    }
    *r = at;
    return true;
}

bool meta_part(const struct meta *m, const uint32_t *path, unsigned depth, struct meta_part *part_r)
{
    struct record r, inside;

    if (!read_path(m, path, depth, &r))
        return false;
    *part_r = r.part;
    if (r.part.type == META_MESSAGE)
        part_r->children =
            read_record(m, r.index + 1, &inside) && inside.part.type == META_MULTIPART
                ? inside.part.children
                : 1;
    return true;
}

bool meta_part_at(const struct meta *m, uint32_t index, struct meta_part *part_r)
{
    struct record r;

    if (!read_record(m, index, &r))
        return false;
    *part_r = r.part;
    return true;
}

bool meta_part_message(const struct meta *m, const uint32_t *path, unsigned depth,
                       uint32_t *header_at_r, uint32_t *header_len_r, uint32_t *text_at_r,
                       uint32_t *text_len_r)
{
    struct record r;

    if (!read_path(m, path, depth, &r))
        return false;
    if (depth > 0 && (r.part.type != META_MESSAGE || !read_record(m, r.index + 1, &r)))
        return false;
    *header_at_r = r.part.header_at;
    *header_len_r = r.part.header_len;
    *text_at_r = r.part.body_at;
    *text_len_r = r.part.body_len;
    return true;
}

/* ---- fields */

bool meta_field_next(const struct meta *m, size_t *place, struct span *name_r, struct span *field_r)
{
    struct span rest = span_after(m->fields, *place);
    uint32_t name_len, len;

    if (rest.len < META_FIELD_HEAD_SIZE)
        return false;
    name_len = number_get16(rest.at);
    len = number_get32(rest.at + 2);
    rest = span_after(rest, META_FIELD_HEAD_SIZE);
    if (len > rest.len || name_len > len)
        return false;
    *field_r = span_first(rest, len);
    *name_r = span_first(rest, name_len);
    *place += META_FIELD_HEAD_SIZE + len;
    return true;
}

bool meta_field_known(const struct meta *m, struct span name)
{
    return m->fields_complete || (!m->fields_cut && meta_keeps(name));
}
