#ifndef PROTO_MIME_PART_H
#define PROTO_MIME_PART_H

/*
 * part: the tree of MIME parts of a message (RFC 2046), as offsets, in one pass over the bytes.
 *
 * The tree is an array in pre-order: a part's children follow it, `next` is the index behind the
 * last of its descendants. A message/rfc822 part has one node below it, the message inside. Lines
 * end in CRLF or LF. A delimiter is a line that is the boundary and nothing else but blanks; the
 * innermost multipart with that boundary is meant. The line end before a delimiter belongs to it.
 *
 * Any bytes make a tree. What is nested deeper than META_DEPTH_MAX is a leaf; after META_PARTS_MAX
 * parts no delimiter opens another. The cost is linear and the stack does not grow.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/span.h"
#include "proto/mime/meta.h"
#include "proto/text/buffer.h"

/* What a part is called in BODYSTRUCTURE when that differs from its Content-Type. */
enum part_shown {
    PART_AS_WRITTEN,
    PART_AS_TEXT,   /* a multipart without parts: what is there may be readable */
    PART_AS_OCTETS, /* not taken apart because of a limit */
};

struct part {
    enum meta_type type;
    enum part_shown shown;
    enum meta_encoding encoding;
    uint32_t header_at, body_at, body_len;
    uint32_t lines;    /* line ends in the body */
    uint32_t children; /* nodes directly below */
    uint32_t next;
    /* The Content-* fields as written, at == NULL when absent. */
    struct span main_type, subtype; /* the protocol's default when the field is absent or wrong */
    struct span params;             /* what follows the subtype */
    struct span transfer_encoding, disposition, id, description, language, location, md5;
};

struct part_tree {
    const struct mime_limits *limits;
    struct part *parts;
    uint32_t count, size;
};

/* Spans in the tree point into `body`, which is shorter than 4 GiB. `scratch` is used on the way;
 * `limits` lives as long as the tree. Free with part_tree_free(). */
void part_tree_build(struct span body, const struct mime_limits *limits, struct buffer *scratch,
                     struct part_tree *tree_r);
void part_tree_free(struct part_tree *tree);

/* Reads the Content-* fields of a header into a part whose defaults are set here: text/plain, or
 * message/rfc822 for a child of multipart/digest. */
void part_read_header(struct span header, const struct mime_limits *limits, bool in_digest,
                      struct part *part);

#endif
