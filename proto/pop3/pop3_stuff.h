#ifndef PROTO_POP3_POP3_STUFF_H
#define PROTO_POP3_POP3_STUFF_H

/*
 * pop3_stuff: a message on its way into the answer to RETR or TOP (RFC 1939 3, 5, 7).
 *
 * A line that begins with a dot gets one more in front, a message that does not end in CRLF gets
 * one, and TOP ends after so many lines of the body. The message comes in blocks, cut anywhere; the
 * pieces that come out point into them, so that most bytes are never copied. A bare LF counts as
 * the end of a line here: a client that thinks so too must not take what follows it for the end.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"

#define POP3_ALL_LINES UINT64_MAX

struct pop3_stuff {
    uint64_t lines; /* of the body, that are still wanted */
    bool in_body;   /* the empty line behind the header is out */
    bool is_cut;    /* all lines that are wanted are out */
    char last[2];   /* the bytes that went out last */
    bool no_nuls;   /* NUL goes out as 0x80 */
};

/* lines: POP3_ALL_LINES for RETR. */
struct pop3_stuff pop3_stuff_begin(uint64_t lines, bool no_nuls);

/* What of a block is wanted: all of it, or its part up to the last line. Then call
 * pop3_stuff_next() until it is used up. */
MUST_USE struct span pop3_stuff_want(struct pop3_stuff *s, struct span block);

/* Takes the next piece off the block, to go out behind a dot of its own when *dot_r. False: the
 * block is used up. */
MUST_USE bool pop3_stuff_next(struct pop3_stuff *s, struct span *block, struct span *piece_r,
                              bool *dot_r);

/* Must this piece be copied, by pop3_stuff_copy(), because of its NULs? */
MUST_USE bool pop3_stuff_must_copy(const struct pop3_stuff *s, struct span piece);
void pop3_stuff_copy(const struct pop3_stuff *s, struct span piece, struct chain *out);

/* The end: what is missing of the last line, an empty line where the header had none
 * (adds_end_of_header), and the dot. */
void pop3_stuff_end(struct pop3_stuff *s, bool adds_end_of_header, struct chain *out);

#endif
