#ifndef PROTO_SMTP_SMTP_SETTINGS_H
#define PROTO_SMTP_SMTP_SETTINGS_H

/*
 * smtp_settings: what the operator decides about SMTP and LMTP conversations. The names are
 * Postfix's where the meaning is. Immutable once a session can see it; a session keeps the ones
 * that it began with. Texts are never NULL and belong to who made the settings.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "proto/sasl/sasl_settings.h"

/* What the answer to EHLO can offer, in the order in which it does. */
enum smtp_extension {
    SMTP_EXT_PIPELINING = 1 << 0, /* RFC 2920 */
    SMTP_EXT_SIZE = 1 << 1,       /* RFC 1870 */
    SMTP_EXT_VRFY = 1 << 2,
    SMTP_EXT_ETRN = 1 << 3,                /* RFC 1985 */
    SMTP_EXT_XCLIENT = 1 << 4,             /* to clients that may use it */
    SMTP_EXT_ENHANCEDSTATUSCODES = 1 << 5, /* RFC 2034 */
    SMTP_EXT_8BITMIME = 1 << 6,            /* RFC 6152 */
    SMTP_EXT_DSN = 1 << 7,                 /* RFC 3461 */
    SMTP_EXT_SMTPUTF8 = 1 << 8,            /* RFC 6531 */
    SMTP_EXT_CHUNKING = 1 << 9,            /* RFC 3030 */
    SMTP_EXT_BINARYMIME = 1 << 10,         /* RFC 3030 */
    SMTP_EXT_LIMITS = 1 << 11,             /* RFC 9422 */
    SMTP_EXT_STARTTLS = 1 << 12,           /* RFC 3207 */
    SMTP_EXT_AUTH = 1 << 13,               /* RFC 4954; offered behind STARTTLS */
    SMTP_EXT_REQUIRETLS = 1 << 14,         /* RFC 8689; only under TLS */
    SMTP_EXT_MT_PRIORITY = 1 << 15,        /* RFC 6710 */
    SMTP_EXT_DELIVERBY = 1 << 16,          /* RFC 2852 */
    SMTP_EXT_FUTURERELEASE = 1 << 17,      /* RFC 4865 */
    SMTP_EXT_XVERP = 1 << 18,              /* Postfix's: a sender of its own for each recipient */
};

/* What becomes of clients without TLS. */
enum smtp_tls_level {
    SMTP_TLS_NONE, /* it is not offered */
    SMTP_TLS_MAY,
    SMTP_TLS_ENCRYPT, /* nothing but STARTTLS and what leads to it */
};

/* What becomes of lines that end in LF alone. Never is LF.LF or its like the end of a message. */
enum smtp_bare_newline {
    SMTP_BARE_NORMALIZE, /* they are lines, stored with CRLF */
    SMTP_BARE_REJECT,    /* the message is refused */
};

struct smtp_words {
    const char *const *at;
    unsigned count;
};

struct smtp_settings {
    const char *myhostname;
    const char *mail_name;        /* the word after ESMTP in the greeting */
    const char *smtpd_banner;     /* after "220 "; "": "$myhostname ESMTP $mail_name" */
    const char *myorigin;         /* domain of addresses that have none */
    struct smtp_words mynetworks; /* "127.0.0.0/8", "[::1]/128" */
    struct smtp_words smtpd_authorized_xclient_hosts; /* the same */
    struct smtp_words smtpd_forbidden_commands;       /* "GET", "POST" */
    unsigned smtpd_discard_ehlo_keywords;             /* enum smtp_extension: not offered */
    uint64_t message_size_limit;                      /* bytes of body */
    uint32_t line_length_limit; /* bytes of a command, and of a header line looked at */
    uint32_t hopcount_limit;    /* Received: lines that a message may come with, less one */
    uint32_t smtpd_recipient_limit;
    uint32_t smtpd_recipient_overshoot_limit; /* refused recipients that are no errors yet */
    uint32_t smtpd_soft_error_limit;          /* from here on each answer is delayed */
    uint32_t smtpd_hard_error_limit;          /* from here on 421 */
    uint32_t smtpd_junk_command_limit;        /* NOOP and the like that are no errors yet */
    uint32_t smtpd_error_sleep_time_ms;
    uint32_t smtpd_timeout_ms;
    /* The same three while the gateway is short of something: for who is no trusted client. */
    uint32_t smtpd_stress_hard_error_limit;
    uint32_t smtpd_stress_junk_command_limit;
    uint32_t smtpd_stress_timeout_ms;
    struct sasl_settings sasl;            /* ways to log in */
    bool smtpd_sasl_auth_enable;          /* AUTH is offered; always on a submission port */
    bool smtpd_tls_auth_only;             /* not without TLS, whatever else is allowed */
    bool broken_sasl_auth_clients;        /* "AUTH=..." too, for clients that want it so */
    bool smtpd_sasl_authenticated_header; /* Received: names who was logged in */
    bool smtpd_helo_required;
    bool disable_vrfy_command;
    bool strict_rfc821_envelopes; /* no blanks, no missing brackets */
    bool smtputf8_enable;
    bool smtpd_forbid_unauth_pipelining;
    enum smtp_bare_newline smtpd_forbid_bare_newline;
    uint32_t smtpd_forbid_bare_newline_reject_code; /* 550, or 521 to hang up too */
    enum smtp_tls_level smtpd_tls_security_level;
    bool smtpd_tls_log;             /* a note for each handshake that went well */
    bool smtpd_tls_received_header; /* Received: fields tell of the cipher */
    /* What only a relay can promise; off while none honours it. */
    bool offers_requiretls, offers_mt_priority, offers_deliverby, offers_futurerelease;
    bool offers_xverp;
    uint32_t deliverby_min_s;     /* no sender may ask for less in mode R */
    uint32_t futurerelease_max_s; /* how long a mail may be held at most */
    const char *debug_queue_id;   /* "": real ones; else each mail gets this one */
};

/* Postfix's defaults, for a host "localhost". */
extern const struct smtp_settings smtp_settings_default;

/* The bit of an EHLO keyword in any case; 0 when we don't know it. */
MUST_USE unsigned smtp_settings_extension(struct span keyword);

#endif
