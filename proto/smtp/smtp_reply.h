#ifndef PROTO_SMTP_SMTP_REPLY_H
#define PROTO_SMTP_SMTP_REPLY_H

/*
 * smtp_reply: one reply of an SMTP server (RFC 5321 4.2, RFC 2034), read line by line.
 *
 * A reply is whatever a stranger sends: what is kept of it is bounded and printable, so that it can
 * stand in logs and notifications. Pure functions of any thread.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"
#include "core/base/span.h"

/* HOSTILE L19. */
enum {
    SMTP_REPLY_LINE_MAX = 2048,   /* bytes of a line, with its line end */
    SMTP_REPLY_LINES_MAX = 1000,  /* lines of a reply */
    SMTP_REPLY_BYTES_MAX = 65536, /* bytes of a reply */
    SMTP_REPLY_TEXT_MAX = 1000,   /* bytes that are kept of its text */
    SMTP_STATUS_MAX = 12,         /* "5.123.123" with a NUL: RFC 3463 2 */
};

struct smtp_reply {
    unsigned code;                /* 200 to 599; 0 before the first line */
    char status[SMTP_STATUS_MAX]; /* "4.7.1"; "" when the server said none, or one of another class
                                     than its code's */
    unsigned lines;
    size_t bytes;
    size_t text_len;
    char text[SMTP_REPLY_TEXT_MAX]; /* "550-5.1.1 first 550 5.1.1 last": all lines with their codes,
                                       as Postfix shows them; what is not printable ASCII is '?' */
};

enum smtp_reply_status {
    SMTP_REPLY_MORE, /* another line of the same reply follows */
    SMTP_REPLY_DONE,
    SMTP_REPLY_BAD,  /* that is no reply: no code, or another one than the lines before */
    SMTP_REPLY_LONG, /* past a limit */
};

/* What reads the next reply: nothing is left of the one before. */
void smtp_reply_begin(struct smtp_reply *r);

/* Takes the next line, without its line end. After DONE, BAD or LONG begin again. */
MUST_USE enum smtp_reply_status smtp_reply_line(struct smtp_reply *r, struct span line);

/* What a line says behind its code: "PIPELINING" of "250-PIPELINING". */
struct span smtp_reply_words(struct span line);

static inline struct span smtp_reply_text(const struct smtp_reply *r)
{
    return (struct span){r->text, r->text_len};
}

/* Copies text so that it can be shown: each byte that is not printable ASCII becomes '?'. Returns
 * how many bytes of `to` it took, at most `size`. */
size_t smtp_reply_show(struct span text, char *to, size_t size);

/* Reads "d.ddd.ddd" at the front of `text`, which a blank or the end must follow; its class must be
 * `class`. False leaves status_r alone. */
MUST_USE bool smtp_status_parse(struct span text, char class, char status_r[SMTP_STATUS_MAX]);

#endif
