#include "core/base/ensure.h"
#include "core/base/number.h"
#include "proto/mime/decode.h"
#include "proto/mime/envelope.h"
#include "proto/mime/header.h"
#include "proto/mime/header_param.h"
#include "proto/mime/meta.h"
#include "proto/mime/meta_format_private.h"
#include "proto/mime/meta_keep.h"
#include "proto/mime/part.h"
#include "proto/mime/preview.h"
#include "proto/mime/structure.h"
#include "proto/text/date.h"
#include "proto/text/scan.h"

/* A META in the making. */
struct making {
    const struct mime_limits *limits;
    struct span message;
    struct part_tree tree;
    struct buffer scratch;
    struct buffer texts; /* envelope, bodystructure, preview */
    struct buffer body;
    struct buffer fields;
    size_t envelope_len, bodystructure_len, preview_len;
    struct date sent;
    bool has_date;
    unsigned flags;
};

/* ---- the header */

static void cache_field(struct making *m, const struct header_field *field)
{
    size_t len = META_FIELD_HEAD_SIZE + field->whole.len;
    char *at;

    if (!meta_keeps(field->name)) {
        m->flags |= META_FIELDS_NOISE;
        return;
    }
    if (field->name.len > UINT16_MAX || m->fields.len + len > META_CACHE_MAX) {
        m->flags |= META_FIELDS_CUT;
        return;
    }
    at = buffer_room(&m->fields, len);
    number_put16(at, (uint16_t)field->name.len);
    number_put32(at + 2, (uint32_t)field->whole.len);
    memcpy(at + META_FIELD_HEAD_SIZE, field->whole.at, field->whole.len);
    m->fields.len += len;
}

static void read_header(struct making *m, struct span header)
{
    struct header_walk w = header_walk_within(header, m->limits);
    struct header_field field;
    bool seen_date = false;

    while (header_next(&w, &field)) {
        cache_field(m, &field);
        if (!seen_date && span_eq_nocase(field.name, SPAN("Date"))) {
            seen_date = true;
            m->has_date = date_parse(field.value, &m->sent);
        }
    }
    if (w.skipped)
        m->flags |= META_FIELDS_NOISE;
    if (w.cut)
        m->flags |= META_FIELDS_CUT;
}

/* ---- the parts */

/* A message inside, what calls itself an attachment, or a file that is not shown inline. */
static bool is_attachment(struct making *m, const struct part *p)
{
    struct span value = p->disposition, kind = {0};
    struct header_params params;

    if (p->type == META_MESSAGE)
        return true;
    if (p->type == META_MULTIPART || (p->disposition.at == NULL && p->params.len == 0))
        return false;
    scan_cfws(&value);
    if (header_token(&value, &kind))
        return span_eq_nocase(kind, SPAN("attachment"));
    m->scratch.len = 0;
    header_params_within(p->params, m->limits->mime_param_limit, &m->scratch, &params);
    return header_param(&params, SPAN("name")).at != NULL;
}

/* What decoding would cost more than reading the message again is left unknown. */
static uint32_t decoded_len(const struct making *m, const struct part *p)
{
    bool is_coded = p->encoding == META_BASE64 || p->encoding == META_QUOTED_PRINTABLE;

    if (p->type != META_LEAF || (is_coded && p->body_len > META_DECODED_MAX))
        return UINT32_MAX;
    return decode_len(p->encoding, span_first(span_after(m->message, p->body_at), p->body_len));
}

static char *put_part(const struct making *m, const struct part *p, char *at)
{
    memset(at, 0, META_RECORD_SIZE);
    at[META_RECORD_TYPE] = (char)p->type;
    at[META_RECORD_ENCODING] = (char)p->encoding;
    number_put32(at + META_RECORD_HEADER, p->header_at);
    number_put32(at + META_RECORD_BODY, p->body_at);
    number_put32(at + META_RECORD_BODY_LEN, p->body_len);
    number_put32(at + META_RECORD_LINES, p->lines);
    number_put32(at + META_RECORD_DECODED, decoded_len(m, p));
    number_put32(at + META_RECORD_CHILDREN, p->children);
    number_put32(at + META_RECORD_NEXT, p->next);
    return at + META_RECORD_SIZE;
}

/* ---- the texts */

/* A message whose description would be too large is described as one lump. */
static void shrink(struct making *m)
{
    struct part *root = &m->tree.parts[0];

    m->tree.count = root->next = 1;
    root->type = META_LEAF;
    root->shown = PART_AS_OCTETS;
    root->children = 0;
    root->id = root->description = root->language = root->location = (struct span){0};
    root->disposition = root->md5 = root->transfer_encoding = (struct span){0};
    root->encoding = META_7BIT;
}

static void write_structure(struct making *m)
{
    size_t from = m->texts.len;
    unsigned addresses_left = m->limits->header_address_limit;

    structure_write(&m->tree, m->message, &addresses_left, &m->scratch, &m->body, &m->texts);
    if (m->body.len + m->texts.len - from <= META_STRUCTURE_MAX)
        return;
    shrink(m);
    m->body.len = 0;
    m->texts.len = from;
    structure_write(&m->tree, m->message, &addresses_left, &m->scratch, &m->body, &m->texts);
}

static void write_texts(struct making *m, struct span header)
{
    unsigned addresses_left = m->limits->header_address_limit;

    envelope_write(header, m->limits, &addresses_left, &m->scratch, &m->texts);
    m->envelope_len = m->texts.len;
    write_structure(m);
    m->bodystructure_len = m->texts.len - m->envelope_len;
    preview_write(&m->tree, m->message, &m->scratch, &m->texts);
    m->preview_len = m->texts.len - m->envelope_len - m->bodystructure_len;
}

/* ---- all of it */

static char *put_head(const struct making *m, char *at)
{
    const struct part *root = &m->tree.parts[0];

    memset(at, 0, META_HEAD_SIZE);
    number_put16(at + META_AT_MAGIC, META_MAGIC);
    at[META_AT_VERSION] = META_VERSION;
    at[META_AT_FLAGS] = (char)m->flags;
    number_put32(at + META_AT_SIZE, (uint32_t)m->message.len);
    number_put32(at + META_AT_HEADER_LEN, root->body_at);
    number_put32(at + META_AT_LINES, root->lines);
    number_put64(at + META_AT_SENT, (uint64_t)(m->has_date ? m->sent.s : INT64_MIN));
    number_put16(at + META_AT_ZONE, (uint16_t)(m->has_date ? m->sent.zone : 0));
    number_put32(at + META_AT_PARTS, m->tree.count);
    number_put32(at + META_AT_ENVELOPE, (uint32_t)m->envelope_len);
    number_put32(at + META_AT_BODYSTRUCTURE, (uint32_t)m->bodystructure_len);
    number_put32(at + META_AT_PREVIEW, (uint32_t)m->preview_len);
    number_put32(at + META_AT_BODY, (uint32_t)m->body.len);
    number_put32(at + META_AT_FIELDS, (uint32_t)m->fields.len);
    return at + META_HEAD_SIZE;
}

static char *put_bytes(const struct buffer *bytes, char *at)
{
    if (bytes->len > 0)
        memcpy(at, bytes->at, bytes->len);
    return at + bytes->len;
}

static void write_meta(struct making *m, struct chain *meta)
{
    size_t size = META_HEAD_SIZE + (size_t)m->tree.count * META_RECORD_SIZE + m->texts.len +
                  m->body.len + m->fields.len;
    char *start = chain_reserve(meta, size), *at = put_head(m, start);

    for (uint32_t i = 0; i < m->tree.count; i++)
        at = put_part(m, &m->tree.parts[i], at);
    at = put_bytes(&m->texts, at);
    at = put_bytes(&m->body, at);
    at = put_bytes(&m->fields, at);
    ensure((size_t)(at - start) == size);
    chain_added(meta, size);
}

const struct mime_limits mime_limits_most = {
    .mime_nesting_limit = META_DEPTH_MAX,
    .mime_part_limit = META_PARTS_MAX,
    .mime_param_limit = META_PARAMS_MAX,
    .mime_boundary_limit = META_BOUNDARY_MAX,
    .header_block_limit = META_HEADER_MAX,
    .header_size_limit = META_FIELD_MAX,
    .header_count_limit = META_FIELDS_MAX,
    .header_address_limit = META_ADDRESSES_MAX,
};

void meta_build(struct span body, struct chain *meta)
{
    meta_build_within(body, &mime_limits_most, meta);
}

void meta_build_within(struct span body, const struct mime_limits *limits, struct chain *meta)
{
    struct making m = {.limits = limits, .message = span_first(body, META_MESSAGE_MAX)};
    struct span header;

    part_tree_build(m.message, limits, &m.scratch, &m.tree);
    header = span_first(m.message, m.tree.parts[0].body_at);
    read_header(&m, header);
    for (uint32_t i = 0; i < m.tree.count && (m.flags & META_HAS_ATTACHMENT) == 0; i++)
        m.flags |= is_attachment(&m, &m.tree.parts[i]) ? META_HAS_ATTACHMENT : 0;
    write_texts(&m, header);
    write_meta(&m, meta);
    part_tree_free(&m.tree);
    buffer_free(&m.scratch);
    buffer_free(&m.texts);
    buffer_free(&m.body);
    buffer_free(&m.fields);
}
