/* fuzz_base64: bytes encode and decode to themselves; text that decodes is canonical; a body
 * decodes the same in any cuts. */
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "proto/text/base64.h"
#include "tests/fuzz/fuzz.h"

static void check_text(struct span text)
{
    char *plain = xmalloc(base64_decoded_max(text.len) + 1), *again = xmalloc(text.len + 4);
    size_t len;

    if (base64_decode(text, plain, &len))
        ensure(
            span_eq((struct span){again, base64_encode((struct span){plain, len}, again)}, text));
    free(plain);
    free(again);
}

static void check_bytes(struct span bytes)
{
    char *text = xmalloc(base64_encoded_len(bytes.len) + 1), *plain = xmalloc(bytes.len + 4);
    size_t len = base64_encode(bytes, text);

    ensure(len == base64_encoded_len(bytes.len));
    ensure(base64_decode((struct span){text, len}, plain, &len));
    ensure(span_eq((struct span){plain, len}, bytes));
    free(text);
    free(plain);
}

static void check_body(struct span text, size_t cut)
{
    struct base64_body whole = {0}, parts = {0};
    struct span first = span_first(text, cut), rest = span_after(text, cut);
    char *a = xmalloc(base64_body_max(text.len));
    char *b = xmalloc(base64_body_max(first.len) + base64_body_max(rest.len));
    size_t a_len = base64_body_decode(&whole, text, a);
    size_t b_len = base64_body_decode(&parts, first, b);

    b_len += base64_body_decode(&parts, rest, b + b_len);
    ensure(span_eq((struct span){a, a_len}, (struct span){b, b_len}));
    ensure(base64_body_end(&whole) == base64_body_end(&parts));
    free(a);
    free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};

    check_text(text);
    check_bytes(text);
    check_body(text, size == 0 ? 0 : data[0] % (size + 1));
    return 0;
}
