#ifndef PROTO_SMTP_SMTP_REQUESTS_H
#define PROTO_SMTP_SMTP_REQUESTS_H

/*
 * smtp_requests: what an SMTP session asks of the service.
 *
 * One struct smtp_store_request lives from MAIL to the answer to the last byte. A short message is
 * one request, REQUEST_SMTP_STORE. A long one goes out as REQUEST_SMTP_BODY each time a block of
 * its body is full: the service takes the bytes out of `body` and keeps its own state in `draft`;
 * then the rest goes out as REQUEST_SMTP_STORE. Owns all that it points to.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"
#include "proto/request.h"
#include "proto/sasl/auth_request.h"
#include "proto/smtp/smtp_answer.h"
#include "proto/text/ip.h"

enum {
    SMTP_BODY_BLOCK = 256 * 1024,  /* bytes of body after which a request goes out */
    SMTP_QUEUE_ID_MAX = 32,        /* bytes with a NUL */
    SMTP_NAME_MAX = 256,           /* of a host, with a NUL */
    SMTP_MESSAGE_ID_MAX = 256,     /* bytes kept of a Message-ID, with a NUL */
    SMTP_DELIVERED_TO_MAX = 16384, /* bytes kept of all Delivered-To: fields */
    SMTP_ENVID_MAX = 100,          /* RFC 3461 4.4 */
    SMTP_ORCPT_MAX = 500,          /* RFC 3461 4.2 */
};

struct session_tls;

/* An address with what it means. All spans point into the allocation that holds it. */
struct smtp_mailbox {
    struct span given;  /* as it goes into headers and logs: quoted where needed, no brackets */
    struct span local;  /* unquoted */
    struct span domain; /* as given, without a final dot; "" when there was none */
};

enum smtp_notify { /* RFC 3461 4.1; 0: not said */
    SMTP_NOTIFY_NEVER = 1 << 0,
    SMTP_NOTIFY_SUCCESS = 1 << 1,
    SMTP_NOTIFY_FAILURE = 1 << 2,
    SMTP_NOTIFY_DELAY = 1 << 3,
};

struct smtp_recipient {
    struct smtp_mailbox address;
    unsigned notify;             /* enum smtp_notify */
    struct span orcpt;           /* decoded "type;address", "" when not said */
    struct smtp_verdict verdict; /* out: what became of this one; code 0: as the message */
    struct chain targets;        /* out: accounts that it was delivered to, each ended by a NUL */
    size_t bytes_size;           /* of this allocation */
    char bytes[];
};

enum smtp_ret {
    SMTP_RET_UNSAID,
    SMTP_RET_FULL,
    SMTP_RET_HDRS
};
enum smtp_encoding {
    SMTP_BODY_UNSAID,
    SMTP_BODY_7BIT,
    SMTP_BODY_8BITMIME,
    SMTP_BODY_BINARYMIME
};

/* What is known of a body when all of it was read. */
struct smtp_body_facts {
    uint64_t bytes;          /* of the body as it is stored, without our own Received: */
    unsigned received_count; /* Received: fields that it came with */
    bool has_8bit, has_nul;
    bool has_bare_lf; /* lines that ended in LF alone */
    bool has_stray_cr;
    bool header_repaired;                 /* the blank line behind the header is ours */
    char message_id[SMTP_MESSAGE_ID_MAX]; /* with its brackets; "" when there is none */
    struct chain delivered_to;            /* addresses, each ended by a NUL */
};

/* Somebody who showed who he is. */
struct smtp_login {
    char method[24];
    char name[AUTH_NAME_MAX + 1]; /* user@domain */
};

struct smtp_store_request {
    struct request base;

    /* the client */
    char client_name[SMTP_NAME_MAX]; /* "unknown" when it has none */
    char client_address[IP_TEXT_MAX];
    char helo[SMTP_NAME_MAX];       /* "" when it said none */
    const char *protocol;           /* "ESMTP", "LMTP", ...: RFC 3848, RFC 6531 */
    const struct session_tls *tls;  /* lent, for the Received: field; NULL: it does not tell */
    bool is_lmtp;                   /* each recipient has an answer of its own */
    bool client_is_ours;            /* in mynetworks */
    const struct smtp_login *login; /* the session's; NULL: nobody is logged in */
    bool shows_login;               /* the Received: field names who it is */

    /* the envelope */
    char queue_id[SMTP_QUEUE_ID_MAX]; /* "" before the first accepted recipient */
    int64_t mail_us;                  /* wall clock at MAIL, */
    int64_t body_us;                  /* and when the body was complete */
    struct smtp_mailbox *sender;      /* given "" is the null sender */
    struct smtp_recipient **recipients;
    unsigned recipient_count, recipient_size;
    size_t recipient_bytes; /* of memory, for the budget */
    uint64_t declared_size; /* 0: not said */
    enum smtp_encoding encoding;
    enum smtp_ret ret;
    bool is_utf8;                   /* SMTPUTF8 was said */
    bool is_complete;               /* REQUEST_SMTP_STORE: the body ends here */
    char envid[SMTP_ENVID_MAX + 1]; /* decoded */
    bool requires_tls;              /* REQUIRETLS (RFC 8689) was said */
    bool has_priority;              /* MT-PRIORITY (RFC 6710) was said, */
    int priority;                   /* -9 to 9 */
    bool by_returns, by_traces;     /* DELIVERBY's mode R, and T (RFC 2852), */
    int64_t by_us;                  /* wall clock; 0: not said */
    int64_t hold_until_us;          /* FUTURERELEASE (RFC 4865); 0: at once */
    char verp[2];                   /* XVERP's delimiters; NUL: not said */
    char *sasl_sender; /* whom the client says it had the mail from (RFC 4954 5), decoded; NULL when
                          it did not say, or is not logged in */

    /* the message */
    struct chain body; /* what the service did not take yet: CRLF line ends, dots unstuffed */
    struct smtp_body_facts facts;
    uint64_t stored_bytes; /* out: with our own Received:, without delivery headers */
    unsigned queued_count; /* out: recipients elsewhere, for whom it waits in the queue */

    /* the service's */
    void *draft;
    void (*drop)(void **draft);  /* set with draft; frees it without blocking */
    struct smtp_verdict verdict; /* out, with REQUEST_REFUSED: why; texts of static life */
};

MUST_USE struct smtp_store_request *smtp_store_request_new(void);
void smtp_store_request_free(struct smtp_store_request **request);        /* *request may be NULL */
size_t smtp_store_request_held(const struct smtp_store_request *request); /* bytes of memory */

/* May the client send to others through us? */
MUST_USE bool smtp_store_request_may_relay(const struct smtp_store_request *request);

/* Makes a mailbox or recipient from its parts, copying them. */
struct address;
MUST_USE struct smtp_mailbox *smtp_mailbox_new(const struct address *address);
struct smtp_recipient *smtp_store_request_add(struct smtp_store_request *request,
                                              const struct address *address, struct span orcpt);
void smtp_store_request_pop(struct smtp_store_request *request); /* the last recipient goes */

#endif
