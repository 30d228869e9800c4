#ifndef PROTO_TEXT_UTF7_H
#define PROTO_TEXT_UTF7_H

/*
 * utf7: names of mailboxes as IMAP4rev1 sends them, "Entw&APw-rfe" (RFC 3501 5.1.3).
 *
 * Strict: each name has one spelling, and only that is read, so that two spellings can never be two
 * mailboxes. Any thread.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "proto/text/buffer.h"

/* Appends the UTF-8 of a name in modified UTF-7. False, with nothing appended, when it is not the
 * canonical spelling of anything: 8-bit or control bytes, printable ASCII in base64, two runs that
 * should be one, bits left over, half a surrogate pair. */
MUST_USE bool utf7_decode(struct span utf7, struct buffer *out);

/* Appends the modified UTF-7 of a name. False, with nothing appended, when `utf8` is not valid. */
MUST_USE bool utf7_encode(struct span utf8, struct buffer *out);

#endif
