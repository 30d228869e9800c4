#include "store/blob/journal_format.h"

#include <string.h>

#include "core/base/crc32c.h"
#include "core/base/number.h"

static const char segment_magic[8] = {'R', 'P', 'S', 'E', 'G', '0', '0', '1'};

enum { /* offsets in the segment header */
    SEGMENT_MAGIC = 0,
    SEGMENT_VERSION = 8,
    SEGMENT_FLAGS = 12,
    SEGMENT_STORE_ID = 16,
    SEGMENT_NUMBER = 32,
    SEGMENT_FIRST_SEQ = 40,
    SEGMENT_PREV_HCRC = 48,
    SEGMENT_ALIGN = 52,
    SEGMENT_CREATED = 56,
    SEGMENT_CRC = 64,
    SEGMENT_END = 68,
    SEGMENT_IS_SPARE = 1, /* flag */
};

enum { /* offsets in the batch header */
    BATCH_MAGIC = 0,
    BATCH_HCRC = 4,
    BATCH_SEGMENT = 8,
    BATCH_SEQ = 16,
    BATCH_PREV_HCRC = 24,
    BATCH_COUNT = 28,
    BATCH_LEN = 32,
    BATCH_OWN_CRC = 36,
    BATCH_TIME = 40,
    BATCH_HINT = 48,
    BATCH_FLAGS = 56,
    BATCH_ZERO = 60,
    BATCH_END = 64,
    BATCH_MAGIC_VALUE = 0x54425052, /* "RPBT" */
};

enum { /* offsets in the record header */
    RECORD_TYPE = 0,
    RECORD_VERSION = 1,
    RECORD_FLAGS = 2,
    RECORD_ARGS_LEN = 4,
    RECORD_META_LEN = 8,
    RECORD_BODY_LEN = 12,
    RECORD_META_CRC = 16,
    RECORD_BODY_CRC = 20,
    RECORD_LSN = 24,
    RECORD_BIG_ID = 32,
    RECORD_KEY = 40, /* of a dictionary or a secret; none yet: 0 */
    RECORD_END = 48,
    RECORD_IS_BIG = 1, /* flags */
    RECORD_MORE = 2,
    RECORD_FLAGS_KNOWN = 3,
};

_Static_assert((int)SEGMENT_END == (int)JOURNAL_SEGMENT_HEADER_LEN, "layout");
_Static_assert((int)SEGMENT_END <= 512, "a torn write must not cut the header in two");
_Static_assert((int)BATCH_END == (int)JOURNAL_BATCH_HEADER_LEN, "layout");
_Static_assert((int)RECORD_END == (int)JOURNAL_RECORD_HEADER_LEN, "layout");
_Static_assert((int)BATCH_END % JOURNAL_RECORD_ALIGN == 0, "records are aligned");
_Static_assert((int)RECORD_END % JOURNAL_RECORD_ALIGN == 0, "args are aligned");

uint32_t journal_seed(const unsigned char id[JOURNAL_ID_SIZE], uint64_t segment)
{
    unsigned char number[8];

    number_put64(number, segment);
    return crc32c(crc32c(0, id, JOURNAL_ID_SIZE), number, sizeof(number));
}

void journal_segment_header_write(void *page, const struct journal_segment_header *header,
                                  const unsigned char id[JOURNAL_ID_SIZE], uint64_t segment)
{
    char *at = page;

    memset(at, 0, JOURNAL_ALIGN);
    memcpy(at + SEGMENT_MAGIC, segment_magic, sizeof(segment_magic));
    number_put32(at + SEGMENT_VERSION, JOURNAL_VERSION);
    number_put32(at + SEGMENT_FLAGS, header->is_spare ? SEGMENT_IS_SPARE : 0);
    memcpy(at + SEGMENT_STORE_ID, id, JOURNAL_ID_SIZE);
    number_put64(at + SEGMENT_NUMBER, segment);
    number_put64(at + SEGMENT_FIRST_SEQ, header->first_seq);
    number_put32(at + SEGMENT_PREV_HCRC, header->prev_hcrc);
    number_put32(at + SEGMENT_ALIGN, JOURNAL_ALIGN);
    number_put64(at + SEGMENT_CREATED, (uint64_t)header->created_us);
    number_put32(at + SEGMENT_CRC, crc32c(journal_seed(id, segment), at, SEGMENT_CRC));
}

static bool all_zero(const char *at, size_t len)
{
    return len == 0 || (at[0] == 0 && memcmp(at, at + 1, len - 1) == 0);
}

enum store_status journal_segment_header_read(const void *page,
                                              const unsigned char id[JOURNAL_ID_SIZE],
                                              uint64_t segment,
                                              struct journal_segment_header *header_r)
{
    const char *at = page;

    if (memcmp(at + SEGMENT_MAGIC, segment_magic, sizeof(segment_magic)) != 0 ||
        number_get32(at + SEGMENT_CRC) != crc32c(journal_seed(id, segment), at, SEGMENT_CRC) ||
        !all_zero(at + SEGMENT_END, JOURNAL_ALIGN - SEGMENT_END))
        return STORE_CORRUPT;
    if (number_get32(at + SEGMENT_VERSION) > JOURNAL_VERSION ||
        number_get32(at + SEGMENT_ALIGN) != JOURNAL_ALIGN)
        return STORE_VERSION;
    *header_r = (struct journal_segment_header){
        .is_spare = (number_get32(at + SEGMENT_FLAGS) & SEGMENT_IS_SPARE) != 0,
        .first_seq = number_get64(at + SEGMENT_FIRST_SEQ),
        .prev_hcrc = number_get32(at + SEGMENT_PREV_HCRC),
        .created_us = (int64_t)number_get64(at + SEGMENT_CREATED),
    };
    return STORE_OK;
}

uint32_t journal_batch_header_write(void *to, const struct journal_batch_header *header,
                                    uint32_t seed)
{
    char *at = to;
    uint32_t hcrc;

    number_put32(at + BATCH_MAGIC, BATCH_MAGIC_VALUE);
    number_put32(at + BATCH_HCRC, 0);
    number_put64(at + BATCH_SEGMENT, header->segment);
    number_put64(at + BATCH_SEQ, header->seq);
    number_put32(at + BATCH_PREV_HCRC, header->prev_hcrc);
    number_put32(at + BATCH_COUNT, header->count);
    number_put32(at + BATCH_LEN, header->len);
    number_put32(at + BATCH_OWN_CRC, header->own_crc);
    number_put64(at + BATCH_TIME, (uint64_t)header->time_us);
    number_put64(at + BATCH_HINT, header->apply_hint);
    number_put32(at + BATCH_FLAGS, header->flags);
    number_put32(at + BATCH_ZERO, 0);
    hcrc = crc32c(seed, at, BATCH_END);
    number_put32(at + BATCH_HCRC, hcrc);
    return hcrc;
}

bool journal_batch_header_read(const void *from, uint32_t seed,
                               struct journal_batch_header *header_r, uint32_t *hcrc_r)
{
    char at[BATCH_END];

    if (number_get32(from) != BATCH_MAGIC_VALUE)
        return false;
    memcpy(at, from, BATCH_END);
    *hcrc_r = number_get32(at + BATCH_HCRC);
    number_put32(at + BATCH_HCRC, 0);
    if (crc32c(seed, at, BATCH_END) != *hcrc_r)
        return false;
    *header_r = (struct journal_batch_header){
        .segment = number_get64(at + BATCH_SEGMENT),
        .seq = number_get64(at + BATCH_SEQ),
        .prev_hcrc = number_get32(at + BATCH_PREV_HCRC),
        .count = number_get32(at + BATCH_COUNT),
        .len = number_get32(at + BATCH_LEN),
        .own_crc = number_get32(at + BATCH_OWN_CRC),
        .time_us = (int64_t)number_get64(at + BATCH_TIME),
        .apply_hint = number_get64(at + BATCH_HINT),
        .flags = number_get32(at + BATCH_FLAGS),
    };
    return true;
}

void journal_record_header_write(void *to, const struct journal_record *record)
{
    char *at = to;
    unsigned flags = (record->is_big ? RECORD_IS_BIG : 0) | (record->more ? RECORD_MORE : 0);

    at[RECORD_TYPE] = (char)record->type;
    at[RECORD_VERSION] = JOURNAL_VERSION;
    number_put16(at + RECORD_FLAGS, (uint16_t)flags);
    number_put32(at + RECORD_ARGS_LEN, (uint32_t)record->args.len);
    number_put32(at + RECORD_META_LEN, (uint32_t)record->meta.len);
    number_put32(at + RECORD_BODY_LEN, (uint32_t)record->body.len);
    number_put32(at + RECORD_META_CRC, record->meta_crc);
    number_put32(at + RECORD_BODY_CRC, record->body_crc);
    number_put64(at + RECORD_LSN, record->lsn);
    number_put64(at + RECORD_BIG_ID, record->is_big ? record->big_id : 0);
    number_put64(at + RECORD_KEY, 0);
}

bool journal_record_header_read(const void *from, struct journal_record *record_r)
{
    const char *at = from;
    unsigned flags = number_get16(at + RECORD_FLAGS);

    *record_r = (struct journal_record){
        .type = (uint8_t)at[RECORD_TYPE],
        .is_big = (flags & RECORD_IS_BIG) != 0,
        .more = (flags & RECORD_MORE) != 0,
        .big_id = number_get64(at + RECORD_BIG_ID),
        .args = {NULL, number_get32(at + RECORD_ARGS_LEN)},
        .body = {NULL, number_get32(at + RECORD_BODY_LEN)},
        .meta = {NULL, number_get32(at + RECORD_META_LEN)},
        .body_crc = number_get32(at + RECORD_BODY_CRC),
        .meta_crc = number_get32(at + RECORD_META_CRC),
        .lsn = number_get64(at + RECORD_LSN),
    };
    return at[RECORD_VERSION] == JOURNAL_VERSION && (flags & ~(unsigned)RECORD_FLAGS_KNOWN) == 0 &&
           record_r->is_big == (record_r->big_id != 0);
}

bool journal_hex_read(const char *at, unsigned digits, uint64_t *number_r)
{
    static const char hex[] = "0123456789abcdef";

    *number_r = 0;
    for (unsigned i = 0; i < digits; i++) {
        const char *digit = at[i] != '\0' ? strchr(hex, at[i]) : NULL;

        if (digit == NULL)
            return false;
        *number_r = *number_r << 4 | (uint64_t)(digit - hex);
    }
    return true;
}
