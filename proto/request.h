#ifndef PROTO_REQUEST_H
#define PROTO_REQUEST_H

/*
 * request: what a session asks of the rest of the gateway.
 *
 * Embedded as the first member of a typed request (struct smtp_store_request, ...); `kind` says
 * which. One owner at a time: the session fills it, the driver takes it away, a run function on a
 * worker answers it, the driver brings it back through session_ops.reply(), and the session frees
 * it. While it is away the session is frozen, so a run may use what the request lends of it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/chain.h"

struct watch;
struct session;

enum request_kind {
    REQUEST_AUTH,       /* struct auth_request: one step of a SASL exchange, or user and password */
    REQUEST_SMTP_BODY,  /* struct smtp_store_request: a block of a long body */
    REQUEST_SMTP_STORE, /* struct smtp_store_request: the end of it: make the message durable */
    REQUEST_IMAP_SELECT,
    REQUEST_IMAP_STATUS,
    REQUEST_IMAP_LIST,    /* also LSUB */
    REQUEST_IMAP_MAILBOX, /* CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE */
    REQUEST_IMAP_FETCH,
    REQUEST_IMAP_STORE,
    REQUEST_IMAP_SEARCH,
    REQUEST_IMAP_EXPUNGE, /* also CLOSE */
    REQUEST_IMAP_APPEND,  /* a block of a message, or the end of the last one */
    REQUEST_IMAP_COPY,    /* also MOVE */
    REQUEST_IMAP_SYNC,    /* what changed: NOOP, CHECK, IDLE, before a tagged OK */
    REQUEST_POP3_OPEN,    /* after a login */
    REQUEST_POP3_NUMBER,  /* before the first command with numbers */
    REQUEST_POP3_STAT,
    REQUEST_POP3_LIST,  /* also UIDL */
    REQUEST_POP3_RETR,  /* also TOP */
    REQUEST_POP3_QUIT,  /* the update that it asks for */
    REQUEST_RELAY_NEXT, /* struct smtp_client_request: the next mails for a host */
    REQUEST_KINDS,
};

enum request_status {
    REQUEST_OPEN, /* not answered yet */
    REQUEST_OK,
    REQUEST_CONTINUE,  /* AUTH: the challenge is in `out` */
    REQUEST_REFUSED,   /* no, and asking again will not help */
    REQUEST_NOT_FOUND, /* what was named does not exist */
    REQUEST_EXISTS,    /* what was to be made exists */
    REQUEST_DELETED,   /* the selected mailbox was deleted: the session must end */
    REQUEST_GONE,      /* some of the messages that were named do not exist any more */
    REQUEST_TRY_LATER, /* overload, no space for now, a dependency is away */
    REQUEST_FULL,      /* the disk or a quota is full */
    REQUEST_DAMAGED,   /* the stored bytes fail their checksum */
};

struct request {
    enum request_kind kind;
    enum request_status status;
    bool more;               /* `out` is full for now: send it, then run the same request again */
    uint64_t connection;     /* the driver's number of the connection, for log lines */
    struct watch *watch;     /* lent by the driver: a run may set it to a mailbox; NULL in tests */
    struct session *session; /* whose request this is */
    uint64_t owner; /* a number of the user's, whose share of the workers it takes; 0: none's */
    size_t held;    /* bytes of memory that runs keep between two steps (a draft), for the budget */
    struct chain out; /* what the run wrote for the peer; the driver moves it to the session's */
};

#endif
