#ifndef STORE_BLOB_JOURNAL_PRIVATE_H
#define STORE_BLOB_JOURNAL_PRIVATE_H

/*
 * journal_private: what a journal is made of, for the files of this folder.
 *
 * The committer's thread alone uses what stands under "appending"; `lock` guards the lists of
 * segments; readers find a segment through `pages` without a lock. Segment structs are never freed
 * while the journal is open, only used again, so that a late reader may look at one that was just
 * recycled: it counts itself in and then looks whether the number is still the one it wanted.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "core/base/attr.h"
#include "store/blob/journal.h"
#include "store/blob/journal_format.h"
#include "store/disk.h"

enum {
    JOURNAL_READY_MIN = 2,           /* segments that wait to be written to */
    JOURNAL_POOL_MAX = 8,            /* recycled files kept */
    JOURNAL_SEGMENT_SIZE = 64 << 20, /* bytes, unless configured */
    JOURNAL_SEGMENT_SIZE_MIN = 1 << 20,
    JOURNAL_SEGMENT_SIZE_MAX = 1 << 30,
    JOURNAL_PATH_SIZE = 4096,
    JOURNAL_STORE_PATH_MAX = 3072,
    JOURNAL_PAGE_BITS = 12,
    JOURNAL_PAGE_SLOTS = 1 << JOURNAL_PAGE_BITS,
    JOURNAL_PAGES = 1 << 14,
    JOURNAL_BIG_DIRS = 256,
};
/* 2^26 segments of 64 MiB: 4 EiB written in the life of a store. */
#define JOURNAL_SEGMENTS_MAX ((uint64_t)JOURNAL_PAGES << JOURNAL_PAGE_BITS)

struct journal_pin {
    bool is_big;
};

struct journal_segment {
    struct journal_pin pin;  /* first: the pin of a segment is the segment */
    _Atomic uint64_t number; /* 0: not in use */
    atomic_uint pins;
    _Atomic(const char *) map;
    struct journal *journal;
    uint32_t size;
    int file;          /* open for writing, or -1 */
    bool is_damaged;   /* its header can't be read: salvage */
    bool is_dead;      /* may be recycled */
    uint64_t last_seq; /* of a sealed one: its last batch */
    uint32_t seed;
    struct journal_segment_header header;
    struct journal_segment *next;
};

struct journal_slots {
    _Atomic(struct journal_segment *) at[JOURNAL_PAGE_SLOTS];
};

struct journal {
    struct journal_config config;
    const struct disk *disk;
    char *path;
    unsigned char id[JOURNAL_ID_SIZE];
    uint32_t segment_size;
    int lock_file;
    bool is_recovered;

    pthread_mutex_t lock;
    pthread_cond_t need, ready_more;
    bool is_woken;
    int holds;
    struct journal_segment **used; /* ascending */
    unsigned used_count, used_size;
    struct journal_segment *ready; /* ascending */
    unsigned ready_count;
    bool said_no_segment; /* the thread's that prepares */
    unsigned pool[JOURNAL_POOL_MAX], pool_count, pool_next;
    uint64_t segment_next; /* number of the next one made ready */
    struct journal_segment *unused;
    _Atomic(struct journal_slots *) pages[JOURNAL_PAGES];

    /* appending */
    struct journal_segment *active; /* NULL: the next batch begins a segment */
    uint32_t active_at;
    struct journal_mark end;
    char *staging;
    size_t staging_size;
    struct iovec *parts;
    size_t parts_size;
    _Atomic uint64_t active_number, syncs, sync_ns, bytes_written;
};

/* ---- journal.c ---- */
/* <store>/<what is printed>; at least JOURNAL_PATH_SIZE bytes at path_r. */
void journal_path(const struct journal *j, char *path_r, const char *format, ...) PRINTF_LIKE(3, 4);
void journal_say(const struct journal *j, const char *format, ...) PRINTF_LIKE(2, 3);
/* What happened cannot be made good by going on: says it and aborts. */
NO_RETURN void journal_fail(const struct journal *j, const char *what, int error);
enum store_status journal_status(int error); /* of a negative errno */
/* Writes all of the parts, which are changed; 0 or -errno. */
MUST_USE int journal_write(const struct disk *disk, int file, struct iovec *parts, size_t count,
                           uint64_t at);
MUST_USE int journal_sync_dir(const struct journal *j, const char *name);

/* ---- journal_segment.c ---- */
/* Reads which segments there are. */
MUST_USE enum store_status journal_segments_load(struct journal *j);
void journal_segments_free(struct journal *j);
void journal_segment_path(const struct journal *j, uint64_t number, char *path_r);
/* NULL when it is not there. A moment's answer unless the caller holds a pin or the lock. */
struct journal_segment *journal_segment_find(const struct journal *j, uint64_t number);
/* The bytes of the segment; NULL when they can't be mapped. */
const char *journal_segment_bytes(struct journal_segment *segment);
/* Opens it for writing. */
MUST_USE int journal_segment_open(struct journal_segment *segment);
MUST_USE int journal_segment_write_header(struct journal_segment *segment);
/* Takes the next ready segment for writing; its header is durable then. STORE_FULL: none is. */
MUST_USE enum store_status journal_segment_roll(struct journal *j);

/* ---- journal_read.c ---- */
enum journal_depth {
    JOURNAL_FRAMES, /* headers, args and padding */
    JOURNAL_ALL,    /* bodies and METAs too */
};
/* A batch at this place, its header and chain still unjudged. False when there is none whose
 * header is right. */
MUST_USE bool journal_batch_at(struct journal_segment *segment, uint32_t at,
                               struct journal_batch_header *header_r, uint32_t *hcrc_r);
/* Checks all of the batch; fills records (header.count of them) when not NULL. */
MUST_USE bool journal_batch_is_whole(struct journal_segment *segment, uint32_t at,
                                     const struct journal_batch_header *header,
                                     enum journal_depth depth, struct journal_record *records_r);

/* ---- journal_big.c ---- */
MUST_USE enum store_status journal_big_pin(struct journal *j, uint64_t id, uint32_t len,
                                           struct span *bytes_r, struct journal_pin **pin_r);
void journal_big_unpin(struct journal_pin *pin);

#endif
