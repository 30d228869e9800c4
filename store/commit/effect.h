#ifndef STORE_COMMIT_EFFECT_H
#define STORE_COMMIT_EFFECT_H

/*
 * effect: what each command does to the index. Deterministic: the rows, the batch's time and the
 * commands decide, nothing else, so that a replay makes the same UIDs and modseqs again.
 *
 * A change is judged first (effect_check.c); when one of its records cannot happen none does. A
 * command that does not decode has no effect. The applier's thread only.
 */

#include "store/commit/apply_cache.h"
#include "store/commit/command.h"
#include "store/commit/command_args.h"

struct effect {
    struct apply_cache *cache;
    struct index_txn *txn;
    int64_t time_us;             /* of the batch */
    struct store_change *change; /* NULL in recovery */
    unsigned item;               /* the next of the change's items that has a result */
    /* Big files that nothing points at any more, to be removed once this is committed. */
    uint64_t *dead_bigs;
    unsigned dead_count, dead_size;
    void (*say)(void *context, const char *text);
    void *context;
};

/* Applies one change: `count` records, in order. STORE_OK when it happened. */
enum store_status effect_change(struct effect *e, const struct journal_record *records,
                                unsigned count);

/* ---- for the files of the effects ---- */

/* Whether the record can happen, after those of the same change in front of it. */
enum store_status effect_check(struct effect *e, const struct journal_record *records,
                               unsigned index, unsigned *items_r);

/* Where the next item's result goes; a place nobody reads when nobody waits. */
struct store_result *effect_result(struct effect *e);
void effect_result_mailbox(struct store_result *result, const struct cached_mailbox *mailbox);

void effect_deliver(struct effect *e, const struct journal_record *record);
void effect_account(struct effect *e, const struct journal_record *record);
void effect_folders(struct effect *e, const struct journal_record *record);
void effect_purge(struct effect *e, const struct journal_record *record);
void effect_mailbox(struct effect *e, const struct journal_record *record);
void effect_flags(struct effect *e, const struct journal_record *record);
void effect_expunge(struct effect *e, const struct journal_record *record);
void effect_recent(struct effect *e, const struct journal_record *record);
void effect_copy(struct effect *e, const struct journal_record *record);
void effect_moved(struct effect *e, const struct journal_record *record);
void effect_snap(struct effect *e, const struct journal_record *record);
void effect_queue_state(struct effect *e, const struct journal_record *record);

/* Whether a copy can happen (effect_copy.c). */
enum store_status effect_copy_check(struct effect *e, const struct journal_record *record);

/* effect_queue.c: the queue part of a delivery, one reference to its body; false: it has none. */
bool effect_queue(struct effect *e, const struct journal_record *record);
enum store_status effect_queue_check(struct effect *e, const struct journal_record *record);

/* effect_entry.c: one message in one mailbox, and what the mailbox counts of it. */

/* Gives the entry the mailbox's next UID, which must be there, and the record's modseq. */
void effect_entry_add(struct effect *e, struct cached_mailbox *mailbox, uint64_t lsn,
                      struct store_entry *entry);
/* The mailbox with all UIDs from 1 on and another number and UIDVALIDITY (effect_renew.c). */
struct cached_mailbox *effect_renew(struct effect *e, struct cached_mailbox *old, uint64_t lsn);
/* Its body is the caller's to release, its UID the caller's to say with effect_vanish(). */
void effect_entry_remove(struct effect *e, struct cached_mailbox *mailbox,
                         const struct store_entry *entry);
void effect_entry_write(struct effect *e, store_mailbox mailbox, const struct store_entry *entry);

/* These ascending ranges vanished from the mailbox at its modseq of now (effect_expunge.c). */
void effect_vanish(struct effect *e, struct cached_mailbox *mailbox,
                   const struct store_range *ranges, size_t count);

/* One entry more points at the message. */
void effect_body_share(struct effect *e, store_message message);
/* One entry less points at the message: its row and its live bytes go with the last. */
void effect_body_release(struct effect *e, store_message message);
void effect_body_keep(struct effect *e, const struct journal_record *record, unsigned references);

/* Ascending UIDs as ranges. */
struct effect_ranges {
    struct store_range *at;
    size_t count, size;
};
void effect_ranges_add(struct effect_ranges *ranges, uint32_t uid);
/* They go over to the result, or away when nobody waits for it. */
void effect_result_ranges(struct effect *e, struct store_result *result,
                          struct effect_ranges *ranges);

/* The account of that name, made on first need with its INBOX and folders (effect_account.c). */
struct cached_account *effect_account_make(struct effect *e, struct span name);

/* Makes the mailbox and the levels above it that are not there (effect_mailbox.c). `name` as
 * name_mailbox() made it. */
struct cached_mailbox *effect_mailbox_make(struct effect *e, struct cached_account *account,
                                           struct span name);
void effect_subscribe(struct effect *e, struct cached_account *account, struct span name);
/* Whether a mailbox command can happen, as things are in front of its change. */
enum store_status effect_mailbox_check(struct effect *e, const struct command_mailbox *command);

/* The mailbox of an account by any name; `room` as for name_mailbox(). NULL: none. */
struct cached_mailbox *effect_mailbox_find(struct effect *e, struct cached_account *account,
                                           struct span name);

enum {
    EFFECT_ENTRIES = 256, /* read at once */
};

#endif
