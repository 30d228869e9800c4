#ifndef PROTO_MIME_SEARCH_TEXT_H
#define PROTO_MIME_SEARCH_TEXT_H

/*
 * search_text: does a message hold a text, as IMAP's SEARCH means it (RFC 3501 6.4.4, RFC
 * 5255 4.4): as a substring, after decoding, whatever the case.
 *
 * Both sides are folded with charset_fold(); RFC 2047 is decoded in headers, transfer encodings and
 * charsets in text parts. Attachments that are no text are not searched. A match never spans two
 * fields or two parts. Linear in the text; memory is a few blocks. Any thread; a search belongs to
 * one at a time.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "proto/mime/meta.h"
#include "proto/text/buffer.h"

/* What is looked for, and the blocks to work in. */
struct search_text {
    struct buffer key;     /* folded */
    struct buffer window;  /* folded text: the end of the last block and the block in hand */
    struct buffer decoded; /* UTF-8 of the block in hand */
};

/* Begins a search for `key`, UTF-8. It can be used for any number of messages. */
void search_text_open(struct search_text *s, struct span key);
void search_text_close(struct search_text *s);

/* A field's value, encoded and folded as it came: SUBJECT, HEADER, addresses as they are written.
 */
MUST_USE bool search_text_value(struct search_text *s, struct span value);

/* A text that is UTF-8 already. */
MUST_USE bool search_text_utf8(struct search_text *s, struct span text);

/* All fields of a header block, as "Name: value". What is past META_HEADER_MAX is not searched. */
MUST_USE bool search_text_header(struct search_text *s, struct span header);

/* The text parts of a message and the headers of messages inside it: BODY. `m` was made from
 * `message`. TEXT is this or search_text_header(). */
MUST_USE bool search_text_body(struct search_text *s, const struct meta *m, struct span message);

#endif
