/* fuzz_surrogate: any bytes as a header: what comes out is ASCII, bounded, and stays as it is when
 * it comes by again; any text as a Subject reads as it was. */
#include "core/base/ensure.h"
#include "proto/mime/header.h"
#include "proto/mime/rfc2047.h"
#include "proto/mime/surrogate.h"
#include "proto/text/scan.h"
#include "tests/fuzz/fuzz.h"

static void made(struct span header, struct buffer *out)
{
    while (header.len > 0) {
        bool as_it_lies;
        size_t len = surrogate_next(header, &as_it_lies, out);

        ensure(len > 0 && len <= header.len);
        if (as_it_lies)
            buffer_add(out, span_first(header, len));
        header = span_after(header, len);
    }
}

static void play_header(struct span header)
{
    struct buffer out = {0};
    bool as_it_lies;

    made(header, &out);
    ensure(scan_is_ascii(buffer_since(&out, 0)));
    ensure(out.len <= header.len * 70 + 100);
    if (scan_is_ascii(header))
        ensure(span_eq(header, buffer_since(&out, 0)));
    if (out.len > 0) {
        ensure(surrogate_next(buffer_since(&out, 0), &as_it_lies, &out) <= out.len);
        ensure(as_it_lies);
    }
    buffer_free(&out);
}

static bool has(struct span text, char byte)
{
    return text.len > 0 && memchr(text.at, byte, text.len) != NULL;
}

static void play_text(struct span text)
{
    struct buffer header = {0}, out = {0}, unfolded = {0}, back = {0};
    struct header_walk walk;
    struct header_field field;

    if (scan_is_ascii(text) || !scan_is_utf8(text) || has(text, '?') || has(text, '\r') ||
        has(text, '\n'))
        return;
    buffer_add(&header, SPAN("Subject: "));
    buffer_add(&header, text);
    buffer_add(&header, SPAN("\r\n"));
    made(buffer_since(&header, 0), &out);
    walk = header_walk(buffer_since(&out, 0));
    ensure(header_next(&walk, &field));
    rfc2047_decode(header_unfold(field.value, &unfolded), &back);
    ensure(span_eq(buffer_since(&back, 0), header_trim(text)));
    buffer_free(&header);
    buffer_free(&out);
    buffer_free(&unfolded);
    buffer_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = {(const char *)data, size};

    if (size == 0 || size > 65536)
        return 0;
    play_header(bytes);
    play_text(bytes);
    return 0;
}
