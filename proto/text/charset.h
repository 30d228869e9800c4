#ifndef PROTO_TEXT_CHARSET_H
#define PROTO_TEXT_CHARSET_H

/*
 * charset: text of any known charset as UTF-8, and UTF-8 compared as people compare it.
 *
 * The only place that knows iconv and utf8proc. Whatever comes in, valid UTF-8 goes out: what is
 * illegal becomes U+FFFD. Only charsets of a fixed list are given to iconv, for its rarer modules
 * have a history. Memory is bounded and time is linear in the input. Any thread; a decoder belongs
 * to one at a time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "proto/text/buffer.h"

enum {
    CHARSET_HELD_MAX = 16,
    CHARSET_FOLD_MAX = 80, /* bytes that one character folds to */
};

enum charset_kind {
    CHARSET_UTF8, /* US-ASCII too, and what is not labelled */
    CHARSET_LATIN1,
    CHARSET_WINDOWS1252,
    CHARSET_ICONV,
};

/* A text being converted, in any cuts. */
struct charset {
    enum charset_kind kind;
    void *iconv;                 /* iconv_t */
    char held[CHARSET_HELD_MAX]; /* a character that is not yet whole */
    unsigned held_len;
};

/* Starts a text in the charset of that (MIME) name; an empty name means US-ASCII. False when the
 * charset is not known; then *c converts as if it were UTF-8. Close it either way. */
bool charset_open(struct charset *c, struct span name);

/* Converts a cut and appends it to `out`. */
void charset_decode(struct charset *c, struct span bytes, struct buffer *out);

/* The end of the text: half a character becomes U+FFFD. Frees what the decoder holds. */
void charset_close(struct charset *c, struct buffer *out);

/* The form in which two texts are equal when SEARCH should find one in the other: RFC 5051's
 * i;unicode-casemap, titlecase and full decomposition of each character. Appends UTF-8. */
void charset_fold(struct span utf8, struct buffer *out);

/* Normalisation form C, for names. False when `utf8` is not valid UTF-8. */
MUST_USE bool charset_normalize(struct span utf8, struct buffer *out);

/* The whole text is valid UTF-8 (no surrogates, no overlong forms). */
MUST_USE bool charset_is_utf8(struct span text);

/* All bytes are below 0x80. */
MUST_USE bool charset_is_ascii(struct span text);

/* The length of the valid UTF-8 character at the start; 0 when there is none. */
size_t charset_char_len(struct span text);

#endif
