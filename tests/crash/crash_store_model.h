#ifndef TESTS_CRASH_CRASH_STORE_MODEL_H
#define TESTS_CRASH_CRASH_STORE_MODEL_H

/*
 * crash_store_model: what a store should hold, in a few lines of other code, and the bytes of the
 * messages that it is filled with. A mailbox is a name of an account here, and its messages change
 * their place when it is renamed. Numbers of accounts and mailboxes, UIDs and modseqs are foretold,
 * not learnt; of UIDVALIDITY the order is, as the store takes the time for it. One thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MODEL_ACCOUNTS = 3,
    MODEL_NAMES = 8, /* of mailboxes; the first is INBOX */
    MODEL_MAILBOXES = MODEL_ACCOUNTS * MODEL_NAMES,
    MODEL_KEYWORDS = 5,
    MODEL_ENTRIES_MAX = 256,
    MODEL_QUEUED_MAX = 48, /* recipients */
    MODEL_HOPS = 5,        /* addresses and next hops that a recipient may come to have */
    LOAD_MESSAGES_MAX = 2048,
    LOAD_SMALL_FROM = 1536, /* messages with numbers from here on are short */
};
extern const char *const model_accounts[MODEL_ACCOUNTS];
extern const char *const model_names[MODEL_NAMES];
extern const char *const model_keywords[MODEL_KEYWORDS];

struct model_entry {
    uint32_t uid, flags, keywords, message; /* keywords: by model_keywords */
    uint32_t mailbox;
};
struct model_mailbox {
    uint32_t number, uid_next, recent; /* number 0: not there */
    uint32_t age; /* 1 for the smallest UIDVALIDITY of the account, and so on */
    uint64_t modseq, uses;
};
struct model_account {
    uint32_t number, mailboxes; /* number 0: not there */
    bool has_folders;           /* was given them; else it waits, when there are any */
    uint32_t made;              /* mailboxes that there ever were; no view shows this, nor */
    uint64_t modseq;            /* this, once the mailbox that had it last is gone */
};
struct model_queued {
    uint32_t message, number, tries, marks;
    uint32_t code;         /* of the last try */
    uint32_t address, hop; /* 0: the first, none */
    uint32_t unused;
    int64_t due;
};
struct model {
    struct model_account accounts[MODEL_ACCOUNTS];
    struct model_mailbox mailboxes[MODEL_MAILBOXES];
    bool subscribed[MODEL_MAILBOXES];
    uint32_t folders;                  /* that each account gets: bit n, model_names[n], ... */
    uint32_t folder_uses[MODEL_NAMES]; /* ... for this */
    uint32_t account_count, count;
    struct model_entry entries[MODEL_ENTRIES_MAX]; /* of a mailbox in order of UIDs */
    uint32_t queued_count;
    struct model_queued queued[MODEL_QUEUED_MAX]; /* in order of messages, then numbers */
};
/* Of what a view shows. */
bool model_equal(const struct model *a, const struct model *b);
/* Says the first difference. */
void model_difference(const struct model *is, const struct model *should, char *text, size_t size);

/* ---- what commands do ---- */

/* With its INBOX and its folders; nothing when it is there. */
void model_account_make(struct model *m, unsigned account);
/* Whether it was never given any, and what happens then. */
bool model_wants_folders(const struct model *m, unsigned account);
void model_folders_give(struct model *m, unsigned account);
/* This one, without the levels above it. */
void model_mailbox_make(struct model *m, unsigned mailbox);
/* The mailbox of the level above, or `mailbox` itself at the top. */
unsigned model_above(unsigned mailbox);
bool model_is_below(unsigned mailbox, unsigned above); /* or the same */
/* Those above it that are not there yet. */
void model_levels_make(struct model *m, unsigned mailbox);
/* With its messages; its subscription stays. */
void model_mailbox_delete(struct model *m, unsigned mailbox);
/* Of a mailbox other than INBOX and all below it; false, with nothing done, when it can't be or
 * one would get a name that is none of model_names. */
bool model_rename(struct model *m, unsigned from, unsigned to);
/* INBOX's messages and modseq go to `to`; false, with nothing done, when that is there. */
bool model_rename_inbox(struct model *m, unsigned inbox, unsigned to);
/* Makes 1, 2, 3 of what `age` says. */
void model_ages_rank(struct model *m, unsigned account);

/* ---- messages ---- */

/* Bytes of message, META and delivery header are made from its number. */
uint32_t message_size(uint32_t message);
/* From malloc. META is shorter. */
char *message_bytes(uint32_t message, size_t *len_r);
char *message_meta(uint32_t message, size_t *len_r);
/* Some have none, as what APPEND brings. */
size_t message_header(uint32_t message, unsigned mailbox, char header_r[128]);

#endif
