#ifndef PROTO_POP3_POP3_PRIVATE_H
#define PROTO_POP3_POP3_PRIVATE_H

/* What a POP3 session is made of, for the files of this folder. */

#include "proto/pop3/pop3_requests.h"
#include "proto/pop3/pop3_session.h"
#include "proto/sasl/auth_request.h"

enum pop3_state { /* RFC 1939 3; UPDATE is a request that is away */
    POP3_AUTHORIZATION = 1 << 0,
    POP3_TRANSACTION = 1 << 1,
    POP3_ANY = POP3_AUTHORIZATION | POP3_TRANSACTION,
};

struct pop3_session;

enum {
    POP3_VERB_NUMBERS = 1 << 0, /* needs the maildrop's numbers */
};

/* One row for each command: where it is allowed and what it does with what follows its name, one
 * blank left out. run() answers at once (pop3_ok, pop3_err, pop3_bad) or asks (pop3_ask);
 * answered() gets the answer. */
struct pop3_verb {
    const char *name;
    unsigned states, flags;
    void (*run)(struct pop3_session *s, struct span args);
    void (*answered)(struct pop3_session *s, struct request *r);
};
const struct pop3_verb *pop3_verb_find(struct span name); /* NULL: there is none */

struct pop3_session {
    struct session base;
    const struct pop3_host *host;
    const struct pop3_settings *settings;
    void *settings_hold;
    struct session_peer peer;
    const struct session_tls *tls; /* NULL: in the clear */
    enum pop3_state state;
    bool in_sasl; /* the next line is a response of AUTH */
    bool is_utf8; /* the client said UTF8 */

    const struct pop3_verb *verb; /* of the command whose request is away */
    struct chain waiting;         /* its arguments, while the maildrop gets its numbers */
    struct request *away;         /* the request that is open or taken */
    struct auth_request *auth;    /* during AUTH, while it is not away */
    char *user;                   /* of USER, malloced; NULL: none */
    char *account;                /* who is logged in, or about to be; malloced */
    bool has_lock;                /* of the account's maildrop */
    struct pop3_maildrop drop;

    unsigned bad_commands; /* errors since the last good command */

    /* for the log */
    char *tried; /* the user name tried last, malloced */
    char method[24];
    int64_t started_us;
    unsigned failed_logins;
    uint64_t top_count, top_bytes, retr_count, retr_bytes;
    uint32_t removed;
};

/* pop3_session.c: answers to the command at hand. */
void pop3_ok(struct pop3_session *s, struct span text);  /* "": +OK alone */
void pop3_err(struct pop3_session *s, struct span text); /* may begin with a response code */
void pop3_bad(struct pop3_session *s, struct span text); /* the same, and counted */
void pop3_add(struct pop3_session *s, struct span text); /* bytes of an answer */
void pop3_done(struct pop3_session *s);                  /* it was a good one, and is written */
void pop3_trouble(struct pop3_session *s, enum request_status status);

/* Opens a request; fills in what all of them carry. */
void pop3_ask(struct pop3_session *s, struct pop3_request *r);
void pop3_ask_auth(struct pop3_session *s, struct auth_request *r);

/* Ends the session after what is in `out`: "Logged out" is the log's word. The maildrop is free
 * before the client can know. */
void pop3_close(struct pop3_session *s, const char *reason);
void pop3_leave(struct pop3_session *s); /* gives up account, maildrop and lock */

/* pop3_any_cmd.c */
void pop3_capa_cmd(struct pop3_session *s, struct span args);
void pop3_lang_cmd(struct pop3_session *s, struct span args);
void pop3_utf8_cmd(struct pop3_session *s, struct span args);
void pop3_stls_cmd(struct pop3_session *s, struct span args);
void pop3_noop_cmd(struct pop3_session *s, struct span args);
void pop3_quit_cmd(struct pop3_session *s, struct span args);
void pop3_quit_answered(struct pop3_session *s, struct request *r);

/* pop3_auth_cmd.c */
void pop3_user_cmd(struct pop3_session *s, struct span args);
void pop3_pass_cmd(struct pop3_session *s, struct span args);
void pop3_auth_cmd(struct pop3_session *s, struct span args);
void pop3_auth_answered(struct pop3_session *s, struct request *r); /* also REQUEST_POP3_OPEN */
void pop3_auth_line(struct pop3_session *s, struct span line);      /* while in_sasl */
void pop3_auth_drop(struct pop3_session *s);
bool pop3_auth_allows_clear(const struct pop3_session *s); /* USER and PASS, here and now */
/* Appends each mechanism that is offered, with `before` in front of it; returns how many. */
unsigned pop3_auth_write(const struct pop3_session *s, struct span before, struct chain *out);

/* pop3_list_cmd.c, pop3_retr_cmd.c */
void pop3_stat_cmd(struct pop3_session *s, struct span args);
void pop3_stat_answered(struct pop3_session *s, struct request *r);
void pop3_list_cmd(struct pop3_session *s, struct span args);
void pop3_uidl_cmd(struct pop3_session *s, struct span args);
void pop3_list_answered(struct pop3_session *s, struct request *r);
void pop3_dele_cmd(struct pop3_session *s, struct span args);
void pop3_rset_cmd(struct pop3_session *s, struct span args);
void pop3_retr_cmd(struct pop3_session *s, struct span args);
void pop3_top_cmd(struct pop3_session *s, struct span args);
void pop3_retr_answered(struct pop3_session *s, struct request *r);

/* Reads the number of a message that is there and not marked as deleted, behind it the end, or a
 * blank when more must follow. Answers -ERR and returns false when it is none. */
MUST_USE bool pop3_number_arg(struct pop3_session *s, struct span *at, bool more,
                              uint32_t *number_r);

#endif
