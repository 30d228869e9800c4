#ifndef PROTO_MIME_META_H
#define PROTO_MIME_META_H

/*
 * META: what was parsed out of a message once, when it came in, so that no reader ever parses it
 * again: the tree of parts as offsets, ENVELOPE, BODY and BODYSTRUCTURE ready in IMAP's own syntax,
 * and the header fields that clients ask for. It is a pure function of the body and of the limits
 * that held, and can be made again; its bytes carry a version. Offsets are bytes from the start of
 * the body (without the delivery header, which is each recipient's own).
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"
#include "proto/mime/mime_limits.h"

/* The most of each, and what holds unless struct mime_limits says less. */
enum {
    META_VERSION = 1,
    META_DEPTH_MAX = 100, /* MIME nesting (HOSTILE L10): below it a part is a leaf */
    META_PARTS_MAX = 10000,
    META_HEADER_MAX = 1024 * 1024, /* parsed bytes of one header block (L8) */
    META_FIELD_MAX = 100 * 1024,
    META_FIELDS_MAX = 5000, /* L9 */
    META_ADDRESSES_MAX = 2000,
    META_PARAMS_MAX = 128, /* L10: RFC 2231 parameters of a field */
    META_BOUNDARY_MAX = 200,
    META_PREVIEW_MAX = 200,       /* characters */
    META_CACHE_MAX = 64 * 1024,   /* bytes of cached header fields */
    META_DECODED_MAX = 64 * 1024, /* encoded bodies up to here have their decoded length counted */
    META_STRUCTURE_MAX = 8 << 20, /* bytes of BODY and BODYSTRUCTURE; past it: one lump */
    META_MESSAGE_MAX = INT32_MAX, /* bytes behind are not looked at */
};

/* Parses `body` and appends its META to `meta`. Any bytes are a message; what can't be understood
 * gets the protocol's defaults. Linear in the length; the stack does not grow with the nesting. */
void meta_build(struct span body, struct chain *meta);

/* The same with less of it taken apart. */
void meta_build_within(struct span body, const struct mime_limits *limits, struct chain *meta);

/* An opened META: spans point into the bytes given to meta_open(). */
struct meta {
    struct span all;
    struct span envelope; /* "(...)" of RFC 3501 7.4.2, with literals where needed */
    struct span body;     /* BODY without extension data */
    struct span bodystructure;
    struct span preview; /* UTF-8 */
    struct span fields;  /* opaque: meta_fields() */
    struct span parts;   /* opaque: meta_part() */
    uint32_t size;       /* of the body that it was made from */
    uint32_t header_len; /* with the blank line */
    uint32_t body_lines; /* line ends behind the header */
    int64_t sent_s;      /* Date: field in seconds since 1970 (UTC); INT64_MIN when absent */
    int16_t sent_zone;   /* minutes */
    bool has_attachment;
    bool fields_complete; /* a field that is not cached is not in the header: answer from here */
    bool fields_cut;      /* a limit kept fields out of the cache */
    uint32_t part_count;
};
/* False when the bytes are no META of a version that we know: build it again from the body. */
MUST_USE bool meta_open(struct span bytes, struct meta *meta_r);

enum meta_type {
    META_LEAF,
    META_MULTIPART,
    META_MESSAGE
}; /* META_MESSAGE: message/rfc822 */
struct meta_part {
    enum meta_type type;
    uint32_t header_at, header_len; /* the part's own MIME header, with its blank line */
    uint32_t body_at, body_len;
    uint32_t lines;
    uint32_t decoded_len; /* of the content after its transfer encoding; UINT32_MAX: not counted */
    uint8_t encoding;     /* enum meta_encoding */
    uint32_t children;
};
enum meta_encoding {
    META_7BIT,
    META_8BIT,
    META_BINARY,
    META_QUOTED_PRINTABLE,
    META_BASE64,
    META_ENCODING_UNKNOWN
};

/* `children` counts what meta_part() can be asked for below the part: for a message the parts of
 * the message inside. In meta_part_at() it counts the records directly below. `lines` are line
 * ends. */

/* The part that an IMAP section number names: {} is the message itself, {1, 2} is "1.2" (RFC 3501
 * 6.4.5; IMAP.md A.2 for part 1 of a message that is no multipart). False: there is no such part.
 */
MUST_USE bool meta_part(const struct meta *m, const uint32_t *path, unsigned depth,
                        struct meta_part *part_r);

/* Part `index` of part_count in the order of the text, the message itself first; the children of a
 * part follow it. False when there is none, or the record is damaged. */
MUST_USE bool meta_part_at(const struct meta *m, uint32_t index, struct meta_part *part_r);

/* The header of the message inside a message/rfc822 part, and what follows it; for the empty path
 * those of the message itself. False when the part is no message. */
MUST_USE bool meta_part_message(const struct meta *m, const uint32_t *path, unsigned depth,
                                uint32_t *header_at_r, uint32_t *header_len_r, uint32_t *text_at_r,
                                uint32_t *text_len_r);

/* Walks the cached fields of the message's own header, in their order. `place` starts at 0. `field`
 * is the whole field as it came, with its line ends. */
MUST_USE bool meta_field_next(const struct meta *m, size_t *place, struct span *name_r,
                              struct span *field_r);
/* True when every field of that name is in the cache, or there is none. */
MUST_USE bool meta_field_known(const struct meta *m, struct span name);

#endif
