/* fuzz_rfc2047: any bytes as a header value: its text is UTF-8 and not much longer. */

#include "core/base/ensure.h"
#include "proto/mime/rfc2047.h"
#include "proto/text/charset.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer out = {0};

    rfc2047_decode((struct span){(const char *)data, size}, &out);
    ensure(charset_is_utf8(buffer_since(&out, 0)));
    ensure(out.len <= 9 * size + 16);
    buffer_free(&out);
    return 0;
}
