#ifndef PROTO_MIME_ENCODED_WORDS_H
#define PROTO_MIME_ENCODED_WORDS_H

/*
 * encoded_words: text written into a header field of ASCII (RFC 2047 2 and 5): words of ASCII as
 * they are, others as encoded words, in lines of at most 76 characters where there are blanks to
 * fold at. Encoded words that stand in the text already stay what they are.
 *
 * UTF-8 is called that; any other 8-bit text is "unknown-8bit" (RFC 1428 3), so that no byte of it
 * is lost. The reading side is rfc2047. One thread at a time.
 */

#include "core/base/span.h"
#include "proto/text/buffer.h"

/* A field in the making: start it with what of its line is there already, its name, as `column`. */
struct encoded_words {
    struct buffer *out;
    size_t column; /* characters of the line that is being written */
};

/* Bytes of ASCII as they are, on the line that is being written. */
void encoded_words_put(struct encoded_words *w, struct span bytes);

/* Behind a blank or a fold: ASCII without line ends that is not to be broken. */
void encoded_words_token(struct encoded_words *w, struct span token);

/* Behind a blank or a fold: unstructured text (Subject) without line ends. */
void encoded_words_text(struct encoded_words *w, struct span text);

/* The same for the name of an address or group: what no atom can be is encoded as well. */
void encoded_words_phrase(struct encoded_words *w, struct span text);

#endif
