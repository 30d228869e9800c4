#ifndef PROTO_MIME_HEADER_H
#define PROTO_MIME_HEADER_H

/*
 * header: the fields of a header block (RFC 5322 2.2), taken as they come.
 *
 * Lines end in CRLF or LF. Lines that are no field are passed over, for a stranger's header may
 * hold anything. Spans point into the block. Pure functions of any thread.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "proto/mime/mime_limits.h"
#include "proto/text/buffer.h"

/* A walk over one block; start it with header_walk(). */
struct header_walk {
    const struct mime_limits *limits;
    struct span rest;
    unsigned fields; /* that were handed out */
    bool skipped;    /* there were lines that are no field */
    bool cut; /* a limit was met: there may be fields that are not handed out, or not whole */
};

struct header_field {
    struct span name;
    struct span value; /* folded as it came, without the blanks around it; META_FIELD_MAX at most */
    struct span whole; /* with name, colon and line ends */
};

/* Walks `block`, which may end in its blank line. META_HEADER_MAX bytes and META_FIELDS_MAX fields
 * are looked at. */
struct header_walk header_walk(struct span block);
/* The same with less of it looked at; `limits` lives as long as the walk. */
struct header_walk header_walk_within(struct span block, const struct mime_limits *limits);
MUST_USE bool header_next(struct header_walk *w, struct header_field *field_r);

/* The value on one line: without its line ends. `value` itself when it has none, else a text
 * appended to `scratch`, valid until that grows. */
struct span header_unfold(struct span value, struct buffer *scratch);

/* Without blanks and line ends at both ends. */
struct span header_trim(struct span text);

#endif
