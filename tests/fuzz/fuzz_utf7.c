/* fuzz_utf7: any bytes as a mailbox name: each has one spelling, both ways. */

#include "core/base/ensure.h"
#include "proto/text/charset.h"
#include "proto/text/utf7.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    struct buffer there = {0}, back = {0};

    if (utf7_decode(text, &there)) {
        ensure(charset_is_utf8(buffer_since(&there, 0)));
        ensure(utf7_encode(buffer_since(&there, 0), &back));
        ensure(span_eq(buffer_since(&back, 0), text));
    }
    there.len = back.len = 0;
    if (utf7_encode(text, &there)) {
        ensure(utf7_decode(buffer_since(&there, 0), &back));
        ensure(span_eq(buffer_since(&back, 0), text));
    }
    buffer_free(&there);
    buffer_free(&back);
    return 0;
}
