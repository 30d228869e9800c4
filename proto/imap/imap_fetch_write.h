#ifndef PROTO_IMAP_IMAP_FETCH_WRITE_H
#define PROTO_IMAP_IMAP_FETCH_WRITE_H

/*
 * imap_fetch_write: one FETCH response, item by item (RFC 3501 7.4.2).
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/chain.h"
#include "core/base/span.h"
#include "proto/imap/imap_range.h"

struct imap_keywords;
struct imap_section;

struct imap_fetch_writer {
    struct chain *out;
    bool has_item;
};

struct imap_fetch_writer imap_fetch_write_begin(struct chain *out, uint32_t seq);
void imap_fetch_write_end(struct imap_fetch_writer *w);

void imap_fetch_write_uid(struct imap_fetch_writer *w, uint32_t uid);
void imap_fetch_write_size(struct imap_fetch_writer *w, uint64_t size);
void imap_fetch_write_flags(struct imap_fetch_writer *w, unsigned flags, bool is_recent,
                            uint64_t keywords, const struct imap_keywords *names);
void imap_fetch_write_internaldate(struct imap_fetch_writer *w, int64_t us, int16_t zone_minutes);

/* An item whose value is ready in IMAP's syntax: ENVELOPE, BODY, BODYSTRUCTURE. */
void imap_fetch_write_ready(struct imap_fetch_writer *w, struct span name, struct span value);

/* A section's name and "{len}"; exactly `len` bytes must be appended to w->out next. */
void imap_fetch_write_section(struct imap_fetch_writer *w, const struct imap_section *section,
                              uint32_t len);
void imap_fetch_write_section_nil(struct imap_fetch_writer *w, const struct imap_section *section);

/* Untagged "* 12 EXISTS" and the like. */
void imap_write_number(struct chain *out, uint32_t number, const char *what);

/* "[COPYUID 38505 304,319:320 3956:3958]" (RFC 4315 3): what was copied, and the first UID of its
 * copies, which follow one another in the same order. There is at least one. */
void imap_write_copyuid(struct chain *out, uint32_t uid_validity, const struct imap_ranges *from,
                        uint32_t to);

/* The name of a mailbox (UTF-8) as a client reads it: modified UTF-7, an atom or a string. */
void imap_write_mailbox(struct chain *out, struct span name);

#endif
