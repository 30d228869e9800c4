#ifndef STORE_BLOB_JOURNAL_H
#define STORE_BLOB_JOURNAL_H

/*
 * journal: the append-only log of checksummed segments, the truth of the store (formats and
 * invariants: store/README.md). This is what store/commit and the rest of store/ know of
 * store/blob.
 *
 * One thread appends (the committer), any number read. A record is a command: a type, its encoded
 * arguments, and for a delivery a body and a META. What the bytes of `args` mean is the business of
 * store/commit; the log keeps them whole and checks them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"
#include "store/store.h"

struct journal;
struct disk;

enum journal_type { /* on disk: never renumber */
    JOURNAL_NOP = 0,
    JOURNAL_ACCOUNT = 1,
    JOURNAL_DELIVER = 2,
    JOURNAL_FLAGS = 3,
    JOURNAL_EXPUNGE = 4,
    JOURNAL_MAILBOX = 5, /* create, rename, delete, subscribe: an argument says which */
    JOURNAL_COPY = 6,
    JOURNAL_RECENT = 7,
    JOURNAL_QUEUE = 8,    /* what becomes of recipients of a queued message */
    JOURNAL_MOVED = 9,    /* compaction: a body (and META) written again at a new place */
    JOURNAL_SNAP = 10,    /* a chunk of a snapshot of the index */
    JOURNAL_FOLDERS = 11, /* which mailboxes are made with each account from now on */
    JOURNAL_PURGE = 12,   /* releases a part of what a deleted mailbox holds */
};

struct journal_record {
    uint8_t type;
    bool is_big;     /* the body is the file big/ of number big_id, not in the log */
    bool more;       /* the change goes on with the next record: they are applied together */
    uint64_t big_id; /* of a big one, never 0 */
    struct span args;
    struct span body; /* in the log; for a big one only its length counts */
    struct span meta;
    uint32_t body_crc; /* crc32c of the body, by the writer of the record */
    uint32_t meta_crc;
    uint64_t lsn; /* out: segment << 32 | offset; also the message's number */
};

/* Where the body and META of a record lie; what the index keeps. */
struct journal_place {
    uint64_t segment;           /* where args and META lie, and the body too unless big_id is set */
    uint64_t big_id;            /* not 0: the body is the big file of this number */
    uint32_t body_at, body_len; /* offset in the segment, bytes */
    uint32_t args_at, args_len;
    uint32_t meta_at, meta_len;
    uint32_t body_crc, meta_crc;
};
void journal_record_place(const struct journal_record *record, struct journal_place *place_r);

/* The end of an intact prefix of the log: what the index stores as "applied up to here". */
struct journal_mark {
    uint64_t lsn;  /* behind the batch: segment << 32 | offset, a multiple of 4096 */
    uint64_t seq;  /* batch number; 0: nothing yet */
    uint32_t hcrc; /* the hash chain there */
};

struct journal_batch {
    uint64_t seq;
    int64_t time_us; /* the only clock that applying may use */
    struct journal_record *records;
    unsigned count;
    struct journal_mark end;
};

struct journal_config {
    const char *path; /* the store's directory */
    const struct disk *disk;
    uint32_t segment_size;
    bool without_sync, read_only, salvage;
    void (*say)(void *context, const char *text);
    void *context;
};

/* Opens or makes the log (the directory above `path` must be there). FORMAT and LOCK are its files
 * too. STORE_LOCKED when another process has it, STORE_VERSION when a newer program wrote it,
 * STORE_CORRUPT when a segment's header is damaged and salvage is not set. With read_only nothing
 * is written, and nothing may be appended. */
MUST_USE enum store_status journal_open(const struct journal_config *config,
                                        struct journal **journal_r);
void journal_close(struct journal **journal);
struct span
journal_store_id(const struct journal *journal); /* 16 bytes, the store's own for ever */

/* Bytes that a record takes in the log, and the most that the records of one batch may take. */
size_t journal_record_size(const struct journal_record *record);
size_t journal_batch_max(const struct journal *journal);

/* Walks all batches behind `from` (the zero mark: from the oldest segment that is there), in order,
 * each checked whole before apply() sees it; record spans are valid during the call. Ends at a torn
 * tail (STORE_OK) and makes the log ready to go on there; a hole before valid batches is damage
 * (STORE_CORRUPT, before anything is applied) unless salvage is set. What apply() sees is synced.
 * Batches without records are passed over. apply() returning other than STORE_OK ends the walk. */
typedef enum store_status journal_apply_fn(void *context, const struct journal_batch *batch);
MUST_USE enum store_status journal_recover(struct journal *journal, struct journal_mark from,
                                           journal_apply_fn *apply, void *context);
/* True when the log goes on from this mark: the batch that ends there is whole, or its segment was
 * recycled and the next one chains on to the mark. Always true for the zero mark. */
bool journal_has(struct journal *journal, struct journal_mark from);
/* True when no segment behind the mark's is missing. */
bool journal_is_unbroken(struct journal *journal, struct journal_mark from);

/* The same walk over everything that is there, from the oldest segment on, for a rebuild of the
 * index (looking for snapshots) and for store_check(). Changes nothing; a gap between segments,
 * where one was recycled, is passed over (the batch's seq tells). May be called more than once,
 * before journal_recover(). */
MUST_USE enum store_status journal_walk(struct journal *journal, journal_apply_fn *apply,
                                        void *context);

/* Writes one batch and syncs it: after STORE_OK it is durable. Fills lsn of each record and
 * batch_r (which points at `records`). Committer thread only. Aborts the process when the disk
 * fails, since nobody can know what is on it then. STORE_FULL before anything is written when no
 * segment is ready, STORE_INVALID when the batch can't fit in one: nothing happened. After
 * journal_recover(). */
MUST_USE enum store_status journal_append(struct journal *journal, struct journal_record *records,
                                          unsigned count, int64_t time_us,
                                          struct journal_batch *batch_r);

/* Bytes of a place, mapped and shared. The pin keeps them until journal_unpin(). Checks the crc of
 * body or META when `check`. Any thread. */
struct journal_pin;
/* STORE_NOT_FOUND when the segment was recycled or the big file removed, STORE_CORRUPT when the
 * place can't be or its bytes are not what was written. */
enum journal_part {
    JOURNAL_ARGS,
    JOURNAL_BODY,
    JOURNAL_META
};
MUST_USE enum store_status journal_pin(struct journal *journal, const struct journal_place *place,
                                       enum journal_part part, bool check, struct span *bytes_r,
                                       struct journal_pin **pin_r);
void journal_unpin(void *pin); /* a chain_lend() release function */
/* True when the bytes are in memory, so that reading them does not wait for the disk. */
bool journal_is_resident(struct span bytes);

/* ---- big messages: files of their own ---- */
struct journal_big;
MUST_USE enum store_status journal_big_open(struct journal *journal, struct journal_big **big_r);
MUST_USE enum store_status journal_big_add(struct journal_big *big, struct span bytes);
MUST_USE enum store_status journal_big_bytes(struct journal_big *big,
                                             struct span *bytes_r); /* mapped */
/* Syncs file and name; from now on a record may name it. */
MUST_USE enum store_status journal_big_finish(struct journal_big *big, uint64_t *id_r,
                                              uint32_t *len_r, uint32_t *crc_r);
void journal_big_close(struct journal_big **big); /* removes the file unless finished */
void journal_big_remove(struct journal *journal, uint64_t id);
/* Removes files that `wanted` does not know, unfinished ones too: at start, before drafts are. */
void journal_big_sweep(struct journal *journal, bool (*wanted)(void *context, uint64_t id),
                       void *context);

/* ---- space: called by the housekeeper ---- */

/* Makes spare segments until two are ready; true when it made one. */
bool journal_prepare(struct journal *journal);
/* Waits until a spare segment is wanted or a dead one is there, journal_wake() or the time is over.
 */
void journal_wait_need(struct journal *journal, unsigned ms);
void journal_wake(struct journal *journal);
/* Waits until journal_append() has a segment to roll into; false when the time is over. */
bool journal_wait_ready(struct journal *journal, unsigned ms);
/* The applier's word that nothing in this sealed segment is live any more, in a committed
 * transaction whose mark is `applied`. Recycled when nobody has it pinned. Passed over when the
 * segment is still written to or not wholly applied: then say it again later. */
void journal_segment_dead(struct journal *journal, uint64_t segment, struct journal_mark applied);
bool journal_recycle(struct journal *journal); /* recycles one dead segment; true when it did */
uint64_t journal_active_segment(const struct journal *journal);
/* The smallest segment number behind `after` that is there (spare ones left out); 0 past the last.
 * Any thread. */
uint64_t journal_segment_next(const struct journal *journal, uint64_t after);
unsigned journal_segment_count(const struct journal *journal);
unsigned journal_spare_count(const struct journal *journal);
/* While anybody holds, no segment is recycled (a backup copies them). `by` is +1 or -1. */
void journal_hold(struct journal *journal, int by);
/* Adds what the log knows: syncs, sync_ns_total, bytes_written, segments, segments_spare,
 * log_bytes. Any thread. */
void journal_numbers(const struct journal *journal, struct store_numbers *numbers_r);

#endif
