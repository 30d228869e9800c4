#include "core/service/imap_message.h"

#include "core/base/ensure.h"

struct imap_message imap_message_of(struct store_view *view, const struct store_entry *entry)
{
    /* The size of the body is in the entry: the body itself need not be touched. */
    return (struct imap_message){
        .view = view, .entry = entry, .body_len = entry->size - entry->header_len};
}

bool imap_message_open(struct imap_message *m)
{
    struct span bytes;

    if (store_message_meta(m->view, m->entry->message, &bytes) == STORE_OK &&
        meta_open(bytes, &m->meta))
        return true;
    if (store_message_bytes(m->view, m->entry->message, 0, m->body_len, &bytes) != STORE_OK)
        return false;
    meta_build(bytes, &m->rebuilt);
    ensure(meta_open(chain_flat(&m->rebuilt), &m->meta));
    return true;
}

void imap_message_close(struct imap_message *m)
{
    chain_free(&m->rebuilt);
}

struct span imap_message_delivery(const struct imap_message *m)
{
    struct span bytes;

    if (store_entry_header(m->view, m->entry, &bytes) != STORE_OK)
        return SPAN("");
    return bytes;
}

struct span imap_message_header(const struct imap_message *m)
{
    struct span bytes;

    if (store_message_bytes(m->view, m->entry->message, 0, m->meta.header_len, &bytes) != STORE_OK)
        return SPAN("");
    return bytes;
}

/* What a partial leaves of `total` bytes. */
static void section_cut(const struct imap_section *section, uint32_t total, uint32_t *from_r,
                        uint32_t *len_r)
{
    *from_r = 0;
    *len_r = total;
    if (!section->is_partial)
        return;
    *from_r = section->partial_from < total ? section->partial_from : total;
    *len_r = total - *from_r < section->partial_len ? total - *from_r : section->partial_len;
}

/* ---- HEADER.FIELDS ---- */

static bool fields_are_known(const struct imap_message *m, const struct imap_section *section)
{
    if (section->kind != IMAP_SECTION_FIELDS)
        return false;
    for (unsigned i = 0; i < section->name_count; i++) {
        if (!meta_field_known(&m->meta, section->names[i]))
            return false;
    }
    return true;
}

static void fields_from_meta(const struct imap_message *m, const struct imap_section *section,
                             struct chain *out)
{
    struct span name, field;
    size_t place = 0;

    while (meta_field_next(&m->meta, &place, &name, &field)) {
        if (imap_section_wants(section, name))
            chain_add(out, field);
    }
}

static bool section_fields(struct imap_message *m, const struct imap_section *section,
                           const struct imap_section_place *place, struct imap_fetch_writer *w)
{
    struct chain fields = {0};
    struct span header, text;
    uint32_t from, len;

    if (place->with_delivery)
        imap_section_choose(section, imap_message_delivery(m), &fields);
    if (section->depth == 0 && fields_are_known(m, section)) {
        fields_from_meta(m, section, &fields);
    } else if (store_message_bytes(m->view, m->entry->message, place->at, place->len, &header) ==
               STORE_OK) {
        imap_section_choose(section, header, &fields);
    } else {
        chain_free(&fields);
        imap_fetch_write_section_nil(w, section);
        return false;
    }
    chain_add(&fields, SPAN("\r\n"));
    text = chain_flat(&fields);
    section_cut(section, (uint32_t)text.len, &from, &len);
    imap_fetch_write_section(w, section, len);
    chain_add(w->out, span_first(span_after(text, from), len));
    chain_free(&fields);
    return true;
}

/* ---- bytes as they are ---- */

static bool section_bytes(struct imap_message *m, const struct imap_section *section,
                          const struct imap_section_place *place, struct imap_fetch_writer *w)
{
    struct span front = place->with_delivery ? imap_message_delivery(m) : SPAN("");
    uint32_t front_len = (uint32_t)front.len, from, len, body_from, body_len;
    struct chain body = {0};

    section_cut(section, front_len + place->len, &from, &len);
    front = span_first(span_after(front, from), len);
    body_from = from > front_len ? from - front_len : 0;
    body_len = len - (uint32_t)front.len;
    if (body_len > 0 && store_message_lend(m->view, m->entry->message, place->at + body_from,
                                           body_len, &body) != STORE_OK) {
        chain_free(&body);
        imap_fetch_write_section_nil(w, section);
        return false;
    }
    imap_fetch_write_section(w, section, len);
    chain_add(w->out, front);
    chain_move(w->out, &body);
    return true;
}

bool imap_message_section(struct imap_message *m, const struct imap_section *section,
                          struct imap_fetch_writer *w)
{
    struct imap_section_place place = imap_section_find(section, &m->meta, m->body_len);

    if (!place.exists) {
        imap_fetch_write_section_nil(w, section);
        return true;
    }
    if (section->kind == IMAP_SECTION_FIELDS || section->kind == IMAP_SECTION_FIELDS_NOT)
        return section_fields(m, section, &place, w);
    return section_bytes(m, section, &place, w);
}
