#ifndef PROTO_MIME_DOWNGRADE_H
#define PROTO_MIME_DOWNGRADE_H

/*
 * downgrade: a message with 8-bit or binary parts made into one of 7-bit lines, for hosts that take
 * nothing else (RFC 6152 3): such parts are encoded as quoted-printable, their
 * Content-Transfer-Encoding says so, and what contains them is 7bit again. All other bytes stay as
 * they are, the header's 8-bit bytes too: nothing says what those mean.
 *
 * Written in steps, so that a long message needs no long buffer. One thread at a time.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"

struct downgrade;

/* `message` stays valid until downgrade_free(). */
MUST_USE struct downgrade *downgrade_new(struct span message);
void downgrade_free(struct downgrade **d); /* *d may be NULL */

/* Appends about `max` bytes more; false: there are no more. */
MUST_USE bool downgrade_write(struct downgrade *d, struct chain *out, size_t max);

#endif
