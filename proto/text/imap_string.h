#ifndef PROTO_TEXT_IMAP_STRING_H
#define PROTO_TEXT_IMAP_STRING_H

/*
 * imap_string: bytes as IMAP's `string` (RFC 3501 section 9).
 *
 * Short 7-bit text without line ends is quoted, all else is a literal. A NUL can be sent in neither
 * (CHAR8 leaves it out), so it becomes the byte 0x80, which keeps every length true; who must have
 * the NULs asks for BINARY (RFC 3516). Pure functions of any thread.
 */

#include <stddef.h>

#include "core/base/chain.h"
#include "core/base/span.h"

enum {
    IMAP_STRING_QUOTED_MAX = 1000, /* longer text is a literal: clients read lines into buffers */
    IMAP_STRING_EXTRA = 32,        /* at most so much is written besides the (escaped) bytes */
};

/* Room that imap_string_put() needs for `len` bytes. */
static inline size_t imap_string_max(size_t len)
{
    return (len <= IMAP_STRING_QUOTED_MAX ? 2 * len : len) + IMAP_STRING_EXTRA;
}

/* Writes `bytes` as a string to `at`; returns how many were written. */
size_t imap_string_put(char *at, struct span bytes);

/* Appends a string. */
void imap_string_write(struct chain *out, struct span bytes);

#endif
