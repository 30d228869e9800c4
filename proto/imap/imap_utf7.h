#ifndef PROTO_IMAP_IMAP_UTF7_H
#define PROTO_IMAP_IMAP_UTF7_H

/*
 * imap_utf7: names of mailboxes on the wire (RFC 3501 5.1.3, modified UTF-7) and in UTF-8. Only the
 * one canonical spelling is read, so that two spellings never name two mailboxes, and no name holds
 * a control character.
 */

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"

/* Writes UTF-8 to `out`; false when `text` is not canonical or needs more than `size` bytes. */
MUST_USE bool imap_utf7_decode(struct span text, char *out, size_t size, size_t *len_r);

/* Appends `name` in modified UTF-7. Bytes that are no UTF-8 become U+FFFD. */
void imap_utf7_encode(struct span name, struct chain *out);

#endif
