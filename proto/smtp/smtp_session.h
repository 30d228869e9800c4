#ifndef PROTO_SMTP_SMTP_SESSION_H
#define PROTO_SMTP_SMTP_SESSION_H

/*
 * smtp_session: the server side of one SMTP (RFC 5321) or LMTP (RFC 2033) conversation. See
 * proto/session.h for how it is driven and smtp_requests.h for what it asks.
 */

#include "proto/session.h"
#include "proto/smtp/smtp_requests.h"
#include "proto/smtp/smtp_settings.h"

/* Who the peer is, as the host sees it. */
struct smtp_client {
    char name[SMTP_NAME_MAX]; /* its verified host name, or "unknown" */
    bool is_ours;             /* in mynetworks */
    bool may_xclient;
    unsigned discard; /* enum smtp_extension: not offered to this one */
};

/* What happened, for the log. Spans and pointers are valid during the call. */
enum smtp_note_kind {
    SMTP_NOTE_CONNECT, /* the client is known: at the start, and again after XCLIENT */
    SMTP_NOTE_CLIENT,  /* the first accepted recipient: mail->queue_id is new */
    SMTP_NOTE_REJECT,  /* policy said no: reply, and the address in question in the mail's terms */
    SMTP_NOTE_STORED,  /* the mail is durable; mail has all about it */
    SMTP_NOTE_AUTH_FAILED, /* data: why; method, user */
    SMTP_NOTE_PIPELINING,  /* data: what came too early */
    SMTP_NOTE_NOT_SMTP,    /* data: the line */
    SMTP_NOTE_TLS,         /* a handshake is done: tls */
    SMTP_NOTE_TLS_FAILED,  /* data: why */
    SMTP_NOTE_LOST,        /* the peer hung up */
    SMTP_NOTE_TIMEOUT,
    SMTP_NOTE_ERRORS, /* too many of them */
    SMTP_NOTE_SHUTDOWN,
    SMTP_NOTE_OVERLOADED, /* nobody more can be served; may come before CONNECT */
    SMTP_NOTE_CROWDED,    /* too many connections of this client; the same */
    SMTP_NOTE_RATE,       /* too many of `command` lately; data: how many */
    SMTP_NOTE_DISCONNECT, /* the last of all; data: "ehlo=1 mail=1 quit=1 commands=3" */
};

/* What is counted of each client. */
enum smtp_rate {
    SMTP_RATE_MAIL,
    SMTP_RATE_RCPT,
    SMTP_RATE_AUTH,
};

struct smtp_note {
    enum smtp_note_kind kind;
    const char *client_name, *client_address; /* never NULL */
    const char *command;         /* what the peer had said last: "CONNECT", "RCPT", "DATA" */
    const char *protocol, *helo; /* "SMTP" and "" before the client said who it is */
    struct span from, to;        /* of a reject; "" when not known yet */
    bool has_from, has_to;
    struct span reply; /* "550 5.1.1 <x>: ..." */
    struct span data;
    const struct session_tls *tls; /* NULL: in the clear */
    const char *method;            /* of a login that failed: "PLAIN"; else NULL */
    struct span user;              /* the name it gave, any bytes; empty when it gave none */
    const struct smtp_store_request *mail; /* NULL outside of a transaction */
    int64_t now_us;
};

/*
 * What the session asks on its own (the reactor's) thread: none of these blocks. One host serves
 * any number of sessions of its listener and outlives them all.
 */
struct smtp_host {
    bool is_lmtp;
    bool is_submission; /* for mail users (RFC 6409): TLS first, then AUTH, before anything else */

    /* The settings as they are now. The session hands `hold` back when it ends. */
    const struct smtp_settings *(*settings)(const struct smtp_host *h, void **hold_r);
    void (*settings_done)(const struct smtp_host *h, void *hold);

    void (*client)(const struct smtp_host *h, const struct smtp_settings *settings,
                   const char *address, struct smtp_client *client_r);

    /* May this sender begin a transaction now, with a message of so many bytes? (0: not said) */
    struct smtp_verdict (*mail)(const struct smtp_host *h, const struct smtp_store_request *mail);

    /* May this mail go to this recipient? It is the last of mail->recipients, until the answer. */
    struct smtp_verdict (*rcpt)(const struct smtp_host *h, const struct smtp_store_request *mail,
                                const struct smtp_mailbox *recipient);

    /* Counts one more of what this client does, and says how many that are in the current unit of
     * time when those are too many; else 0. NULL: nobody counts. */
    unsigned (*rate)(const struct smtp_host *h, const char *address, enum smtp_rate what);

    void (*queue_id)(const struct smtp_host *h, const struct smtp_settings *settings,
                     int64_t now_us, char id[SMTP_QUEUE_ID_MAX]);

    void (*note)(const struct smtp_host *h, const struct smtp_note *note);
};

/* Both stay the caller's; `peer` is copied. */
MUST_USE struct session *smtp_session_new(const struct smtp_host *host,
                                          const struct session_peer *peer);

#endif
