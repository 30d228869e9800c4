#ifndef PROTO_SMTP_SMTP_HEADER_H
#define PROTO_SMTP_SMTP_HEADER_H

/*
 * smtp_header: what the header of a message on its way in tells, line by line: how often it was
 * received, its Message-ID, whom it was delivered to, and where it ends. A header that does not end
 * as RFC 5322 has it is repaired.
 */

#include <stdbool.h>

#include "core/base/chain.h"
#include "core/base/span.h"
#include "proto/smtp/smtp_requests.h"

enum {
    SMTP_HEADER_LINE_MAX = 2048, /* bytes of a line that are looked at */
};

enum smtp_header_field {
    SMTP_FIELD_OTHER,
    SMTP_FIELD_MESSAGE_ID,
    SMTP_FIELD_DELIVERED_TO,
};

struct smtp_header {
    bool began;                   /* a line was seen */
    enum smtp_header_field field; /* whose value still may come in a continuation line */
};

/* What goes in front of a line. */
enum smtp_header_line {
    SMTP_HEADER_GOES_ON, /* nothing: a field or a part of one */
    SMTP_HEADER_ENDS,    /* nothing: this is the blank line */
    SMTP_HEADER_MAILBOX, /* "X-Mailbox-Line: ": it is an mbox file's first line */
    SMTP_HEADER_ENDED,   /* a blank line: this one is of the body */
};

/* The next line of the header, without its end; or its first SMTP_HEADER_LINE_MAX bytes. */
enum smtp_header_line smtp_header_take(struct smtp_header *h, struct span line,
                                       struct smtp_body_facts *facts);

#endif
