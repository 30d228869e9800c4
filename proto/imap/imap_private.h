#ifndef PROTO_IMAP_IMAP_PRIVATE_H
#define PROTO_IMAP_IMAP_PRIVATE_H

/* What an IMAP session is made of, for the files of this folder. */

#include "proto/imap/imap_reader.h"
#include "proto/imap/imap_requests.h"
#include "proto/imap/imap_session.h"
#include "proto/sasl/auth_request.h"
#include "proto/sasl/sasl_offer.h"

enum imap_state {
    IMAP_FRESH = 1 << 0,     /* greeted, not logged in */
    IMAP_LOGGED_IN = 1 << 1, /* no mailbox selected */
    IMAP_SELECTED = 1 << 2,
    IMAP_ANY = IMAP_FRESH | IMAP_LOGGED_IN | IMAP_SELECTED,
    IMAP_IN = IMAP_LOGGED_IN | IMAP_SELECTED,
};

/* What the next line of the peer's is. */
enum imap_mode {
    IMAP_MODE_COMMAND,
    IMAP_MODE_SASL,   /* a response of AUTHENTICATE */
    IMAP_MODE_IDLE,   /* DONE */
    IMAP_MODE_APPEND, /* a message, or what stands behind one */
};

struct imap_session;

enum {
    IMAP_VERB_UID = 1 << 0,         /* may stand behind UID */
    IMAP_VERB_MAY_EXPUNGE = 1 << 1, /* EXPUNGE responses may come before its answer */
};

/* One row for each command: where it is allowed and what it does with what follows its name. run()
 * answers at once (imap_ok, imap_no, imap_bad) or asks (imap_ask); answered() gets the answer, NULL
 * is imap_finish_status(). */
struct imap_verb {
    const char *name;
    unsigned states, flags;
    void (*run)(struct imap_session *s, struct span args);
    void (*answered)(struct imap_session *s, struct request *r);
    const char *done; /* "Fetch": what is "completed." */
};
const struct imap_verb *imap_verb_find(struct span name); /* NULL: there is none */
const struct imap_verb *imap_verb_at(unsigned index);     /* NULL behind the last */

/* The command that is being answered. */
struct imap_command {
    const struct imap_verb *verb;
    char *text;
    uint32_t len;
    bool by_uid;
    struct span tag; /* in text */
};

/* An APPEND on its way. */
struct imap_appending {
    struct imap_append_request *request; /* NULL while it is away, and between commands */
    uint64_t left;                       /* bytes of the literal that are still to come */
    uint32_t block;                      /* bytes that the request carries, as they came */
    uint64_t total;                      /* bytes of all its messages that were announced */
    bool is_announced;                   /* the command at hand ends in front of a message */
    bool comes;    /* more of it is on its way; else the client waits, for "+" or the answer */
    bool after_cr; /* the last byte was one */
};

struct imap_session {
    struct session base;
    const struct imap_host *host;
    const struct imap_settings *settings;
    void *settings_hold;
    struct session_peer peer;
    const struct session_tls *tls; /* NULL: in the clear */
    enum imap_state state;
    enum imap_mode mode;
    struct imap_reader reader;
    struct imap_command command; /* text is NULL between commands */
    struct request *away;        /* the request that is open or taken */
    struct imap_account account; /* name is malloced */
    struct imap_view *view;      /* while state is SELECTED */
    struct auth_seat *seat;      /* among the account's sessions; NULL before the login */
    struct auth_request *auth;   /* during AUTHENTICATE, while it is not away */
    struct imap_appending append;

    /* for the log */
    char *tried;                  /* the user name tried last, malloced */
    char method[24];              /* the mechanism tried last; "" when none was */
    int64_t started_us, heard_us; /* when the client said something last */
    uint64_t in_bytes, out_bytes, expunged, headers, bodies;
    unsigned failed_logins;

    unsigned bad_commands; /* BAD answers since the last good command */
};

static inline const struct imap_settings *imap_settings_of(const struct imap_session *s)
{
    return s->settings;
}

/* imap_session.c: answers to the command at hand; each ends it. */
void imap_ok(struct imap_session *s); /* with the verb's own words */
void imap_ok_text(struct imap_session *s, struct span text);
void imap_no(struct imap_session *s, struct span text); /* may begin with a response code */
void imap_bad(struct imap_session *s, const char *why); /* NULL: "Invalid arguments." */
void imap_finish_status(struct imap_session *s, struct request *r); /* by the request's status */

/* Opens a request; fills in what all of them carry. */
void imap_ask(struct imap_session *s, struct imap_request *r);
void imap_drop(struct imap_request *r); /* one that was never asked */
void imap_ask_auth(struct imap_session *s, struct auth_request *r);

void imap_close(struct imap_session *s, const char *reason); /* "Logged out": the log's word */
void imap_unselect(struct imap_session *s);
void imap_bye_deleted(struct imap_session *s); /* the selected mailbox is no more */

/* imap_capability.c */
void imap_capability_write(const struct imap_session *s, struct chain *out);

/* imap_name.c: an astring as the name of a mailbox in UTF-8 (room for IMAP_NAME_MAX). False when it
 * can't be one. */
MUST_USE bool imap_name_read(const struct imap_settings *settings, struct span text, char *name_r,
                             uint32_t *len_r);

/* imap_any_cmd.c */
void imap_capability_cmd(struct imap_session *s, struct span args);
void imap_noop_cmd(struct imap_session *s, struct span args);
void imap_logout_cmd(struct imap_session *s, struct span args);
void imap_id_cmd(struct imap_session *s, struct span args);
void imap_enable_cmd(struct imap_session *s, struct span args);

/* imap_tls_cmd.c */
bool imap_tls_is_possible(const struct imap_session *s);
void imap_tls_started(struct session *base, const struct session_tls *tls);
void imap_starttls_cmd(struct imap_session *s, struct span args);

/* imap_auth_cmd.c */
struct sasl_client imap_sasl_client(const struct imap_session *s);
void imap_login_cmd(struct imap_session *s, struct span args);
void imap_authenticate_cmd(struct imap_session *s, struct span args);
void imap_auth_answered(struct imap_session *s, struct request *r);
size_t imap_auth_line(struct imap_session *s, struct span bytes); /* IMAP_MODE_SASL */

/* imap_select_cmd.c */
/* Reads a blank and the name of a mailbox; answers BAD or NO and returns false when it is none. */
MUST_USE bool imap_mailbox_arg(struct imap_session *s, struct span *at, char *name_r,
                               uint32_t *len_r);
void imap_select_cmd(struct imap_session *s, struct span args);
void imap_examine_cmd(struct imap_session *s, struct span args);
void imap_select_answered(struct imap_session *s, struct request *r);
void imap_status_cmd(struct imap_session *s, struct span args);
void imap_close_cmd(struct imap_session *s, struct span args);
void imap_close_answered(struct imap_session *s, struct request *r);
void imap_unselect_cmd(struct imap_session *s, struct span args);
void imap_expunge_cmd(struct imap_session *s, struct span args);

/* imap_list_cmd.c */
void imap_list_cmd(struct imap_session *s, struct span args);
void imap_lsub_cmd(struct imap_session *s, struct span args);
void imap_namespace_cmd(struct imap_session *s, struct span args);

/* imap_mailbox_cmd.c */
void imap_create_cmd(struct imap_session *s, struct span args);
void imap_delete_cmd(struct imap_session *s, struct span args);
void imap_rename_cmd(struct imap_session *s, struct span args);
void imap_subscribe_cmd(struct imap_session *s, struct span args);
void imap_unsubscribe_cmd(struct imap_session *s, struct span args);
void imap_mailbox_answered(struct imap_session *s, struct request *r);

/* imap_fetch_cmd.c, imap_store_cmd.c, imap_search_cmd.c */
void imap_fetch_cmd(struct imap_session *s, struct span args);
void imap_fetch_answered(struct imap_session *s, struct request *r);
void imap_store_cmd(struct imap_session *s, struct span args);
void imap_search_cmd(struct imap_session *s, struct span args);

/* Reads the set of a FETCH or STORE; answers BAD and returns false when it is none. */
MUST_USE bool imap_set_arg(struct imap_session *s, struct span *at, struct imap_ranges *uids_r);

/* imap_append_cmd.c */
void imap_append_cmd(struct imap_session *s, struct span args);
void imap_append_answered(struct imap_session *s, struct request *r);
size_t imap_append_input(struct imap_session *s, struct span bytes); /* IMAP_MODE_APPEND */
/* Is the literal behind this much of a command the message of an APPEND? */
bool imap_append_is_message(struct span text);
/* The command in front of a message was answered: what is on its way of it is passed over. */
void imap_append_given_up(struct imap_session *s);

/* imap_copy_cmd.c */
void imap_copy_cmd(struct imap_session *s, struct span args);
void imap_move_cmd(struct imap_session *s, struct span args);
void imap_copy_answered(struct imap_session *s, struct request *r);

/* imap_idle_cmd.c */
void imap_idle_cmd(struct imap_session *s, struct span args);
size_t imap_idle_line(struct imap_session *s, struct span bytes); /* IMAP_MODE_IDLE */
void imap_idle_answered(struct imap_session *s, struct request *r);
void imap_sync_ask(struct imap_session *s);

#endif
