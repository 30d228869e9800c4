#ifndef PROTO_MIME_ENVELOPE_H
#define PROTO_MIME_ENVELOPE_H

/*
 * envelope: a message header as IMAP's ENVELOPE (RFC 3501 7.4.2).
 *
 * Fields that are absent are NIL, address fields without an address too. Sender and Reply-To fall
 * back to From. Of a field that comes twice the first counts, but To, Cc and Bcc are joined. A
 * mailbox without a domain has an empty host, for NIL would make it a group. Any thread.
 */

#include <stdint.h>

#include "core/base/span.h"
#include "proto/mime/mime_limits.h"
#include "proto/text/buffer.h"

/* Appends "(...)" to `out`. At most *addresses_left addresses of a list are written, and counted
 * down. Uses `scratch` from its start. */
void envelope_write(struct span header, const struct mime_limits *limits, unsigned *addresses_left,
                    struct buffer *scratch, struct buffer *out);

/* Appends bytes as a string, or NIL when at is NULL. */
void envelope_write_string(struct span bytes, struct buffer *out);

#endif
