#ifndef PROTO_MIME_SURROGATE_H
#define PROTO_MIME_SURROGATE_H

/*
 * surrogate: a header with 8-bit bytes as clients that know nothing of RFC 6532 may see it (RFC
 * 6858, simplified downgrading): all of ASCII.
 *
 * - Subject and other free text become encoded words.
 * - A mailbox keeps its address when only its name is 8-bit; an 8-bit address becomes one of
 *   ".invalid", named by what it was. Return-Path has no place for a name.
 * - An 8-bit parameter of Content-Type or Content-Disposition is left out, and so is any other
 *   8-bit field.
 *
 * Fields of ASCII are served as they lie. Any bytes may come as a header; time is linear in them,
 * and what is made at once is bounded by META_FIELD_MAX: a longer field loses its 8-bit lines. Of a
 * field with more than META_ADDRESSES_MAX addresses the rest is left out. Pure functions of any
 * thread.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "proto/text/buffer.h"

/* The next piece of a header block of which `header`, not empty, is what is left; it may end in its
 * blank line. Returns how many bytes at the front are done with by it: with *as_it_lies_r these
 * are served themselves, else what was appended to `out`, maybe nothing. */
MUST_USE size_t surrogate_next(struct span header, bool *as_it_lies_r, struct buffer *out);

#endif
