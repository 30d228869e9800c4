#ifndef STORE_STORE_PRIVATE_H
#define STORE_STORE_PRIVATE_H

/* store_private: what a store and a view are made of, for the files of this folder. */

#include "core/base/list.h"
#include "core/base/map.h"
#include "store/blob/journal.h"
#include "store/commit/command.h"
#include "store/commit/command_args.h"
#include "store/commit/commit.h"
#include "store/commit/lock.h"
#include "store/commit/verified.h"
#include "store/disk.h"
#include "store/housekeeper.h"
#include "store/index/index_lookup.h"
#include "store/store.h"

enum {
    STORE_READERS_MAX = 1024,        /* views at the same time, parked ones included */
    STORE_PARKED_MAX = 64,           /* read transactions kept for the next view */
    STORE_DRAFT_SPILL = 64 << 10,    /* a longer draft becomes a file when memory is short */
    STORE_DRAFT_MEMORY = 256 << 20,  /* bytes that all drafts may hold in memory before that */
    STORE_RECENTS_MAX = 16384,       /* mailboxes whose \Recent is remembered in memory */
    STORE_SNAPSHOT_S = 24 * 60 * 60, /* a snapshot of the index at least so often ... */
    STORE_SNAPSHOT_BYTES = 1 << 30,  /* ... and after so much of log */
    STORE_TURN_BYTES = 4 << 20,      /* that a snapshot or compaction writes in one turn */
    STORE_VIEW_S_MAX = 30,           /* a view that is open longer is a mistake, and said */
    STORE_PATH_MAX = 4096,
};

struct store_snapshot; /* store_snapshot.c */

struct store {
    struct store_config config;
    const struct disk *disk;
    char *path;
    struct journal *journal;
    struct index *index;
    struct applier *applier;
    struct committer *committer;
    struct housekeeper *housekeeper;
    struct verified *verified;
    struct gauge *draft_bytes;
    struct gauge *moving; /* changes of the housekeeping that are on their way */

    struct lock *lock; /* guards what follows */
    struct list views; /* open ones */
    struct list parked;
    unsigned parked_count;
    struct map *recents; /* mailbox -> struct store_recent */

    /* the housekeeper's */
    struct store_snapshot *snapshot; /* being written, or NULL */
    struct gauge *snapshot_failures;
    int64_t opened_us;
    struct map *uncompactable; /* segments in which something cannot be read */
    struct map *dying;         /* dead segment -> the batch since which it is */
    bool is_condemned;         /* the index was found damaged while replaying */
};

struct store_view {
    struct list node;
    struct store *store;
    struct index_txn *txn;
    uint64_t seq; /* it sees at least what was applied up to here */
    uint64_t opened_ns;
    bool is_told;              /* that it is open for too long */
    struct journal_pin **pins; /* of what was handed out */
    size_t pin_count, pin_size;
    /* The change log's answer for the mailbox that was asked last (store_entry.c). */
    store_mailbox since_mailbox;
    uint64_t since_modseq;
    struct store_range *since;
    size_t since_count;
    bool since_known;
};

/* ---- store.c ---- */

/* Only the log, for reading; store_close() ends it. */
MUST_USE enum store_status store_open_for_check(const struct store_config *config,
                                                struct store **store_r);
void store_say(const struct store *s, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- store_view.c ---- */

/* The status of a look-up that found nothing: trouble of the index comes first. */
enum store_status store_view_missing(const struct store_view *v);

/* Keeps the pin until the view closes. */
void store_view_keep(struct store_view *v, struct journal_pin *pin);

/* The oldest moment that an open view may see, as a batch number; UINT64_MAX when none is open. */
uint64_t store_views_oldest(struct store *s);
/* Says it of views that are open for too long: they keep the index from reusing its pages. */
void store_views_watch(struct store *s);

/* ---- store_recover.c ---- */

/* Opens the index beside the log, making or rebuilding it when it must be, up to where it can be
 * replayed from. */
MUST_USE enum store_status store_recover_index(struct store *s);
/* Replays what the log has and the index has not. */
MUST_USE enum store_status store_recover_replay(struct store *s);

/* ---- store_snapshot.c ---- */

struct store_snapshot_found {
    bool is_there;
    uint64_t id;
    uint32_t chunks;
    struct journal_mark mark;
    uint64_t first_seq, last_seq; /* of the log's batches; 0 when it has none */
};
/* Looks for the newest complete snapshot in the log. */
MUST_USE enum store_status store_snapshot_find(struct store *s,
                                               struct store_snapshot_found *found_r);
/* Loads it into an empty index; nothing when there is none. */
MUST_USE enum store_status store_snapshot_load(struct store *s, struct index *index,
                                               const struct store_snapshot_found *found);
/* One turn of writing, beginning one when it is due; false when there is nothing to do. */
bool store_snapshot_turn(struct store *s);
void store_snapshot_drop(struct store *s);
/* Segments from this one on are needed for a rebuild. */
uint64_t store_snapshot_floor(struct index_txn *txn);

/* ---- store_space.c: the hooks of the housekeeper ---- */
void store_space_dead(void *store);
bool store_space_compact(void *store);
void store_space_sweep(struct store *s); /* after recovery: big files nobody knows */

/* ---- store_purge.c: a hook of the housekeeper ---- */
bool store_purge(void *store);

/* ---- store_change.c ---- */

/* Submits a record of the housekeeping. args, body and META come from malloc and go over to it;
 * done() when it is applied. */
void store_space_submit(struct store *s, uint8_t type, struct command_text *args, struct span body,
                        struct span meta, store_done_fn *done, void *context);

/* ---- store_draft.c ---- */

/* Ends writing: fills the record's body, and META's crc. */
MUST_USE enum store_status store_draft_finish(struct store_draft *d, struct journal_record *record);

/* ---- store_recent.c ---- */
uint32_t store_recent_known(struct store *s, store_mailbox mailbox, uint32_t uid);
void store_recents_free(struct store *s);

#endif
