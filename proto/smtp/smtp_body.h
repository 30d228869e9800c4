#ifndef PROTO_SMTP_SMTP_BODY_H
#define PROTO_SMTP_SMTP_BODY_H

/*
 * smtp_body: the bytes of a message as SMTP carries them, decoded as they come: dots unstuffed
 * (RFC 5321 4.5.2), the end found, line ends made CRLF, the header looked at.
 *
 * The end of data is CR LF . CR LF and nothing else. LF alone ends a line, a CR in a line becomes a
 * blank, CRs directly in front of LF vanish: no bare CR or LF is stored that could end a message
 * elsewhere. Binary bodies (RFC 3030) are stored as they are.
 *
 * Any cut of the input gives the same result. Eats all that it is given, up to the end of data.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"
#include "proto/smtp/smtp_header.h"
#include "proto/smtp/smtp_requests.h"

enum smtp_body_form {
    SMTP_BODY_DOTTED, /* DATA */
    SMTP_BODY_TEXT,   /* BDAT */
    SMTP_BODY_BINARY, /* BDAT with BODY=BINARYMIME */
};

enum smtp_body_place {
    SMTP_AT_LINE_START,
    SMTP_AT_DOT,    /* a line began with a dot that is neither kept nor dropped yet */
    SMTP_AT_DOT_CR, /* and a CR followed it */
    SMTP_IN_LINE,
};

struct smtp_body {
    struct smtp_body_facts *facts;
    struct chain *out;
    uint64_t size_max; /* more than so many bytes are counted, not stored */
    enum smtp_body_form form;
    enum smtp_body_place place;
    bool after_crlf; /* the line before ended in CRLF, or there is none */
    bool in_header;
    bool line_known; /* of a header line too long for `held`: it was looked at */
    unsigned crs;    /* seen, and not known whether an LF follows them */
    struct smtp_header header;
    struct chain held; /* the header line so far */
};

/* `facts` and `out` stay where they are until smtp_body_end(). */
void smtp_body_begin(struct smtp_body *b, enum smtp_body_form form, uint64_t size_max,
                     struct smtp_body_facts *facts, struct chain *out);

/* The request, and with it facts and out, is at another place now, or came back. */
static inline void smtp_body_move(struct smtp_body *b, struct smtp_body_facts *facts,
                                  struct chain *out)
{
    b->facts = facts;
    b->out = out;
}

/* Returns the bytes eaten; *end_r says that the end of data was the last of them. */
MUST_USE size_t smtp_body_input(struct smtp_body *b, struct span bytes, bool *end_r);

/* The body is complete: a last line without its end gets one. */
void smtp_body_end(struct smtp_body *b);

/* Frees what it held; may be called at any time, twice too. */
void smtp_body_drop(struct smtp_body *b);

static inline bool smtp_body_is_too_big(const struct smtp_body *b)
{
    return b->facts->bytes > b->size_max;
}

#endif
