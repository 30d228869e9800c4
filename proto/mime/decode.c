#include "proto/mime/decode.h"

struct decode decode_start(enum meta_encoding encoding)
{
    return (struct decode){.encoding = encoding};
}

size_t decode_step(struct decode *d, struct span text, char *out)
{
    switch (d->encoding) {
    case META_BASE64:
        return base64_body_decode(&d->base64, text, out);
    case META_QUOTED_PRINTABLE:
        return quoted_printable_decode(&d->quoted, text, out);
    case META_7BIT:
    case META_8BIT:
    case META_BINARY:
    case META_ENCODING_UNKNOWN:
        break;
    }
    if (text.len > 0)
        memcpy(out, text.at, text.len);
    return text.len;
}

size_t decode_end(struct decode *d, char *out, bool *whole_r)
{
    size_t len = 0;

    *whole_r = true;
    if (d->encoding == META_BASE64)
        *whole_r = base64_body_end(&d->base64);
    if (d->encoding == META_QUOTED_PRINTABLE) {
        len = quoted_printable_end(&d->quoted, out);
        *whole_r = !d->quoted.broken;
    }
    if (d->encoding == META_ENCODING_UNKNOWN)
        *whole_r = false;
    return len;
}

uint32_t decode_len(enum meta_encoding encoding, struct span body)
{
    enum {
        CUT = 2048
    };
    struct decode d = decode_start(encoding);
    char out[CUT + DECODE_EXTRA];
    size_t len = 0;
    bool whole;

    if (encoding != META_BASE64 && encoding != META_QUOTED_PRINTABLE)
        return encoding == META_ENCODING_UNKNOWN ? UINT32_MAX : (uint32_t)body.len;
    for (size_t at = 0; at < body.len; at += CUT)
        len += decode_step(&d, span_first(span_after(body, at), CUT), out);
    len += decode_end(&d, out, &whole);
    return whole ? (uint32_t)len : UINT32_MAX;
}
