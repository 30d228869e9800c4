#ifndef STORE_STORE_H
#define STORE_STORE_H

/*
 * store: accounts, mailboxes, messages and the relay queue (store_queue.h), on disk.
 *
 * Two ideas. To read, open a view: one moment of the store, which never changes and never waits
 * for a writer. To write, fill a change and submit it: all of it happens, durably, or none of it.
 * Message bytes are written once, through a draft; delivering, copying and queueing only add index
 * entries that point at them. A view sees every change that was acknowledged before it was opened.
 *
 * Any number of views and drafts, each used by one thread at a time. store_submit() from any
 * thread. Views are short: a view is not kept while anybody waits for the network.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"

struct disk;
struct store;
struct store_view;
struct store_draft;
struct store_change;
struct store_pin;

typedef uint32_t store_account; /* 0 is none */
typedef uint64_t store_mailbox; /* account << 32 | number in the account; 0 is none */
typedef uint64_t store_message; /* a body in the log: unique for ever, one for all recipients */

enum store_status {
    STORE_OK,
    STORE_NOT_FOUND,
    STORE_GONE, /* a message that was named vanished meanwhile */
    STORE_EXISTS,
    STORE_INVALID, /* a name or number that can't be */
    STORE_OVER_QUOTA,
    STORE_FULL,    /* the disk or the index is full, or too much waits: try later */
    STORE_IO,      /* the disk said no: tell a human */
    STORE_CORRUPT, /* a checksum is wrong: tell a human */
    STORE_LOCKED,  /* another process has this store open */
    STORE_VERSION, /* written by a newer format */
};
const char *store_status_text(enum store_status status);

enum store_flag { /* RFC 3501 2.3.2; \Recent belongs to sessions */
    STORE_ANSWERED = 1 << 0,
    STORE_FLAGGED = 1 << 1,
    STORE_DELETED = 1 << 2,
    STORE_SEEN = 1 << 3,
    STORE_DRAFT = 1 << 4,
    STORE_FLAGS_ALL = (1 << 5) - 1,
};

enum store_use { /* what a mailbox is for (RFC 6154) */
    STORE_USE_ARCHIVE = 1 << 0,
    STORE_USE_DRAFTS = 1 << 1,
    STORE_USE_JUNK = 1 << 2,
    STORE_USE_SENT = 1 << 3,
    STORE_USE_TRASH = 1 << 4,
    STORE_USES_ALL = (1 << 5) - 1,
};

enum {
    STORE_KEYWORDS_MAX = 64,       /* of an account (HOSTILE L16) */
    STORE_KEYWORD_LEN_MAX = 50,    /* bytes */
    STORE_MAILBOX_NAME_MAX = 1024, /* bytes of UTF-8, levels divided by '/' (HOSTILE L15) */
    STORE_MAILBOXES_MAX = 10000,   /* of an account, and as many subscriptions (HOSTILE L15) */
    STORE_FOLDERS_MAX = 32,        /* mailboxes that are made with each account */
    STORE_ACCOUNT_NAME_MAX = 320,  /* bytes, user@domain in canonical form */
    STORE_RANGES_MAX = 16384,      /* ranges in one command */
    STORE_COPY_MAX = 1 << 20,      /* messages in one copy or move: one transaction has them all */
    STORE_BIG_BYTES = 512 * 1024,  /* a longer message is a file of its own */
};

struct store_range {
    uint32_t from, to; /* UIDs, both included, from <= to */
};

struct store_config {
    const char *path;
    const struct disk *disk; /* NULL: the real one (store/disk.h) */
    uint64_t map_size;       /* bytes of address space for the index; 0: 64 GiB */
    uint32_t segment_size;   /* bytes; 0: 64 MiB. Multiples of 4096 from 1 MiB up */
    uint64_t free_min;       /* bytes free on the disk under which deliveries get STORE_FULL */
    uint64_t snapshot_bytes; /* of log, after which the index is snapshot into it; 0: 1 GiB */
    uint32_t snapshot_s;     /* and after so many seconds; 0: a day */
    uint32_t purge_messages; /* of a deleted mailbox, released in one transaction; 0: 2048 */
    bool manual;             /* no threads: store_step() does the work (simulator) */
    bool read_only_check;    /* for `store check`: recover in memory only, write nothing */
    bool without_sync;       /* the negative control of the crash tests, never else */
    bool salvage;            /* go on behind damage in the log; say what was lost */

    /* A mailbox was touched by a change that is applied. On the applier's thread; must not block.
     */
    void (*touched)(void *context, store_mailbox mailbox);
    /* Whether anybody waits for touched(): if not, applying may wait some milliseconds for company.
     * On the applier's thread; NULL: nobody ever does. */
    bool (*is_watched)(void *context);
    /* Something a human must read, one line without its end. Any thread. */
    void (*say)(void *context, const char *text);
    void *context;
};

/* Recovers whatever the last stop left behind, then starts. */
MUST_USE enum store_status store_open(const struct store_config *config, struct store **store_r);
void store_close(struct store **store); /* waits for submitted changes; no view may be open */

/* manual only: does one piece of waiting work (a commit, an apply, housekeeping), chosen by
 * `which` modulo what waits. False when nothing waits. */
bool store_step(struct store *s, unsigned which);

struct store_numbers { /* for status and metrics; a moment's picture */
    uint64_t durable_lsn, applied_lsn;
    uint64_t commits, syncs, records, bytes_written, apply_transactions;
    uint64_t commit_ns_total, sync_ns_total;
    uint64_t segments, segments_spare, live_bytes, log_bytes, index_bytes, waiting_bytes;
};
void store_numbers(struct store *s, struct store_numbers *numbers_r);

/* True when deliveries would get STORE_FULL now (disk low, too much waiting). Cheap, any thread. */
bool store_is_full(const struct store *s);

/* How long the changes that are being made durable have been on their way to the disk, in
 * nanoseconds; 0: none is. Others wait behind them. Cheap, any thread. */
uint64_t store_sync_age_ns(const struct store *s);

/* ---- reading ---- */

/* Waits (some milliseconds at most) until what was acknowledged is applied. */
MUST_USE enum store_status store_view_open(struct store *s, struct store_view **view_r);
void store_view_close(struct store_view **view);

MUST_USE enum store_status store_account_find(struct store_view *v, struct span name,
                                              store_account *account_r);

/* Whether store_change_account() would give the account mailboxes that it was not given yet: it is
 * from before there were any. */
/* How many mailboxes an account has. */
MUST_USE uint32_t store_account_mailboxes(struct store_view *v, store_account account);

MUST_USE bool store_account_wants_folders(struct store_view *v, store_account account);

/* The folders of store_change_folders() as they are now; the names are valid until the view
 * closes. Returns how many. */
struct store_folder {
    struct span name;
    unsigned uses; /* enum store_use */
};
size_t store_folders(struct store_view *v, struct store_folder folders_r[STORE_FOLDERS_MAX]);

struct store_mailbox_info {
    store_mailbox id;
    uint32_t uid_validity, uid_next;
    uint32_t messages, unseen, deleted;
    uint32_t first_unseen_uid; /* 0 when all are seen */
    uint32_t recent_from_uid;  /* UIDs from here on are \Recent to the next session that selects */
    uint64_t bytes;            /* sum of the message sizes */
    uint64_t modseq;           /* HIGHESTMODSEQ, >= 1 */
    uint64_t keywords;         /* bit n: keyword number n was ever used here */
    unsigned uses;             /* enum store_use */
    uint64_t name_hash;
    uint32_t name_len;
    char name[STORE_MAILBOX_NAME_MAX]; /* UTF-8, "INBOX" in upper case */
};

MUST_USE enum store_status store_mailbox_find(struct store_view *v, store_account account,
                                              struct span name, struct store_mailbox_info *info_r);
MUST_USE enum store_status store_mailbox_get(struct store_view *v, store_mailbox mailbox,
                                             struct store_mailbox_info *info_r);
/* The first mailbox whose name sorts behind `after` (bytewise, '/' first; "" begins). */
MUST_USE enum store_status store_mailbox_next(struct store_view *v, store_account account,
                                              struct span after, struct store_mailbox_info *info_r);

/* STORE_NOT_FOUND once the mailbox is deleted: its messages may be there for some time still. A
 * UIDVALIDITY other than before: the messages of INBOX went to a mailbox of another name, and it
 * went with them; INBOX is a new one, with the UIDVALIDITY of the old. */
MUST_USE enum store_status store_mailbox_state(struct store_view *v, store_mailbox mailbox,
                                               uint32_t *uid_validity_r);

struct store_listing { /* a name that an account has */
    struct span name;
    bool exists; /* there is such a mailbox */
    bool is_subscribed;
    unsigned uses;
};
struct store_listings {
    struct store_listing *at;
    size_t count;
    char *text; /* of the names */
};
/* All mailboxes and subscriptions, each name once, in the order of store_name_order(). Some twenty
 * MiB at most; freed by store_listings_free(), also after an error. */
MUST_USE enum store_status store_listings(struct store_view *v, store_account account,
                                          struct store_listings *listings_r);
void store_listings_free(struct store_listings *listings);

/* <0, 0, >0: bytewise with '/' first, so that a name stands right in front of those below it. */
MUST_USE int store_name_order(struct span a, struct span b);

struct store_entry { /* one message in one mailbox */
    uint32_t uid;
    uint32_t flags;    /* enum store_flag */
    uint64_t keywords; /* bit n: keyword number n of the account */
    uint64_t modseq;
    store_message message;
    int64_t received_us;  /* INTERNALDATE */
    int16_t zone_minutes; /* its zone */
    uint16_t target;      /* which recipient of the message: selects the delivery header */
    uint32_t size;        /* RFC822.SIZE: delivery header and body */
    uint32_t header_len;  /* of that, the delivery header in front of the body */
    int64_t saved_s;      /* when it came into this mailbox */
};

/* Up to `max` entries with uid >= from, in UID order; *count_r 0 past the last. */
MUST_USE enum store_status store_entries(struct store_view *v, store_mailbox mailbox,
                                         uint32_t from_uid, struct store_entry *entries_r,
                                         size_t max, size_t *count_r);

/* Entries with modseq > since, in UID order, from `from_uid`: by the change log when that is
 * shorter than the mailbox. As store_entries(). */
MUST_USE enum store_status store_entries_since(struct store_view *v, store_mailbox mailbox,
                                               uint64_t since, uint32_t from_uid,
                                               struct store_entry *entries_r, size_t max,
                                               size_t *count_r);

/* What vanished since `since`, as ascending disjoint ranges (from malloc, the caller frees).
 * May name more than vanished when since is older than the log goes back, never a UID that is
 * there and never less. */
MUST_USE enum store_status store_vanished(struct store_view *v, store_mailbox mailbox,
                                          uint64_t since, struct store_range **ranges_r,
                                          size_t *count_r);

/* The UIDs of a mailbox, exactly, as ascending runs that do not touch. From malloc, the caller
 * frees. */
MUST_USE enum store_status store_uids(struct store_view *v, store_mailbox mailbox,
                                      struct store_range **ranges_r, size_t *count_r);

/* Name of keyword `number` of an account, valid until the view closes. */
MUST_USE enum store_status store_keyword_name(struct store_view *v, store_account account,
                                              unsigned number, struct span *name_r);

/* The number of a keyword (ASCII case folded), or STORE_NOT_FOUND. */
MUST_USE enum store_status store_keyword_find(struct store_view *v, store_account account,
                                              struct span name, unsigned *number_r);

/* Return-Path, X-Original-To and Delivered-To of this recipient, valid until the view closes. */
MUST_USE enum store_status store_entry_header(struct store_view *v, const struct store_entry *entry,
                                              struct span *bytes_r);

/* The body as received (CRLF line ends, dots unstuffed, our Received header first), or the META
 * that was handed in with it: both valid until the view closes. STORE_CORRUPT when the checksum is
 * wrong (looked at on the first read of a message since start). */
MUST_USE enum store_status store_message_size(struct store_view *v, store_message message,
                                              uint32_t *size_r);
MUST_USE enum store_status store_message_bytes(struct store_view *v, store_message message,
                                               uint32_t from, uint32_t len, struct span *bytes_r);
MUST_USE enum store_status store_message_meta(struct store_view *v, store_message message,
                                              struct span *meta_r);

/* Appends bytes from..from+len of the body to `out` without copying where they are in memory
 * already; they stay valid after the view is closed, until `out` is freed. */
MUST_USE enum store_status store_message_lend(struct store_view *v, store_message message,
                                              uint32_t from, uint32_t len, struct chain *out);

/* ---- writing ---- */

/* A message on its way in. Not visible, and gone after a crash, until a change that delivers it is
 * durable. Up to STORE_BIG_BYTES it is in memory, then in a file of its own. */
MUST_USE enum store_status store_draft_open(struct store *s, struct store_draft **draft_r);
MUST_USE enum store_status store_draft_add(struct store_draft *d, struct span bytes);
/* From now on it is a file, whatever its length. */
MUST_USE enum store_status store_draft_spill(struct store_draft *d);
uint32_t store_draft_size(const struct store_draft *d);
/* All of it, contiguous; valid until the next call with this draft. */
MUST_USE enum store_status store_draft_bytes(struct store_draft *d, struct span *bytes_r);
void store_draft_drop(struct store_draft **draft);

MUST_USE struct store_change *store_change_new(struct store *s);
void store_change_drop(struct store_change **change);

/* The account, made when it is not there yet (with its INBOX and its folders). */
void store_change_account(struct store_change *c, struct span account);

/* The draft goes over to the change; its bytes are made durable with it. `meta` is copied. Returns
 * its number in the change, for the calls below. */
unsigned store_change_message(struct store_change *c, struct store_draft **draft, struct span meta);

enum store_missing { /* what a delivery does when its mailbox is not there */
    STORE_MISSING_TO_INBOX,
    STORE_MISSING_CREATE,
    STORE_MISSING_REFUSE,
};

struct store_delivery {
    struct span account; /* user@domain, canonical; made when it is not there yet */
    struct span mailbox; /* UTF-8 name; "INBOX" in any case */
    enum store_missing missing;
    struct span header; /* delivery header lines, CRLF ended */
    uint32_t flags;
    const struct span *keywords; /* names; those that are no atom or one too many are left out */
    size_t keyword_count;
    int64_t received_us;
    int16_t zone_minutes;
};
/* All spans are copied. */
void store_change_deliver(struct store_change *c, unsigned message,
                          const struct store_delivery *delivery);

/* Mailboxes. STORE_INVALID: a name that can't be; STORE_NOT_FOUND, STORE_EXISTS: as they say;
 * STORE_OVER_QUOTA: more than STORE_MAILBOXES_MAX. */

/* Makes the levels above it too. `uses`: enum store_use. */
void store_change_mailbox_create(struct store_change *c, store_account account, struct span name,
                                 unsigned uses);
/* What is below it stays. STORE_INVALID for INBOX, and for a level that is no mailbox and has some
 * below it. Its messages go little by little afterwards. */
void store_change_mailbox_delete(struct store_change *c, store_account account, struct span name);
/* With all that is below it, which keep their UIDs and UIDVALIDITY; makes the levels above `to`.
 * INBOX stays, empty, with its UIDNEXT and UIDVALIDITY, and so does what is below it: its messages
 * are `to` then, with their UIDs (RFC 3501 6.3.5). */
void store_change_mailbox_rename(struct store_change *c, store_account account, struct span name,
                                 struct span to);
/* Subscriptions outlive their mailboxes. STORE_NOT_FOUND: subscribing to what is not there. */
void store_change_subscribe(struct store_change *c, store_account account, struct span name,
                            bool subscribe);

/* These mailboxes, at most STORE_FOLDERS_MAX, are made and subscribed with each account from now
 * on, and with one that wants them (store_account_wants_folders) by store_change_account(). */
void store_change_folders(struct store_change *c, const struct store_folder *folders, size_t count);

enum store_flag_mode {
    STORE_FLAGS_ADD,
    STORE_FLAGS_REMOVE,
    STORE_FLAGS_SET
};
struct store_flag_change {
    store_mailbox mailbox;
    const struct store_range
        *uids; /* ascending, disjoint; UIDs that are not there are passed over */
    size_t count;
    enum store_flag_mode mode;
    uint32_t flags;
    const struct span *keywords; /* names; new ones get numbers */
    size_t keyword_count;
    uint64_t unchanged_since; /* UINT64_MAX: no condition (RFC 7162 3.1.3) */
};
void store_change_flags(struct store_change *c, const struct store_flag_change *flags);

/* Removes those of the UIDs that carry STORE_DELETED (all with that flag when count is 0). */
void store_change_expunge(struct store_change *c, store_mailbox mailbox,
                          const struct store_range *uids, size_t count);

/* Copies messages into another mailbox of the same account, or the same one, at its next UIDs in
 * the order of their old ones; flags, keywords, INTERNALDATE and delivery header stay. A move takes
 * the old ones away in the same step. */
struct store_copy {
    store_mailbox from, to;
    const struct store_range
        *uids;         /* ascending, disjoint; UIDs that are not there are passed over */
    size_t count;      /* at least 1 */
    uint32_t messages; /* how many the caller knows there; past STORE_COPY_MAX: STORE_OVER_QUOTA */
    bool is_exact;     /* STORE_GONE unless it is so many */
    bool is_move;
};
void store_change_copy(struct store_change *c, const struct store_copy *copy);

/* A session took \Recent of all below uid. */
void store_change_recent(struct store_change *c, store_mailbox mailbox, uint32_t uid);

enum store_ack {
    STORE_ACK_NONE,    /* as DURABLE, some milliseconds later: it rides along with others */
    STORE_ACK_DURABLE, /* done() when it can't be lost any more */
    STORE_ACK_APPLIED, /* done() when views see it and its result is known */
};

/* What became of one call to store_change_account, _deliver, _mailbox_*, _subscribe, _folders,
 * _flags, _expunge, _copy, _recent, _queue or _queue_state, in the order of these calls
 * (store_change_message() has none); STORE_ACK_APPLIED only. When one cannot happen none does, and
 * the status of the change is that of the first such one. */
struct store_result {
    enum store_status status;
    store_account account;
    store_mailbox mailbox;
    store_message message;
    uint32_t uid; /* deliver: the UID given; copy: the first, the others follow it */
    uint32_t uid_validity;
    uint64_t modseq;            /* of the mailbox after it */
    struct store_range *ranges; /* flags: what UNCHANGEDSINCE kept; expunge: what vanished; copy:
                                   what was copied, by its old UIDs; queue_state: recipients that
                                   were gone, by their numbers */
    size_t range_count;
    bool is_over; /* queue_state: nobody of the message waits any more */
};

/* Called once, on the commit or apply thread (with STORE_FULL perhaps before store_submit()
 * returns, on its thread); must not block and may not call back into the store. status: STORE_OK
 * when the whole change happened, else none of it did. With STORE_ACK_APPLIED the results are valid
 * during the call. */
typedef void store_done_fn(void *context, enum store_status status,
                           const struct store_result *results, size_t count);

/* Takes the change. */
void store_submit(struct store *s, struct store_change **change, enum store_ack ack,
                  store_done_fn *done, void *context);

/* store_submit(), waiting for the end (command line, tests). results_r: `max` results are copied,
 * without their ranges. Not with a manual store. */
enum store_status store_submit_wait(struct store *s, struct store_change **change,
                                    struct store_result *results_r, size_t max);

/* Takes \Recent for one session: returns the first UID that is recent to it (info->recent_from_uid
 * or later, when another session took some since), and remembers that all below info->uid_next are
 * taken. In memory at once, on disk with the next commit. Any thread. */
uint32_t store_recent_take(struct store *s, const struct store_mailbox_info *info);

/* ---- care ---- */

struct store_check_report {
    uint64_t batches, records, messages, entries, mailboxes, accounts;
    uint64_t queued; /* messages */
    uint64_t damaged, missing, orphaned, miscounted;
};
/* From a handler of SIGSEGV or SIGBUS: when the address lies in the index, leaves a note that makes
 * the next start rebuild it. */
void store_crashed_at(const void *address);

/* Walks log and index of a store that no process has open and compares them; says each finding. */
MUST_USE enum store_status store_check(const struct store_config *config,
                                       struct store_check_report *report_r);

#endif
