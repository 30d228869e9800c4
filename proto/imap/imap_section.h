#ifndef PROTO_IMAP_IMAP_SECTION_H
#define PROTO_IMAP_IMAP_SECTION_H

/*
 * imap_section: which bytes of a message BODY[...] means (RFC 3501 6.4.5).
 *
 * A message as a client sees it is a delivery header (each recipient's own) and the body that was
 * received; META and the offsets here know the body only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"
#include "proto/imap/imap_settings.h"

struct meta;

enum imap_section_kind {
    IMAP_SECTION_ALL, /* BODY[] and BODY[1.2] */
    IMAP_SECTION_HEADER,
    IMAP_SECTION_FIELDS,
    IMAP_SECTION_FIELDS_NOT,
    IMAP_SECTION_TEXT,
    IMAP_SECTION_MIME,
};
struct imap_section {
    enum imap_section_kind kind;
    const char *label; /* "RFC822.HEADER": what the answer is called; NULL: BODY[...] */
    uint32_t path[IMAP_SECTION_DEPTH_MAX];
    unsigned depth;
    struct span *names; /* owned list; the text is the command's */
    unsigned name_count;
    bool peek;
    bool is_partial;
    uint32_t partial_from, partial_len;
};

/* Reads "[...]" and "<from.len>" behind BODY or BODY.PEEK. False on a syntax error; then the
 * section owns nothing. Quoted names are unescaped where they stand. */
MUST_USE bool imap_section_parse(struct span *at, struct imap_section *section_r);
void imap_section_free(struct imap_section *section);

/* The name of the answer, as in "BODY[HEADER.FIELDS (DATE)]<0>". */
void imap_section_write_name(const struct imap_section *section, struct chain *out);

struct imap_section_place {
    bool exists;        /* else the answer is NIL */
    bool with_delivery; /* the delivery header comes first */
    uint32_t at, len;   /* in the body */
};
/* Where the section's bytes are; for FIELDS the header to choose from. body_len: of the whole. */
struct imap_section_place imap_section_find(const struct imap_section *section,
                                            const struct meta *meta, uint32_t body_len);

/* Appends those fields of a header block that FIELDS or FIELDS_NOT wants. No blank line. */
void imap_section_choose(const struct imap_section *section, struct span header, struct chain *out);
/* Does it want a field of this name? */
MUST_USE bool imap_section_wants(const struct imap_section *section, struct span name);

#endif
