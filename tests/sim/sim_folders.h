#ifndef TESTS_SIM_SIM_FOLDERS_H
#define TESTS_SIM_SIM_FOLDERS_H

/*
 * sim_folders: the oracle for mailboxes that come and go: names, subscriptions, UIDVALIDITY, UIDs,
 * what lies where. They are those of one account that one client alone works on, a change at a
 * time; so at any moment what there is is known but for the last change, which happened wholly or
 * not at all.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "tests/sim/sim_run.h"

enum {
    FOLDERS_NAMES = 8, /* the first is INBOX */
    FOLDERS_MESSAGES_MAX = 48,
    FOLDERS_MAILS_MAX = 3, /* with one APPEND */
};
#define FOLDERS_ACCOUNT "dan"
extern const char *const folders_names[FOLDERS_NAMES];

struct folder_message {
    uint32_t uid;
    unsigned mail, flags; /* enum model_flag */
};
struct folder {
    bool exists;
    uint32_t uid_validity; /* 0: not yet known */
    uint32_t uid_next, count;
    uint64_t modseq;  /* when the store was last looked into, ... */
    bool has_changed; /* ... and whether there must be a higher one since then */
    struct folder_message messages[FOLDERS_MESSAGES_MAX]; /* by UID */
};
struct folders {
    struct folder at[FOLDERS_NAMES];
    bool subscribed[FOLDERS_NAMES];
};

enum folders_kind {
    FOLDERS_CREATE,
    FOLDERS_DELETE,
    FOLDERS_RENAME,
    FOLDERS_SUBSCRIBE,
    FOLDERS_UNSUBSCRIBE,
    FOLDERS_APPEND,
    FOLDERS_COPY,
    FOLDERS_MOVE,
    FOLDERS_FLAG, /* +FLAGS */
    FOLDERS_EXPUNGE,
    FOLDERS_KINDS,
};
struct folders_change {
    enum folders_kind kind;
    unsigned from, to; /* names */
    unsigned flags;
    unsigned mails[FOLDERS_MAILS_MAX], mail_count;
    uint32_t uids[FOLDERS_MESSAGES_MAX];
    uint32_t uid_count;
    /* What it will say: the first UID of what it adds to `to`, of so many. */
    uint32_t new_uid, new_count;
};

struct folders_book {
    struct folders now, then;           /* before and after the last change */
    bool is_open;                       /* which of the two is not known */
    bool is_account;                    /* it is in the store for sure */
    uint32_t validity_max;              /* of all that were, when all of it was seen */
    uint32_t validities[FOLDERS_NAMES]; /* that the names had last */
};

enum folders_word { /* what must be the answer */
    FOLDERS_OK,
    FOLDERS_NO,
    FOLDERS_UNSAID, /* nothing that this model knows of; not to be asked */
};
/* Begins a change: book->then is what it makes, and its new UIDs are foretold. */
MUST_USE enum folders_word folders_begin(struct folders_book *book, struct folders_change *change);
/* It was answered. */
void folders_end(struct folders_book *book, bool happened);

/* UIDVALIDITY of a name was told: the same as before, or larger than all that were. */
void folders_validity(struct run *r, struct folders_book *book, struct folders *at, unsigned name,
                      uint32_t validity);

/* All of it was seen: it must be the one or the other. Settles which. */
void folders_seen(struct run *r, struct folders_book *book, const struct folders *seen,
                  const char *who);

#endif
