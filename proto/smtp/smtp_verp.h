#ifndef PROTO_SMTP_SMTP_VERP_H
#define PROTO_SMTP_SMTP_VERP_H

/*
 * smtp_verp: a sender of its own for each recipient, so that a bounce says by its address whom it
 * is about: list@example.com to user@host becomes list+user=host@example.com (Postfix's XVERP).
 * Pure functions of any thread.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"
#include "core/base/span.h"

/* Postfix's default_verp_delimiters, and those that verp_delimiter_filter lets a client choose. */
#define SMTP_VERP_DELIMITERS "+="
#define SMTP_VERP_ALLOWED    "-=+"

/* Are these two characters that a client may ask for? */
MUST_USE bool smtp_verp_delimiters(struct span text);

/* Writes the sender for this recipient to `at`. False when there is not room for both and one byte
 * more, or when one of them has no domain or a quoted local part: it keeps its sender then. */
MUST_USE bool smtp_verp_sender(struct span sender, struct span recipient, const char delimiters[2],
                               char *at, size_t size, size_t *len_r);

#endif
