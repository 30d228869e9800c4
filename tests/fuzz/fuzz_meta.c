/* fuzz_meta: any bytes as a message: its META opens, its parts lie in the message and in each
 * other, its texts are IMAP's, and a search ends. */

#include "core/base/ensure.h"
#include "proto/mime/meta.h"
#include "proto/mime/search_text.h"
#include "proto/text/charset.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/mime/imap_grammar.h"

static void check_parts(const struct meta *m, size_t size)
{
    uint32_t path[META_DEPTH_MAX + 1];
    struct meta_part p, child;
    unsigned depth = 0;

    for (uint32_t i = 0; i < m->part_count; i++) {
        ensure(meta_part_at(m, i, &p));
        ensure(p.header_at + (size_t)p.header_len == p.body_at);
        ensure(p.body_at + (size_t)p.body_len <= size);
        ensure(p.decoded_len == UINT32_MAX || p.decoded_len <= p.body_len);
        ensure(p.lines <= p.body_len);
        ensure((p.type == META_LEAF) == (p.children == 0));
    }
    /* Down along the last children, by number. */
    ensure(meta_part(m, path, 0, &p));
    while (p.children > 0 && depth < META_DEPTH_MAX) {
        path[depth++] = p.children;
        if (!meta_part(m, path, depth, &child))
            break;
        ensure(child.header_at >= p.header_at && child.body_len <= p.body_len);
        p = child;
    }
}

static void check_fields(const struct meta *m)
{
    struct span name, field;
    size_t place = 0, len = 0;

    while (meta_field_next(m, &place, &name, &field)) {
        ensure(name.len > 0 && name.len < field.len);
        ensure(meta_field_known(m, name) || m->fields_cut);
        len += field.len;
    }
    ensure(len <= m->header_len && place == m->fields.len);
}

static void check_search(const struct meta *m, struct span message)
{
    struct search_text s;

    search_text_open(&s, message.len > 3 ? SPAN("e\xc3\xa9 =") : SPAN("a"));
    (void)!search_text_header(&s, span_first(message, m->header_len));
    (void)!search_text_body(&s, m, message);
    search_text_close(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span message = {(const char *)data, size};
    struct chain bytes = {0};
    struct meta m;

    meta_build(message, &bytes);
    ensure(meta_open(chain_flat(&bytes), &m));
    ensure(m.size == size && m.header_len <= size && m.part_count <= META_PARTS_MAX);
    ensure(grammar_is_envelope(m.envelope));
    ensure(grammar_is_body(m.body, false));
    ensure(grammar_is_body(m.bodystructure, true));
    ensure(charset_is_utf8(m.preview) && m.preview.len <= 4 * META_PREVIEW_MAX);
    check_parts(&m, size);
    check_fields(&m);
    check_search(&m, message);
    chain_free(&bytes);
    return 0;
}
