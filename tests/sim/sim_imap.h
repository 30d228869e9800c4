#ifndef TESTS_SIM_SIM_IMAP_H
#define TESTS_SIM_SIM_IMAP_H

/*
 * sim_imap: what the two halves of the IMAP client share: sim_imap.c says, sim_imap_hear.c hears.
 *
 * The client keeps what a mail program keeps: which message has which number now. Every response is
 * held against that, and what it learns about mailboxes against the model.
 */

#include "tests/sim/sim_client.h"

enum {
    IMAP_MESSAGES_MAX = 1200, /* in a mailbox */
    IMAP_COMMANDS_MAX = 4,    /* sent and not answered */
    IMAP_APPEND_MAX = 3,      /* mails with one APPEND */
};

enum imap_kind {
    IMAP_LOGIN,
    IMAP_SELECT,
    IMAP_LIST_ALL, /* FETCH of UID, flags, size and number of all messages */
    IMAP_FETCH,
    IMAP_UID_FETCH,
    IMAP_STORE,
    IMAP_UID_STORE,
    IMAP_SEARCH_ALL, /* the rest of them: UID SEARCH */
    IMAP_SEARCH_FLAG,
    IMAP_SEARCH_NOT_FLAG,
    IMAP_SEARCH_SUBJECT,
    IMAP_EXPUNGE,
    IMAP_CLOSE,
    IMAP_UNSELECT,
    IMAP_NOOP,
    IMAP_IDLE,
    IMAP_STATUS,
    IMAP_APPEND,
    IMAP_COPY,
    IMAP_UID_COPY,
    IMAP_MOVE,
    IMAP_UID_MOVE,
    IMAP_OTHER, /* any answer will do */
    IMAP_LOGOUT,
};

enum imap_phase {
    IMAP_GREETED_NOT,
    IMAP_ANONYMOUS,
    IMAP_IN,
    IMAP_OVER,
};

struct imap_command {
    enum imap_kind kind;
    unsigned tag;
    uint64_t asked;              /* tick */
    uint32_t uid_next;           /* of the box, known then */
    struct model_change *change; /* that it asks for */
    struct model_copy *copy;     /* the same, of a copy; into this box */
    unsigned to;
    struct model_mail *mails[IMAP_APPEND_MAX]; /* that it brings */
    unsigned mail_count;
    unsigned flag; /* that it searches */
    unsigned box;
    bool read_only, bad_password;
    uint32_t found[IMAP_MESSAGES_MAX]; /* by a search */
    unsigned found_count;
    bool has_found;
};

struct imap {
    enum imap_phase phase;
    unsigned account, tag, commands_left;
    struct imap_command commands[IMAP_COMMANDS_MAX];
    unsigned command_count;
    bool is_idling, has_ended_idle;

    int box; /* selected, or -1 */
    bool read_only, must_list, is_fresh;
    uint64_t selected;                /* tick of the SELECT */
    uint32_t uids[IMAP_MESSAGES_MAX]; /* by number - 1; 0: not yet known */
    uint32_t count;

    unsigned audit_box, audit_step; /* of an auditor */
};

static inline struct imap *imap_of(const struct client *c)
{
    return c->state;
}

size_t imap_hear(struct client *c, struct span heard);
/* What a tagged or untagged OK says in brackets (sim_imap_codes.c). */
void imap_heard_copyuid(struct client *c, const struct imap_command *command, struct span rest);
void imap_heard_appenduid(struct client *c, const struct imap_command *command, struct span rest);

#endif
