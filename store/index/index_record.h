#ifndef STORE_INDEX_INDEX_RECORD_H
#define STORE_INDEX_INDEX_RECORD_H

/*
 * index_record: the values of the index, in and out. Each begins with (or holds) its version; what
 * was written by an older version is read too, a newer one or a wrong length is refused: decoders
 * return false and the caller calls it damage. Numbers are little-endian.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "store/blob/journal.h"
#include "store/store.h"

enum {
    RECORD_ACCOUNT_LEN = 64,  /* and the name */
    RECORD_MAILBOX_LEN = 160, /* and the name */
    RECORD_MESSAGE_LEN = 64,
    RECORD_BODY_LEN = 64,
    RECORD_MARK_LEN = 20,
    RECORD_ACCOUNT_MAX = RECORD_ACCOUNT_LEN + STORE_ACCOUNT_NAME_MAX,
    RECORD_MAILBOX_MAX = RECORD_MAILBOX_LEN + STORE_MAILBOX_NAME_MAX,
};

struct index_account {
    store_account id; /* from the key */
    uint32_t next_mailbox;
    uint32_t uid_validity_high; /* the highest that any mailbox of the account ever had */
    uint32_t keyword_count;
    uint32_t mailbox_count;
    uint64_t modseq;       /* the last one given */
    uint64_t change_floor; /* the chg table is complete for what came behind this modseq */
    uint32_t change_count; /* rows of the chg table */
    uint32_t inbox;        /* number of the mailbox that is INBOX now */
    uint32_t subscription_count;
    bool has_folders; /* it was given the mailboxes that are made with an account */
    uint32_t name_len;
    char name[STORE_ACCOUNT_NAME_MAX];
};

struct index_mailbox {
    store_mailbox id; /* from the key */
    uint32_t uid_validity, uid_next;
    uint32_t messages, unseen, deleted;
    uint32_t unseen_from; /* no message below this UID is unseen */
    uint32_t recent_from;
    uint32_t vanish_count; /* rows of the van table */
    uint64_t vanish_floor; /* the van table is complete for what came behind this modseq */
    uint64_t bytes;
    uint64_t modseq; /* the highest of what happened here */
    uint64_t created_modseq;
    uint64_t keywords; /* bit n: keyword n was used here */
    int64_t created_us;
    uint32_t uses;   /* enum store_use */
    bool is_deleted; /* nameless; its messages are being released */
    uint32_t name_len;
    char name[STORE_MAILBOX_NAME_MAX];
};

struct index_body {
    uint32_t references; /* entries that point at it */
    struct journal_place place;
};

/* Encoders fill `at` and return how many bytes that are. */
size_t record_account_write(char *at, const struct index_account *account);
MUST_USE bool record_account_read(struct span value, struct index_account *account_r);
size_t record_mailbox_write(char *at, const struct index_mailbox *mailbox);
MUST_USE bool record_mailbox_read(struct span value, struct index_mailbox *mailbox_r);
size_t record_message_write(char *at, const struct store_entry *entry);
MUST_USE bool record_message_read(struct span value, struct store_entry *entry_r);
size_t record_body_write(char *at, const struct index_body *body);
MUST_USE bool record_body_read(struct span value, struct index_body *body_r);
size_t record_mark_write(char *at, const struct journal_mark *mark);
MUST_USE bool record_mark_read(struct span value, struct journal_mark *mark_r);

/* Bytes of the log that a body keeps alive. */
uint64_t record_body_bytes(const struct index_body *body);

#endif
