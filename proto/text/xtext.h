#ifndef PROTO_TEXT_XTEXT_H
#define PROTO_TEXT_XTEXT_H

/*
 * xtext: the quoting of ESMTP parameters (RFC 3461 4): printable ASCII, "+" and "=" and the rest
 * as "+HH" with upper-case hex digits. What decodes to NUL, CR, LF or another control character is
 * refused: it would come out again in headers and queue records.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/span.h"

/* Decodes the whole of `text` to `at`, at most `size` bytes. No NUL is appended. */
MUST_USE bool xtext_decode(struct span text, char *at, size_t size, size_t *len_r);

/* Writes at most 3 * text.len bytes; returns how many. */
size_t xtext_encode(struct span text, char *at);

#endif
