/* fuzz_meta_open: any bytes as a META, as a damaged disk may give them: refused, or read within
 * their bounds and to an end. */

#include "core/base/ensure.h"
#include "proto/mime/meta.h"
#include "proto/mime/search_text.h"
#include "tests/fuzz/fuzz.h"

static void walk(const struct meta *m)
{
    uint32_t path[4] = {1, 1, 1, 1}, at[4];
    struct meta_part p;

    for (uint32_t i = 0; i < m->part_count; i++) {
        if (!meta_part_at(m, i, &p))
            continue;
        ensure(p.header_at + (size_t)p.header_len == p.body_at);
        ensure(p.body_at + (size_t)p.body_len <= m->size);
    }
    for (unsigned depth = 0; depth <= 4; depth++) {
        for (uint32_t number = 0; number < 4; number++) {
            path[depth == 0 ? 0 : depth - 1] = number;
            if (meta_part(m, path, depth, &p))
                ensure(p.body_at + (size_t)p.body_len <= m->size);
            if (meta_part_message(m, path, depth, &at[0], &at[1], &at[2], &at[3]))
                ensure(at[2] + (size_t)at[3] <= m->size);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span name, field;
    struct search_text s;
    size_t place = 0;
    struct meta m;

    if (!meta_open((struct span){(const char *)data, size}, &m))
        return 0;
    walk(&m);
    while (meta_field_next(&m, &place, &name, &field))
        ensure(field.at >= m.fields.at && field.at + field.len <= m.fields.at + m.fields.len);
    search_text_open(&s, SPAN("x"));
    (void)!search_text_body(&s, &m, SPAN("Content-Type: text/plain\r\n\r\nshorter than it says"));
    search_text_close(&s);
    return 0;
}
