#ifndef PROTO_MIME_DECODE_H
#define PROTO_MIME_DECODE_H

/*
 * decode: a part's body without its transfer encoding, in any cuts.
 *
 * For BINARY, for search and for the preview. An unknown encoding is passed on as it is. Any
 * thread.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "proto/mime/meta.h"
#include "proto/text/base64.h"
#include "proto/text/quoted_printable.h"

enum {
    DECODE_EXTRA = 128, /* a cut of n bytes becomes at most n + DECODE_EXTRA */
};

struct decode {
    enum meta_encoding encoding;
    struct base64_body base64;
    struct quoted_printable quoted;
};

struct decode decode_start(enum meta_encoding encoding);

/* Decodes a cut to `out` (room for text.len + DECODE_EXTRA); returns how many were written. */
size_t decode_step(struct decode *d, struct span text, char *out);

/* The end of the body: what is left, at most DECODE_EXTRA bytes. *whole_r is false when the body
 * was not what its encoding promises (BINARY then answers UNKNOWN-CTE). */
size_t decode_end(struct decode *d, char *out, bool *whole_r);

/* The length of the decoded body; UINT32_MAX when it is not what its encoding promises. */
uint32_t decode_len(enum meta_encoding encoding, struct span body);

#endif
