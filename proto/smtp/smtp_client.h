#ifndef PROTO_SMTP_SMTP_CLIENT_H
#define PROTO_SMTP_SMTP_CLIENT_H

/*
 * smtp_client: our side of one SMTP (RFC 5321) or LMTP (RFC 2033) conversation with a next hop. See
 * proto/session.h for how it is driven; it uses `more` and room() for long messages.
 *
 * It greets, begins TLS and logs in as its target wants it, then sends one mail after the other:
 * those that it was given at the start, then what REQUEST_RELAY_NEXT brings, until that brings
 * none. Each mail goes back by smtp_client_host.done() as soon as something is known of all of its
 * recipients, also when the connection fails, and exactly once. Everything here belongs to the
 * reactor's thread, but for the mails while they are the giver's.
 *
 * A mail whose last byte was sent and whose answer was not seen is deferred and `is_uncertain`: the
 * host may have it (RFC 1047). In no other case can a mail arrive twice.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"
#include "proto/request.h"
#include "proto/session.h"
#include "proto/smtp/smtp_reply.h"
#include "proto/smtp/smtp_requests.h"
#include "proto/smtp/smtp_settings.h"

enum {
    SMTP_CLIENT_STEP = 128 * 1024,      /* bytes of a message written at once; a chunk of BDAT */
    SMTP_CLIENT_COPY_MAX = 1024,        /* bytes that are copied rather than lent */
    SMTP_CLIENT_HURRY_MAX = 64 * 1024,  /* bytes of a message that BDAT sends before it is known
                                           whether the host wants any of it */
    SMTP_CLIENT_RECIPIENTS_MAX = 10000, /* of one mail */
    SMTP_CLIENT_REASON_MAX = 1500,      /* bytes of smtp_client_result.reason */
};

/* How safe the transport must be. What is verified is for the transport to know: it calls
 * tls_started() only when its demands are met, else hangup() with session.trouble set. */
enum smtp_client_tls {
    SMTP_CLIENT_TLS_NONE,    /* never STARTTLS */
    SMTP_CLIENT_TLS_MAY,     /* when it is offered; in the clear when it is not, or refused */
    SMTP_CLIENT_TLS_ENCRYPT, /* not without */
    SMTP_CLIENT_TLS_VERIFY,  /* and with the host's certificate checked: by CA, DANE or MTA-STS */
};

/* How we behave to all hosts. Postfix's names without "smtp_". Immutable; outlives the session. */
struct smtp_client_settings {
    const char *helo_name;
    const char *myhostname; /* a host of this name is ourselves: the mail loops; "": none is */
    unsigned discard_ehlo_keywords; /* enum smtp_extension: taken for not offered */
    bool never_send_ehlo;
    bool pipelines_mails;       /* the next mail's commands go out with the end of the last one */
    bool skips_chunking;        /* DATA even where CHUNKING is offered, but for binary mail */
    uint32_t line_length_limit; /* longer lines are folded by CRLF and a blank; 0: never */
    uint32_t helo_timeout_ms;   /* for the greeting, HELO, EHLO and LHLO */
    uint32_t starttls_timeout_ms;
    uint32_t mail_timeout_ms, rcpt_timeout_ms;
    uint32_t data_init_timeout_ms; /* for the answer to DATA */
    uint32_t data_xfer_timeout_ms; /* for each part of a message to leave */
    uint32_t data_done_timeout_ms; /* for the answer to the final dot */
    uint32_t rset_timeout_ms;
};

/* Postfix's defaults, for a host "localhost". */
extern const struct smtp_client_settings smtp_client_settings_default;

/* Whom we speak to. Outlives the session. */
struct smtp_client_target {
    const char *name; /* for texts, with `address`: "mx.example.com[192.0.2.1]" */
    const char *address;
    bool is_lmtp;
    enum smtp_client_tls tls;
    const char *user, *password; /* NULL: we don't log in */
    bool may_login_clear;        /* also without TLS (smtp_tls_security_level is none or may) */
};

/* What became of a recipient. */
enum smtp_client_outcome {
    SMTP_CLIENT_UNTRIED, /* nothing was asked about it: try again at once, it is nobody's failure */
    SMTP_CLIENT_DELIVERED,
    SMTP_CLIENT_DEFERRED,
    SMTP_CLIENT_FAILED, /* for good */
};

/* Whose failure it is. */
enum smtp_client_blame {
    SMTP_CLIENT_OF_HOST,      /* all mail to this host would fare so; another host may take it,
                                 even when the outcome is FAILED */
    SMTP_CLIENT_OF_MESSAGE,   /* MAIL, DATA or the message was refused */
    SMTP_CLIENT_OF_RECIPIENT, /* RCPT was */
};

struct smtp_client_result {
    enum smtp_client_outcome outcome;
    enum smtp_client_blame blame; /* when it was not delivered */
    unsigned code;                /* of the reply; 0: there was none */
    char status[SMTP_STATUS_MAX]; /* "2.0.0", "4.4.2", "5.1.1"; its class fits the outcome */
    bool is_uncertain;            /* deferred, and yet the host may have the message */
    bool is_relayed;   /* delivered to a host without DSN: a success notification is ours to send,
                          as "relayed" (RFC 3461 5.2.2) */
    char *reason;      /* for the log: "250 2.0.0 Ok: queued as 1", "host mx[192.0.2.1] said: 550 no
                          (in reply to RCPT TO command)"; printable; NULL: UNTRIED */
    struct span reply; /* the reply's text in `reason`, for Diagnostic-Code: smtp; "": none */
};

struct smtp_client_recipient {
    struct span address;              /* without brackets */
    struct span orcpt;                /* decoded "type;address"; "" for none */
    unsigned notify;                  /* enum smtp_notify; 0: not said */
    uint64_t number;                  /* the giver's */
    struct smtp_client_result result; /* out */
};

/* DELIVERBY (RFC 2852). */
struct smtp_client_by {
    int64_t until_us; /* wall clock; 0: not asked for */
    bool returns;     /* mode R: give up then; else mode N: say so */
    bool traces;
};

/* One message to recipients of one host. Texts are lent by the giver until done(). */
struct smtp_client_mail {
    struct smtp_client_mail *next; /* of a list; the session takes all of it */
    void *context;                 /* the giver's */

    struct span sender; /* without brackets; "" is the null sender */
    struct span envid;  /* decoded; "" for none */
    enum smtp_ret ret;
    enum smtp_encoding encoding; /* what BODY= said when we got it */
    bool has_8bit;               /* bytes above 127 in the body, */
    bool has_utf8_header;        /* or in its header */
    bool is_utf8;                /* SMTPUTF8 was said when we got it */
    bool requires_tls;           /* REQUIRETLS (RFC 8689) */
    bool has_priority;           /* MT-PRIORITY (RFC 6710) was said, */
    int priority;                /* -9 to 9 */
    struct smtp_client_by by;

    struct chain body; /* header and body, CRLF line ends, no dots added; lent blocks are sent as
                          they lie. Taken when the mail begins, and freed on this thread */
    struct smtp_client_recipient *recipients;
    unsigned recipient_count;

    struct { /* the session's */
        unsigned rcpts_asked, answered, accepted;
        unsigned ends_answered; /* of LMTP: one for each that was accepted */
        unsigned recipient;     /* whose answer is next */
        unsigned chunks_asked, chunks_answered;
        uint8_t stage;
        bool is_failed, is_chunked, is_downgraded;
    } state;
};

/* Zeroed, with so many recipients. */
MUST_USE struct smtp_client_mail *smtp_client_mail_new(unsigned recipient_count);
void smtp_client_mail_free(struct smtp_client_mail **mail); /* not what it lends; not `next` */

/* Sets has_8bit and has_utf8_header from the body. Reads all of it. */
void smtp_client_mail_scan(struct smtp_client_mail *mail);

/* What is known of a connection when it ends. */
struct smtp_client_end {
    bool was_ready;  /* it came so far that mails could be sent */
    bool tls_failed; /* the handshake did: with SMTP_CLIENT_TLS_MAY try again in the clear */
    unsigned mails;  /* that were answered to their end */
    unsigned offers; /* enum smtp_extension: what EHLO said last */
    const struct smtp_client_result *trouble; /* why it did not end in good order; NULL: it did */
};

/* Who gave the mails. Called on the reactor's thread, from inside of the session: neither may block
 * or call the session. */
struct smtp_client_host {
    void *context;

    /* The mail is the host's again, each recipient with its result. */
    void (*done)(const struct smtp_client_host *h, struct smtp_client_mail *mail);

    /* The last of all calls, after the last done(). `end` is valid during the call. */
    void (*ended)(const struct smtp_client_host *h, const struct smtp_client_end *end);
};

/* REQUEST_RELAY_NEXT: REQUEST_OK with a list of mails; any other status, or no mail: QUIT. It may
 * stay away for as long as the connection is worth keeping. */
struct smtp_client_request {
    struct request base;
    const struct smtp_client_host *host;
    struct smtp_client_mail *mails; /* out; in the order in which they go */
};

/* settings, target and host are lent until ended(); `peer` is copied; `mails` may be NULL: then it
 * asks when it is ready. */
MUST_USE struct session *smtp_client_new(const struct smtp_client_settings *settings,
                                         const struct smtp_client_target *target,
                                         const struct smtp_client_host *host,
                                         const struct session_peer *peer,
                                         struct smtp_client_mail *mails);

#endif
