#ifndef PROTO_SMTP_SMTP_CLIENT_PRIVATE_H
#define PROTO_SMTP_SMTP_CLIENT_PRIVATE_H

/*
 * What our side of an SMTP conversation is made of, for the files of this folder.
 *
 * smtp_client.c reads replies, keeps the list of mails and ends the conversation; what a reply
 * means is the business of smtp_client_hello.c, _auth.c and, once mails can be sent, _mail.c (MAIL,
 * RCPT, and whose answer comes next) and _data.c (the message). smtp_client_result.c finds the
 * words for what became of a recipient.
 *
 * Answers are read in the order of the commands. The mail whose answers come is the first of the
 * list; commands of the one behind it may be out already, never of a third.
 */

#include "proto/smtp/smtp_client.h"
#include "proto/smtp/smtp_content.h"

enum smtp_client_state {
    SMTP_CLIENT_NEW, /* start() was not called */
    SMTP_CLIENT_GREETING,
    SMTP_CLIENT_EHLO, /* or LHLO */
    SMTP_CLIENT_HELO,
    SMTP_CLIENT_STARTTLS,
    SMTP_CLIENT_SHAKING,
    SMTP_CLIENT_AUTH,
    SMTP_CLIENT_READY,
    SMTP_CLIENT_OVER, /* all mails are the host's again */
};

/* How far a mail is. */
enum smtp_client_stage {
    SMTP_CLIENT_WAITS,
    SMTP_CLIENT_ENVELOPE, /* MAIL and RCPT go out */
    SMTP_CLIENT_DATA,     /* DATA is out, too */
    SMTP_CLIENT_CONTENT,  /* the message goes out */
    SMTP_CLIENT_END,      /* all of it is out */
};

/* What a login can be made with, from EHLO's AUTH. */
enum smtp_client_mechanism {
    SMTP_CLIENT_PLAIN = 1 << 0,
    SMTP_CLIENT_LOGIN = 1 << 1,
};

struct smtp_client_session {
    struct session base;
    const struct smtp_client_settings *settings;
    const struct smtp_client_target *target;
    const struct smtp_client_host *host;
    struct session_peer peer;
    enum smtp_client_state state;

    struct smtp_reply reply;
    int64_t reply_us; /* when the reply in hand began to come; 0: none does */

    bool is_tls, tls_failed, tls_refused;
    bool is_logged_in;
    unsigned auth_step;
    unsigned offers; /* enum smtp_extension */
    unsigned mechanisms;
    uint64_t size_max; /* 0: the host has no limit, or does not say */
    uint64_t by_min_s; /* DELIVERBY's least time */
    bool is_ourselves; /* EHLO was answered with our own name */
    bool was_ready;

    struct smtp_client_mail *mails;   /* the first is the one whose answers come */
    struct smtp_client_mail *sending; /* the one that is at CONTENT, or NULL */
    struct smtp_content *content;     /* its message */
    bool needs_reset;                 /* a transaction is open over there that nobody wants */
    bool reset_asked;                 /* RSET is out, its answer is next */
    unsigned mails_ended;
    struct smtp_client_request *request; /* while it is not away */

    bool has_trouble;
    struct smtp_client_result trouble;
};

/* smtp_client.c */
void smtp_client_command(struct smtp_client_session *s, const char *line);
/* The host is no good for any mail: all go back with this result, whose reason it takes. */
void smtp_client_refuse(struct smtp_client_session *s, struct smtp_client_result *why);
/* The same for what has no result yet, and nothing more is said or heard: the peer is gone, or out
 * of its mind, or does not want us any more. */
void smtp_client_abort(struct smtp_client_session *s, struct smtp_client_result *why);
void smtp_client_ready(struct smtp_client_session *s);
void smtp_client_next(struct smtp_client_session *s); /* the first mail is through */
/* The message of the first mail is out: what may follow it at once does. */
void smtp_client_ahead(struct smtp_client_session *s);
bool smtp_client_can_pipeline(const struct smtp_client_session *s);

/* smtp_client_hello.c */
void smtp_client_keyword(struct smtp_client_session *s, struct span words, bool is_first);
void smtp_client_greeted(struct smtp_client_session *s);
void smtp_client_hello(struct smtp_client_session *s);
void smtp_client_ehlo_answered(struct smtp_client_session *s);
void smtp_client_helo_answered(struct smtp_client_session *s);
void smtp_client_starttls_answered(struct smtp_client_session *s);

/* smtp_client_auth.c */
void smtp_client_auth(struct smtp_client_session *s); /* logs in, when that is wanted */
void smtp_client_auth_answered(struct smtp_client_session *s);

/* smtp_client_mail.c */
/* Can it go to this host at all? Else all its recipients have their results. */
MUST_USE bool smtp_client_mail_fits(struct smtp_client_session *s, struct smtp_client_mail *m);
MUST_USE bool smtp_client_mail_may(const struct smtp_client_session *s,
                                   const struct smtp_client_mail *m);
void smtp_client_mail_write(struct smtp_client_session *s, struct smtp_client_mail *m);
void smtp_client_mail_answered(struct smtp_client_session *s, struct smtp_client_mail *m);

/* smtp_client_data.c */
void smtp_client_data_write(struct smtp_client_session *s, struct smtp_client_mail *m);
void smtp_client_data_answered(struct smtp_client_session *s, struct smtp_client_mail *m);
void smtp_client_content_step(struct smtp_client_session *s); /* there is room for more of it */
MUST_USE bool smtp_client_data_hurries(const struct smtp_client_session *s,
                                       const struct smtp_client_mail *m);
void smtp_client_content_drop(struct smtp_client_session *s);

/* smtp_client_result.c */
/* What the reply in hand means for whoever it is the answer for. `command` ("RCPT TO command"),
 * NULL for the greeting. */
struct smtp_client_result smtp_client_said(const struct smtp_client_session *s,
                                           enum smtp_client_blame blame, const char *command);
/* Our own judgement. `reason` is copied and may hold "%s", the host; `detail` follows it. */
struct smtp_client_result smtp_client_judged(const struct smtp_client_session *s,
                                             enum smtp_client_blame blame, const char *status,
                                             const char *reason, struct span detail);
struct smtp_client_result smtp_client_result_copy(const struct smtp_client_result *r);
void smtp_client_result_drop(struct smtp_client_result *r);
/* Gives each recipient that has no result yet a copy of it; only those that RCPT accepted when
 * `accepted_only`. Takes `r`. */
void smtp_client_settle(struct smtp_client_mail *m, struct smtp_client_result *r);
/* What we are doing now: "sending MAIL FROM". */
const char *smtp_client_doing(const struct smtp_client_session *s);

#endif
