/* fuzz_header: any bytes as a header block: its fields lie in it, in their order, the walk ends,
 * its addresses are within bounds, and its ENVELOPE is IMAP's. */

#include "core/base/ensure.h"
#include "proto/mime/address_list.h"
#include "proto/mime/envelope.h"
#include "proto/mime/header.h"
#include "proto/mime/meta.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/mime/imap_grammar.h"

static bool lies_in(struct span inner, struct span outer)
{
    return inner.len == 0 || (inner.at >= outer.at && inner.at + inner.len <= outer.at + outer.len);
}

static void check_addresses(struct span value, struct buffer *scratch)
{
    struct address_list list = address_list(value, scratch);
    struct address a;
    unsigned open = 0;
    size_t steps = 0;

    while (address_list_next(&list, &a)) {
        ensure(++steps <= 2 * value.len + 2);
        ensure(a.name.len + a.route.len + a.mailbox.len + a.host.len <= 4 * value.len);
        open += a.kind == ADDRESS_GROUP;
        ensure(a.kind != ADDRESS_GROUP_END || open-- > 0);
    }
    ensure(open == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span block = {(const char *)data, size};
    struct header_walk walk = header_walk(block);
    struct header_field field;
    struct buffer scratch = {0}, out = {0};
    unsigned addresses = META_ADDRESSES_MAX;
    const char *from = block.at;

    while (header_next(&walk, &field)) {
        ensure(lies_in(field.whole, block) && field.whole.at >= from);
        ensure(lies_in(field.name, field.whole) && lies_in(field.value, field.whole));
        ensure(field.name.len > 0 && field.value.len <= META_FIELD_MAX);
        from = field.whole.at + field.whole.len;
        scratch.len = 0;
        ensure(header_unfold(field.value, &scratch).len <= field.value.len);
        scratch.len = 0;
        check_addresses(field.value, &scratch);
    }
    ensure(walk.fields <= META_FIELDS_MAX);
    scratch.len = 0;
    envelope_write(block, &mime_limits_most, &addresses, &scratch, &out);
    ensure(grammar_is_envelope(buffer_since(&out, 0)));
    buffer_free(&scratch);
    buffer_free(&out);
    return 0;
}
