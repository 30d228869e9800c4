#ifndef PROTO_TEXT_BASE64_H
#define PROTO_TEXT_BASE64_H

/*
 * base64: RFC 4648 section 4, both ways.
 *
 * Two readers for two needs. base64_decode() is for protocol tokens (SASL): anything that is not
 * the one canonical spelling is refused. base64_body is for MIME bodies (RFC 2045 6.8): it takes
 * the text in any cuts, passes over what is no base64, and says at the end whether there was any.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"

/* How long `len` bytes become: what base64_encode() needs room for. */
static inline size_t base64_encoded_len(size_t len)
{
    return (len / 3 + (len % 3 != 0)) * 4;
}

/* The most bytes that `len` characters can hold: what base64_decode() needs room for. */
static inline size_t base64_decoded_max(size_t len)
{
    return len / 4 * 3;
}

/* Writes the padded text to `out`; returns its length. No NUL, no line ends. */
size_t base64_encode(struct span bytes, char *out);

/* The whole of `text`, strictly: no blanks, padding where it belongs, the unused bits zero. `out`
 * has room for base64_decoded_max(text.len). False leaves *len_r alone. */
MUST_USE bool base64_decode(struct span text, char *out, size_t *len_r);

/* A body being decoded; the zero value is the start. */
struct base64_body {
    uint32_t bits;
    unsigned count; /* characters of the group that is not yet whole */
    bool padded;    /* a '=' was seen: only blanks may follow */
    bool broken;    /* there was something that no encoder writes */
};

/* Decodes one cut. `out` has room for base64_body_max(text.len); returns how many were written. */
size_t base64_body_decode(struct base64_body *b, struct span text, char *out);

static inline size_t base64_body_max(size_t len)
{
    return (len + 3) / 4 * 3 + 3;
}

/* True when all that was decoded was well-formed and nothing is missing at the end. */
MUST_USE bool base64_body_end(const struct base64_body *b);

#endif
