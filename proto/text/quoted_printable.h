#ifndef PROTO_TEXT_QUOTED_PRINTABLE_H
#define PROTO_TEXT_QUOTED_PRINTABLE_H

/*
 * quoted_printable: RFC 2045 6.7, both ways; reading it in any cuts.
 *
 * When it is read, blanks before a line end were added on the way and go. What is malformed stays
 * as it is written, as the RFC advises, and is remembered. Line ends are passed on as they come.
 * Any thread.
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

enum {
    QUOTED_PRINTABLE_LINE_MAX = 76, /* characters of a line that is written: RFC 2045 6.7 (5) */
    QUOTED_PRINTABLE_STEP_MAX = 8,  /* bytes that one byte can become, with a soft line break */
};

/* Writes the front of `text`, in which CRLF ends a line and all else is content, to `out` of at
 * least QUOTED_PRINTABLE_STEP_MAX bytes. Returns how many bytes of it were taken: all that `out`
 * has room for. `column` is 0 at the start and kept between calls. */
size_t quoted_printable_encode(struct span text, unsigned *column, char *out, size_t size,
                               size_t *len_r);

/* One hex digit, either case; -1 for another byte. */
int quoted_printable_hex(char c);

#endif
