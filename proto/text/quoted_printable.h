#ifndef PROTO_TEXT_QUOTED_PRINTABLE_H
#define PROTO_TEXT_QUOTED_PRINTABLE_H

/*
 * quoted_printable: reading RFC 2045 6.7, in any cuts.
 *
 * Blanks before a line end were added on the way and go. What is malformed stays as it is written,
 * as the RFC advises, and is remembered. Line ends are passed on as they come. Any thread.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"
#include "core/base/span.h"

enum {
    QUOTED_PRINTABLE_HELD_MAX = 80, /* more blanks than a line may have are passed on after all */
};

enum quoted_printable_state {
    QUOTED_TEXT,
    QUOTED_BLANKS, /* blanks that may be before a line end */
    QUOTED_ESCAPE, /* "=" */
    QUOTED_HEX,    /* "=X" */
    QUOTED_SOFT,   /* "=" and blanks or CR: a soft line break if a line end follows */
};

/* A body being decoded; the zero value is the start. */
struct quoted_printable {
    enum quoted_printable_state state;
    bool broken;
    unsigned char held_len;
    char held[QUOTED_PRINTABLE_HELD_MAX]; /* what means nothing before its next byte is known */
};

/* Room that a cut of `len` bytes needs. */
static inline size_t quoted_printable_max(size_t len)
{
    return len + QUOTED_PRINTABLE_HELD_MAX;
}

/* Decodes one cut to `out`; returns how many bytes were written. */
size_t quoted_printable_decode(struct quoted_printable *q, struct span text, char *out);

/* What is left at the end of the text, at most QUOTED_PRINTABLE_HELD_MAX bytes. */
size_t quoted_printable_end(struct quoted_printable *q, char *out);

/* One hex digit, either case; -1 for another byte. */
int quoted_printable_hex(char c);

#endif
