#ifndef PROTO_MIME_RFC2047_H
#define PROTO_MIME_RFC2047_H

/*
 * rfc2047: encoded words in header fields, "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", as UTF-8.
 *
 * For search and sorting; what a client is sent stays encoded. Blanks between two encoded words go;
 * words of one charset that stand together are decoded together, for some mailers cut characters in
 * two. What is malformed, or of an unknown charset, stays as it is written. Bytes outside encoded
 * words are UTF-8 or become U+FFFD. Linear; words are not nested. Any thread.
 */

#include "core/base/span.h"
#include "proto/text/buffer.h"

enum {
    RFC2047_CHARSET_MAX = 40,
};

/* Appends the decoded text of `value`, a field's value, folded or not. */
void rfc2047_decode(struct span value, struct buffer *out);

#endif
