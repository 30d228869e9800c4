#ifndef PROTO_SMTP_SMTP_PRIVATE_H
#define PROTO_SMTP_SMTP_PRIVATE_H

/*
 * What an SMTP session is made of, for the files of this folder.
 *
 * smtp_session.c takes bytes and keeps the state; smtp_verbs.c finds a command's row and says
 * whether it is in order; the smtp_*_cmd.c files do what it says; smtp_say.c writes the answer and
 * counts errors.
 */

#include "core/base/span.h"
#include "proto/sasl/auth_request.h"
#include "proto/sasl/sasl_offer.h"
#include "proto/smtp/smtp_answer.h"
#include "proto/smtp/smtp_body.h"
#include "proto/smtp/smtp_session.h"

enum {
    SMTP_VERBS = 17, /* rows of smtp_verbs */
    SMTP_EXT_OF_RELAY = SMTP_EXT_REQUIRETLS | SMTP_EXT_MT_PRIORITY | SMTP_EXT_DELIVERBY |
                        SMTP_EXT_FUTURERELEASE | SMTP_EXT_XVERP,
    SMTP_SKIP_LINE_MAX = 64 * 1024, /* bytes of a line too long that are read and forgotten */
    SMTP_SKIP_CHUNK_MAX = 1 << 30,  /* the same for a chunk that is refused */
};

/* How far the transaction is. */
enum smtp_state {
    SMTP_NEW,     /* no HELO */
    SMTP_READY,   /* no transaction */
    SMTP_MAIL,    /* a sender, no recipient asked for */
    SMTP_REFUSED, /* a sender, all recipients refused */
    SMTP_RCPT,    /* at least one recipient */
    SMTP_CHUNKS,  /* at least one chunk */
    SMTP_STATES,
};

/* What the next bytes are. */
enum smtp_reading {
    SMTP_READS_COMMANDS,
    SMTP_READS_AUTH,      /* a response of AUTH */
    SMTP_READS_LINE_REST, /* of a command that was too long */
    SMTP_READS_DATA,
    SMTP_READS_CHUNK,
    SMTP_READS_CHUNK_REFUSED,
};

enum smtp_verb_flag {
    SMTP_VERB_LAST = 1 << 0,    /* ends a pipelined group: RFC 2920 3.1 */
    SMTP_VERB_JUNK = 1 << 1,    /* only so many for free */
    SMTP_VERB_HELO = 1 << 2,    /* needs a greeting when the settings say so */
    SMTP_VERB_PAYLOAD = 1 << 3, /* bytes follow it even when it is refused */
    SMTP_VERB_SMTP = 1 << 4,    /* not in LMTP */
    SMTP_VERB_LMTP = 1 << 5,    /* only in LMTP */
    SMTP_VERB_CLEAR = 1 << 6,   /* also where TLS has to come first */
};

struct smtp_session;

struct smtp_verb {
    const char *name, *shown; /* "MAIL", "mail" */
    void (*run)(struct smtp_session *s, struct span args);
    unsigned flags;
    uint8_t when[SMTP_STATES]; /* enum smtp_answer: why not in this state, or SMTP_ANSWER_NONE */
};
extern const struct smtp_verb smtp_verbs[SMTP_VERBS];

struct smtp_count {
    unsigned ok, all;
};

struct smtp_session {
    struct session base;
    struct session_peer peer;
    const struct smtp_host *host;
    const struct smtp_settings *settings;
    void *hold; /* of the settings */

    struct smtp_client client;
    const struct session_tls *tls;    /* NULL: in the clear */
    char client_address[IP_TEXT_MAX]; /* the peer's, or what XCLIENT said */
    char helo[SMTP_NAME_MAX];
    bool is_esmtp;

    enum smtp_state state;
    enum smtp_reading reading;
    struct smtp_login *login;        /* NULL: nobody is logged in */
    struct auth_request *auth;       /* during AUTH, while it is not away */
    struct smtp_store_request *mail; /* the transaction; not while it is away */

    struct smtp_body body;
    enum smtp_answer trouble; /* with the body so far: the rest is read and forgotten */
    bool is_chunked;
    bool chunk_last;
    enum smtp_answer chunk_answer; /* to a chunk that is refused */
    uint64_t chunk_size, chunk_left, chunk_total;

    unsigned errors, junk, overshoot;
    bool failed; /* the command in hand was answered with an error */
    bool started;
    const struct smtp_verb *verb; /* of the command in hand */
    const char *command;          /* what the client said last, for the log */
    uint32_t skipped;             /* bytes of a line that was too long */
    struct smtp_count counts[SMTP_VERBS], unknown;
};

/* smtp_session.c */
void smtp_state_set(struct smtp_session *s, enum smtp_state state);
void smtp_mail_drop(struct smtp_session *s); /* ends the transaction, if there is one */
void smtp_close(struct smtp_session *s);
void smtp_client_set(struct smtp_session *s, const char *address);
void smtp_greet(struct smtp_session *s);
void smtp_connected(struct smtp_session *s);        /* notes it once */
unsigned smtp_offers(const struct smtp_session *s); /* enum smtp_extension */

/* smtp_auth_cmd.c */
struct sasl_client smtp_sasl_client(const struct smtp_session *s);
MUST_USE bool smtp_auth_is_enabled(const struct smtp_session *s);
/* " PLAIN LOGIN": what is offered to this client; false when nothing is. */
MUST_USE bool smtp_auth_write(const struct smtp_session *s, struct chain *list);
size_t smtp_auth_input(struct smtp_session *s, struct span bytes); /* SMTP_READS_AUTH */
void smtp_auth_reply(struct smtp_session *s, struct auth_request *answered);
void smtp_auth_drop(struct smtp_session *s); /* ends the exchange, if there is one */
void smtp_login_set(struct smtp_session *s, const char *method, struct span name);
void smtp_login_drop(struct smtp_session *s);

/* smtp_verbs.c */
/* `waits` is what has come behind the line. */
void smtp_command(struct smtp_session *s, struct span line, struct span waits);
enum smtp_answer smtp_verb_refusal(const struct smtp_session *s, const struct smtp_verb *verb);

/* smtp_say.c: each writes one answer. */
void smtp_say(struct smtp_session *s, enum smtp_answer answer);
void smtp_say_of(struct smtp_session *s, enum smtp_answer answer, struct span what);
void smtp_say_crowded(struct smtp_session *s); /* SMTP_CROWDED */
void smtp_say_lines(struct smtp_session *s, struct span first, const char *const *rest,
                    unsigned count);
/* The same, when policy and not syntax is the reason: also a note. */
void smtp_reject(struct smtp_session *s, enum smtp_answer answer, const struct smtp_mailbox *to);
void smtp_reject_verdict(struct smtp_session *s, const struct smtp_verdict *verdict,
                         const struct smtp_mailbox *from, const struct smtp_mailbox *to);
void smtp_note(struct smtp_session *s, enum smtp_note_kind kind, struct span data);
void smtp_note_auth(struct smtp_session *s, const struct auth_request *r, const char *why);

/* smtp_limit.c: what a client may do now. */
unsigned smtp_limit_errors(const struct smtp_session *s); /* that end the session */
unsigned smtp_limit_junk(const struct smtp_session *s);   /* that are no errors yet */
void smtp_limit_set(struct smtp_session *s);              /* tells the driver, after each call */
/* False, and answered, when it did too much of this lately. */
MUST_USE bool smtp_limit_rate(struct smtp_session *s, enum smtp_rate what);
size_t smtp_limit_held(const struct session *base); /* session_ops.held */

/* smtp_tls_cmd.c */
bool smtp_tls_is_possible(const struct smtp_session *s);
void smtp_tls_started(struct session *base, const struct session_tls *tls);

/* smtp_data_cmd.c */
size_t smtp_data_input(struct smtp_session *s, struct span bytes);
size_t smtp_chunk_input(struct smtp_session *s, struct span bytes);
size_t smtp_chunk_skip(struct smtp_session *s, struct span bytes);
void smtp_body_reply(struct smtp_session *s, struct smtp_store_request *answered);
void smtp_store_reply(struct smtp_session *s, struct smtp_store_request *answered);

/* The commands. */
void smtp_helo_cmd(struct smtp_session *s, struct span args);
void smtp_ehlo_cmd(struct smtp_session *s, struct span args);
void smtp_lhlo_cmd(struct smtp_session *s, struct span args);
void smtp_starttls_cmd(struct smtp_session *s, struct span args);
void smtp_xclient_cmd(struct smtp_session *s, struct span args);
void smtp_mail_cmd(struct smtp_session *s, struct span args);
void smtp_rcpt_cmd(struct smtp_session *s, struct span args);
void smtp_data_cmd(struct smtp_session *s, struct span args);
void smtp_bdat_cmd(struct smtp_session *s, struct span args);
void smtp_rset_cmd(struct smtp_session *s, struct span args);
void smtp_noop_cmd(struct smtp_session *s, struct span args);
void smtp_vrfy_cmd(struct smtp_session *s, struct span args);
void smtp_etrn_cmd(struct smtp_session *s, struct span args);
void smtp_help_cmd(struct smtp_session *s, struct span args);
void smtp_quit_cmd(struct smtp_session *s, struct span args);
void smtp_auth_cmd(struct smtp_session *s, struct span args);
void smtp_unimplemented_cmd(struct smtp_session *s, struct span args);

#endif
