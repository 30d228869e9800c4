#ifndef STORE_COMMIT_COMMAND_ARGS_H
#define STORE_COMMIT_COMMAND_ARGS_H

/*
 * command_args: the arguments of each record type as bytes, and back.
 *
 * What is read comes from a disk: readers check everything (lengths, counts, order of ranges) and
 * return false for what cannot be; spans that come back point into the arguments. Numbers are
 * little-endian; the first two bytes are a letter for the kind and its version, so that a reader
 * knows what it has, whichever record it came from.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "store/blob/journal.h"
#include "store/store.h"

enum {
    COMMAND_TARGETS_MAX = 4096,     /* deliveries of one message in one change */
    COMMAND_HEADER_MAX = 16384,     /* bytes of one delivery header */
    COMMAND_NAME_MAX = 2048,        /* of any name, before it is looked at closely */
    COMMAND_KEYWORDS_MAX = 64,      /* in one flag change or delivery */
    COMMAND_SNAP_BYTES = 192 << 10, /* rows in one chunk of a snapshot, about */
};

/* Bytes that grow; zero to begin, free(text.at) to end. */
struct command_text {
    char *at;
    size_t len, size;
};
/* Room for `len` bytes behind those that are there; who fills it adds to text->len. */
char *command_text_room(struct command_text *text, size_t len);

struct command_target {
    struct span account, mailbox, header;
    enum store_missing missing;
    uint32_t flags;
    int64_t received_us;
    int16_t zone_minutes;
    unsigned keyword_count;
    struct span keywords; /* as command_keyword_next() reads them */
};

/* Delivery: a head, then the targets one after the other, then its queue part if it has one
 * (command_queue.h). */
void command_deliver_begin(struct command_text *text);
void command_deliver_target(struct command_text *text, const struct store_delivery *delivery);
void command_deliver_end(struct command_text *text, struct span queue); /* "": none */
/* The count of targets; every one of them is whole when it is true. Reads arguments of a moved
 * message as well: they hold those of its delivery. */
MUST_USE bool command_deliver_read(struct span args, unsigned *count_r, struct span *targets_r);
/* Its queue part; false when there is none. */
MUST_USE bool command_deliver_queue(struct span args, struct span *queue_r);
/* Takes the next of the targets that command_deliver_read() checked. */
MUST_USE bool command_target_next(struct span *targets, struct command_target *target_r);
MUST_USE bool command_keyword_next(struct span *keywords, struct span *name_r);

struct command_flags {
    store_mailbox mailbox;
    enum store_flag_mode mode;
    uint32_t flags;
    uint64_t unchanged_since;
    unsigned keyword_count;
    struct span keywords;
    uint32_t count;     /* ranges */
    struct span ranges; /* as command_range() reads them: ascending, disjoint */
};
void command_flags_write(struct command_text *text, const struct store_flag_change *flags);
MUST_USE bool command_flags_read(struct span args, struct command_flags *flags_r);

struct command_expunge {
    store_mailbox mailbox;
    uint32_t count;
    struct span ranges;
};
void command_expunge_write(struct command_text *text, store_mailbox mailbox,
                           const struct store_range *uids, size_t count);
MUST_USE bool command_expunge_read(struct span args, struct command_expunge *expunge_r);

struct command_copy {
    store_mailbox from, to;
    bool is_move, is_exact;
    uint32_t messages; /* that the caller knows among the ranges */
    uint32_t count;    /* ranges, at least one */
    struct span ranges;
};
void command_copy_write(struct command_text *text, const struct store_copy *copy);
MUST_USE bool command_copy_read(struct span args, struct command_copy *copy_r);

struct store_range command_range(struct span ranges, uint32_t index);

void command_recent_write(struct command_text *text, store_mailbox mailbox, uint32_t uid);
MUST_USE bool command_recent_read(struct span args, store_mailbox *mailbox_r, uint32_t *uid_r);

void command_account_write(struct command_text *text, struct span name);
MUST_USE bool command_account_read(struct span args, struct span *name_r);

enum command_mailbox_what {         /* on disk: never renumber */
    COMMAND_MAILBOX_CREATE_ONE = 1, /* without the levels above it: as older programs did */
    COMMAND_MAILBOX_CREATE = 2,
    COMMAND_MAILBOX_DELETE = 3,
    COMMAND_MAILBOX_RENAME = 4,
    COMMAND_MAILBOX_SUBSCRIBE = 5,
    COMMAND_MAILBOX_UNSUBSCRIBE = 6,
};
struct command_mailbox {
    enum command_mailbox_what what;
    store_account account;
    struct span name;
    struct span to; /* rename */
    unsigned uses;  /* create: enum store_use */
};
void command_mailbox_write(struct command_text *text, const struct command_mailbox *mailbox);
MUST_USE bool command_mailbox_read(struct span args, struct command_mailbox *mailbox_r);

/* Which mailboxes are made with each account: a count, then as many as command_folder_next()
 * takes. */
void command_folders_write(struct command_text *text, const struct store_folder *folders,
                           size_t count);
MUST_USE bool command_folders_read(struct span args, struct span *folders_r);
MUST_USE bool command_folder_next(struct span *folders, struct store_folder *folder_r);

/* Releases up to `max` messages of a deleted mailbox. */
void command_purge_write(struct command_text *text, store_mailbox mailbox, uint32_t max);
MUST_USE bool command_purge_read(struct span args, store_mailbox *mailbox_r, uint32_t *max_r);

/* Compaction: the message lies here now, if it still lay there. */
struct command_moved {
    store_message message;
    uint64_t from_segment;
    uint32_t from_args_at;
    struct span args; /* those of its delivery */
};
void command_moved_write(struct command_text *text, const struct command_moved *moved);
MUST_USE bool command_moved_read(struct span args, struct command_moved *moved_r);

/* Snapshot of the index as it was at `mark`: chunks of rows in the records' bodies, then the end,
 * whose number is how many chunks there were. */
enum command_snap_kind {
    COMMAND_SNAP_ROWS = 1,
    COMMAND_SNAP_END = 2
};
struct command_snap {
    enum command_snap_kind kind;
    uint8_t table;   /* enum index_table */
    uint64_t id;     /* when it was begun, microseconds: newer is higher */
    uint32_t number; /* of the chunk, from 0 */
    struct journal_mark mark;
};
void command_snap_write(struct command_text *text, const struct command_snap *snap);
MUST_USE bool command_snap_read(struct span args, struct command_snap *snap_r);
void command_row_write(struct command_text *text, struct span key, struct span value);
MUST_USE bool command_row_next(struct span *rows, struct span *key_r, struct span *value_r);

#endif
