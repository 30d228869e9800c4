#ifndef PROTO_IMAP_IMAP_READER_H
#define PROTO_IMAP_IMAP_READER_H

/*
 * imap_reader: finds whole commands in what a client sends: a line, and as many literals, each
 * followed by another line, as it announces (RFC 3501 4.3, RFC 7888).
 *
 * What a command may hold is bounded before it is held: nothing is allocated for a literal until
 * its bytes come. A command that goes past a bound is answered with BAD and its rest is passed
 * over, literals that nobody asked for included, so that the next command is found where it begins.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"

struct imap_reader_limits {
    uint32_t command_size;      /* bytes of a command with line ends and literals */
    uint32_t literal_plus_size; /* bytes of a literal that comes unasked */
    unsigned open_lists;        /* parentheses that may be open at once; 0: any number */
    /* Whether the literal that is announced behind this much of a command is a message, which is
     * not held here. NULL: none ever is. */
    bool (*is_message)(struct span text);
};

enum imap_read {
    IMAP_READ_NOTHING,  /* needs more bytes than were offered, or passes over some */
    IMAP_READ_COMMAND,  /* there is a whole command: imap_reader_take() */
    IMAP_READ_LITERAL,  /* the client waits for "+" before it sends a literal */
    IMAP_READ_MESSAGE,  /* `announced` bytes of a message come next, which are the caller's to eat;
                           imap_reader_take() has the command up to them */
    IMAP_READ_TOO_LONG, /* BAD; goes on behind this command. imap_reader_tag() names it */
    IMAP_READ_LISTS,    /* BAD: too many parentheses are open; the same */
    IMAP_READ_FLOOD,   /* BAD, and the connection must end: a literal is on its way that is too long
                        */
    IMAP_READ_BARE_LF, /* BAD: a line that does not end in CRLF; goes on behind it */
};

struct imap_reader {
    char *text; /* the command so far; NULL between commands */
    uint32_t len, size;
    uint32_t scanned;      /* of the line that is offered, bytes that were looked at */
    uint32_t literal_left; /* bytes of a literal still to come */
    uint32_t open_lists;
    bool in_quotes, is_escaped;
    bool skips;         /* passes over the rest of a command, ... */
    uint32_t skip_size; /* ... and over literals in it of up to so many bytes */
    uint64_t announced; /* with IMAP_READ_MESSAGE: bytes, */
    bool comes_unasked; /* and the client does not wait for "+" */
    char tag[64];       /* of a command that went wrong */
    uint8_t tag_len;
};

/* Looks at the bytes offered and returns how many of them it ate; `what_r` says what came of it.
 * Bytes not eaten must be offered again, in front of what follows. */
size_t imap_reader_input(struct imap_reader *r, const struct imap_reader_limits *limits,
                         struct span bytes, enum imap_read *what_r);

/* After IMAP_READ_COMMAND: the command with its literals and without its last line end. The caller
 * frees it; the reader is ready for the next one. */
MUST_USE char *imap_reader_take(struct imap_reader *r, uint32_t *len_r);

/* Passes over `len` bytes of a literal that is on its way and then over the rest of its command,
 * in which literals that come unasked may be `literal_size` long, if the limits allow no more. */
void imap_reader_skip(struct imap_reader *r, uint32_t len, uint32_t literal_size);

/* The tag of the command that went wrong; empty when it had none. Valid until the next input. */
struct span imap_reader_tag(const struct imap_reader *r);

void imap_reader_free(struct imap_reader *r);

#endif
