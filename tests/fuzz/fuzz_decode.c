/* fuzz_decode: a body in quoted-printable, whole and in two cuts; HTML as text. */
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "proto/mime/decode.h"
#include "proto/mime/html_text.h"
#include "tests/fuzz/fuzz.h"

static size_t decode_cut(struct span body, size_t cut, char *out, bool *whole_r)
{
    struct decode d = decode_start(META_QUOTED_PRINTABLE);
    size_t len = decode_step(&d, span_first(body, cut), out);

    len += decode_step(&d, span_after(body, cut), out + len);
    return len + decode_end(&d, out + len, whole_r);
}

static void check_html(struct span text)
{
    struct html_text html = {0};
    char out[HTML_TEXT_OUT_MAX];

    for (size_t i = 0; i < text.len; i++)
        ensure(html_text_step(&html, text.at[i], out) <= HTML_TEXT_OUT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span body = {(const char *)data, size};
    size_t cut = size == 0 ? 0 : data[0] % (size + 1), a_len, b_len;
    char *a = xmalloc(size + 3 * DECODE_EXTRA), *b = xmalloc(size + 3 * DECODE_EXTRA);
    bool a_whole, b_whole;

    a_len = decode_cut(body, size, a, &a_whole);
    b_len = decode_cut(body, cut, b, &b_whole);
    ensure(a_whole == b_whole && span_eq((struct span){a, a_len}, (struct span){b, b_len}));
    ensure(a_len <= size);
    ensure(decode_len(META_QUOTED_PRINTABLE, body) == (a_whole ? a_len : UINT32_MAX));
    free(a);
    free(b);
    check_html(body);
    return 0;
}
