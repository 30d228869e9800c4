#ifndef PROTO_SMTP_SMTP_ANSWER_H
#define PROTO_SMTP_SMTP_ANSWER_H

/*
 * smtp_answer: what can be the outcome of a command, and the words for it: one table. The words are
 * those that operators' tools match (Postfix's); the first digit of the enhanced code is always
 * that of the code (RFC 2034).
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"

enum {
    SMTP_ANSWER_MAX = 510, /* bytes of one line of an answer, without CRLF: RFC 5321 4.5.3.1.5 */
};

/* A judgement on a client, a sender, a recipient or a message by whoever knows. The texts live as
 * long as the program or the settings of the session. Code 250: yes, and the rest does not count.
 */
struct smtp_verdict {
    uint16_t code;        /* 0: no judgement */
    bool names_address;   /* say "<address>: " in front of the text */
    const char *enhanced; /* "5.1.1" */
    const char *text;     /* "Recipient address rejected: User unknown in local recipient table" */
};

#define SMTP_VERDICT_OK ((struct smtp_verdict){250, false, "", ""})

enum smtp_answer {
    SMTP_ANSWER_NONE, /* allowed, nothing to say */

    SMTP_OK,
    SMTP_OK_MAIL,
    SMTP_OK_RCPT,
    SMTP_GO_DATA,
    SMTP_GO_TLS,
    SMTP_HELP,
    SMTP_BYE,
    SMTP_CANNOT_VRFY, /* + the address */
    SMTP_QUEUED,      /* + queue id */
    SMTP_OK_BYTES,    /* + "n bytes", "n bytes queued as <id>" */

    SMTP_SYNTAX_HELO,
    SMTP_SYNTAX_EHLO,
    SMTP_SYNTAX_LHLO,
    SMTP_SYNTAX_MAIL,
    SMTP_SYNTAX_RCPT,
    SMTP_SYNTAX_DATA,
    SMTP_SYNTAX_BDAT,
    SMTP_SYNTAX_RSET,
    SMTP_SYNTAX_QUIT,
    SMTP_SYNTAX_VRFY,
    SMTP_SYNTAX_ETRN,
    SMTP_SYNTAX_STARTTLS,
    SMTP_SYNTAX_AUTH,
    SMTP_SYNTAX_XCLIENT,
    SMTP_BAD_ETRN,
    SMTP_BAD_SENDER,
    SMTP_BAD_RCPT,
    SMTP_BAD_SIZE,
    SMTP_BAD_RET,
    SMTP_BAD_PRIORITY,
    SMTP_BAD_BY,
    SMTP_BAD_HOLD,
    SMTP_BAD_VERP,
    SMTP_BAD_ENVID,
    SMTP_BAD_NOTIFY,
    SMTP_BAD_ORCPT,
    SMTP_BAD_AUTH,
    SMTP_BAD_XCLIENT,
    SMTP_BAD_LINE,
    SMTP_TWICE,       /* + the parameter */
    SMTP_UNSUPPORTED, /* + the parameter */
    SMTP_AUTH_DISABLED,
    SMTP_NEED_SMTPUTF8,

    SMTP_UNKNOWN,
    SMTP_UNIMPLEMENTED,
    SMTP_NO_AUTH,
    SMTP_NO_TLS,
    SMTP_TLS_TWICE,
    SMTP_NEED_TLS,
    SMTP_AUTH_DONE,
    SMTP_AUTH_FAILED,
    SMTP_AUTH_LATER,
    SMTP_AUTH_ABORTED,
    SMTP_AUTH_BASE64,
    SMTP_AUTH_TOO_LONG,
    SMTP_AUTH_TWICE,
    SMTP_AUTH_UNKNOWN,
    SMTP_AUTH_NEEDS_TLS,
    SMTP_NEED_AUTH,
    SMTP_LINE_TOO_LONG,
    SMTP_NEED_HELO,
    SMTP_NEED_LHLO,
    SMTP_NEED_MAIL,
    SMTP_NEED_RCPT,
    SMTP_NEED_BDAT,
    SMTP_NESTED_MAIL,
    SMTP_NO_VALID_RCPT,
    SMTP_IN_TRANSACTION,
    SMTP_ETRN_IN_TRANSACTION,
    SMTP_MAIL_AFTER_BDAT,
    SMTP_RCPT_AFTER_BDAT,
    SMTP_DATA_AFTER_BDAT,
    SMTP_VRFY_OFF,
    SMTP_NO_ETRN, /* + the domain */
    SMTP_NOT_AUTHORIZED,

    SMTP_TOO_BIG,
    SMTP_DISK_FULL,
    SMTP_SHORT,
    SMTP_MAIL_RATE, /* + the client's address */
    SMTP_RCPT_RATE,
    SMTP_AUTH_RATE,
    SMTP_TOO_MANY_RCPTS,
    SMTP_TOO_MANY_HOPS,
    SMTP_HAS_NUL,
    SMTP_BARE_LF,
    SMTP_BARE_LF_BYE,
    SMTP_QUEUE_ERROR,
    SMTP_NULL_CHUNK,
    SMTP_CHUNK_DROPPED, /* + n */

    SMTP_NOT_SMTP,
    SMTP_OUT_OF_STEP,
    SMTP_TOO_MANY_ERRORS, /* these have the host's name in front */
    SMTP_TIMED_OUT,
    SMTP_SHUTTING_DOWN,
    SMTP_OVERLOADED,
    SMTP_CROWDED, /* + "host Error: ... from address" */
    SMTP_ANSWERS,
};

struct smtp_answer_row {
    enum smtp_answer answer;
    uint16_t code;
    const char *enhanced; /* "" where RFC 2034 wants none */
    const char *text;     /* "%" is where what the caller names goes */
};

MUST_USE const struct smtp_answer_row *smtp_answer_row(enum smtp_answer answer);

#endif
