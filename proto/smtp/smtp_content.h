#ifndef PROTO_SMTP_SMTP_CONTENT_H
#define PROTO_SMTP_SMTP_CONTENT_H

/*
 * smtp_content: a message on its way out, after DATA or in chunks of BDAT.
 *
 * Takes the chain that holds the message and writes it in steps. What can go as it lies is lent
 * from that chain and never copied, so that a message of any size costs little memory; what is lent
 * keeps the content alive after smtp_content_free(). Only CRLF ends a line in what goes out: a bare
 * LF becomes CRLF and a bare CR a blank, for what one host takes for a line end must not be one for
 * the next. One thread at a time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/chain.h"

struct smtp_content;

enum smtp_content_form {
    SMTP_CONTENT_DATA,   /* dots are doubled (RFC 5321 4.5.2), the final dot is written */
    SMTP_CONTENT_CHUNKS, /* lines as for DATA, no dots */
    SMTP_CONTENT_BINARY, /* byte by byte as it is */
};

/* Takes `text`. Lines longer than `line_max` bytes are folded (0: never; not in BINARY). With
 * `downgrades` 8-bit parts go out as quoted-printable (mime/downgrade.h). */
MUST_USE struct smtp_content *smtp_content_new(struct chain *text, enum smtp_content_form form,
                                               uint32_t line_max, bool downgrades);
void smtp_content_free(struct smtp_content **content);

/* Appends about `max` bytes of the message to `out`, all of what is left when that is less. False:
 * that was the last of it. */
MUST_USE bool smtp_content_write(struct smtp_content *content, struct chain *out, size_t max);

#endif
