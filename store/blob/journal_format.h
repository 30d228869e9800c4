#ifndef STORE_BLOB_JOURNAL_FORMAT_H
#define STORE_BLOB_JOURNAL_FORMAT_H

/*
 * journal_format: the bytes of the log, little-endian (drawn in store/README.md). Pure: from memory
 * to memory, any thread.
 *
 * A segment is a header page and then batches, each a multiple of JOURNAL_ALIGN long. A batch is a
 * header, records, zeros. Checksums of segment header and batch header are seeded with the identity
 * of the store and the number of the segment, so that what a recycled file still holds from its
 * former life is never taken for real.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "store/blob/journal.h"

enum {
    JOURNAL_VERSION = 1,
    JOURNAL_ALIGN = 4096, /* segment header, batches: what was synced is not written again */
    JOURNAL_RECORD_ALIGN = 8,
    JOURNAL_ID_SIZE = 16,
    JOURNAL_SEGMENT_HEADER_LEN = 68,
    JOURNAL_BATCH_HEADER_LEN = 64,
    JOURNAL_RECORD_HEADER_LEN = 48,
};

/* The checksum that those of a segment go on from. */
uint32_t journal_seed(const unsigned char id[JOURNAL_ID_SIZE], uint64_t segment);

struct journal_segment_header {
    bool is_spare; /* made ready, no batch in it yet */
    uint64_t first_seq;
    uint32_t prev_hcrc; /* the hash chain in front of its first batch */
    int64_t created_us;
};

/* Fills a page of JOURNAL_ALIGN bytes. */
void journal_segment_header_write(void *page, const struct journal_segment_header *header,
                                  const unsigned char id[JOURNAL_ID_SIZE], uint64_t segment);
/* STORE_CORRUPT when this is not the whole header of this segment of this store. */
MUST_USE enum store_status journal_segment_header_read(const void *page,
                                                       const unsigned char id[JOURNAL_ID_SIZE],
                                                       uint64_t segment,
                                                       struct journal_segment_header *header_r);

struct journal_batch_header {
    uint64_t segment, seq;
    uint32_t prev_hcrc;
    uint32_t count;   /* of records */
    uint32_t len;     /* bytes, with header and padding */
    uint32_t own_crc; /* of all bytes behind the header that are neither body nor META */
    int64_t time_us;
    uint64_t apply_hint;
    uint32_t flags;
};

/* Returns the header's checksum, the next link of the chain. */
uint32_t journal_batch_header_write(void *at, const struct journal_batch_header *header,
                                    uint32_t seed);
/* False unless its checksum is right. */
MUST_USE bool journal_batch_header_read(const void *at, uint32_t seed,
                                        struct journal_batch_header *header_r, uint32_t *hcrc_r);

/* The header in front of args, META and body (each begins at a multiple of 8). */
void journal_record_header_write(void *at, const struct journal_record *record);
/* Fills lengths and checksums; the spans' addresses stay NULL. False when it can't be. */
MUST_USE bool journal_record_header_read(const void *at, struct journal_record *record_r);

/* `digits` (at most 16) lower-case hex digits, as in names of files. False on anything else. */
MUST_USE bool journal_hex_read(const char *at, unsigned digits, uint64_t *number_r);

static inline uint64_t journal_aligned(uint64_t len, unsigned to)
{
    return (len + to - 1) & ~(uint64_t)(to - 1);
}

#endif
