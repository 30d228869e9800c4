/* The bytes of the log: what was written once must be read for ever. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/attr.h"
#include "store/blob/journal_format.h"

#define SEGMENT UINT64_C(0x1122334455)

static const unsigned char id[JOURNAL_ID_SIZE] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                  8, 9, 10, 11, 12, 13, 14, 15};

static const unsigned char segment_header[] = {
    'R',  'P',  'S',  'E',  'G',  '0',  '0',  '1',  0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
    0x0c, 0x0d, 0x0e, 0x0f, 0x55, 0x44, 0x33, 0x22, 0x11, 0x00, 0x00, 0x00, 0x07, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xdd, 0xcc, 0xbb, 0xaa, 0x00, 0x10, 0x00, 0x00,
    0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, 0xce, 0x4b, 0xaf, 0xee};
static const unsigned char batch_header[] = {
    'R',  'P',  'B',  'T',  0x52, 0xe1, 0x55, 0x7e, 0x55, 0x44, 0x33, 0x22, 0x11, 0x00, 0x00, 0x00,
    0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xdd, 0xcc, 0xbb, 0xaa, 0x03, 0x00, 0x00, 0x00,
    0x00, 0x20, 0x00, 0x00, 0x66, 0x77, 0x88, 0x99, 0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
static const unsigned char record_header[] = {
    0x02, 0x01, 0x03, 0x00, 0x05, 0x00, 0x00, 0x00, 0x06, 0x00, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00,
    0x11, 0x11, 0x11, 0x11, 0x22, 0x22, 0x22, 0x22, 0x40, 0x10, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00,
    0xef, 0xbe, 0xfe, 0xca, 0xce, 0xfa, 0xed, 0xfe, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};

static const struct journal_segment_header segment = {
    .first_seq = 7, .prev_hcrc = 0xaabbccdd, .created_us = 0x0102030405060708};
static const struct journal_batch_header batch = {.segment = SEGMENT,
                                                  .seq = 8,
                                                  .prev_hcrc = 0xaabbccdd,
                                                  .count = 3,
                                                  .len = 8192,
                                                  .own_crc = 0x99887766,
                                                  .time_us = 0x0102030405060708};

static void test_segment_header(void **state)
{
    unsigned char page[JOURNAL_ALIGN];
    struct journal_segment_header read;

    (void)state;
    journal_segment_header_write(page, &segment, id, SEGMENT);
    assert_int_equal(sizeof(segment_header), JOURNAL_SEGMENT_HEADER_LEN);
    assert_memory_equal(page, segment_header, sizeof(segment_header));
    assert_int_equal(journal_segment_header_read(page, id, SEGMENT, &read), STORE_OK);
    assert_int_equal(read.first_seq, 7);
    assert_int_equal(read.prev_hcrc, 0xaabbccdd);
    assert_int_equal(read.created_us, 0x0102030405060708);
    assert_false(read.is_spare);

    /* A recycled file under a new number, or one of another store, is not taken for real. */
    assert_int_equal(journal_segment_header_read(page, id, SEGMENT + 1, &read), STORE_CORRUPT);
    assert_int_equal(journal_segment_header_read(page, batch_header, SEGMENT, &read),
                     STORE_CORRUPT);
}

static void test_segment_header_flips(void **state)
{
    unsigned char page[JOURNAL_ALIGN];
    struct journal_segment_header read;

    (void)state;
    journal_segment_header_write(page, &segment, id, SEGMENT);
    for (unsigned bit = 0; bit < JOURNAL_ALIGN * 8; bit++) {
        page[bit / 8] ^= (unsigned char)(1U << bit % 8);
        assert_int_equal(journal_segment_header_read(page, id, SEGMENT, &read), STORE_CORRUPT);
        page[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
}

static void test_batch_header(void **state)
{
    unsigned char bytes[JOURNAL_BATCH_HEADER_LEN];
    struct journal_batch_header read;
    uint32_t seed = journal_seed(id, SEGMENT), hcrc, read_hcrc;

    (void)state;
    hcrc = journal_batch_header_write(bytes, &batch, seed);
    assert_int_equal(hcrc, 0x7e55e152);
    assert_memory_equal(bytes, batch_header, sizeof(bytes));
    assert_true(journal_batch_header_read(bytes, seed, &read, &read_hcrc));
    assert_int_equal(read_hcrc, hcrc);
    assert_int_equal(read.segment, batch.segment);
    assert_int_equal(read.seq, batch.seq);
    assert_int_equal(read.prev_hcrc, batch.prev_hcrc);
    assert_int_equal(read.count, batch.count);
    assert_int_equal(read.len, batch.len);
    assert_int_equal(read.own_crc, batch.own_crc);
    assert_int_equal(read.time_us, batch.time_us);
    assert_false(journal_batch_header_read(bytes, seed + 1, &read, &read_hcrc));
    for (unsigned bit = 0; bit < sizeof(bytes) * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
        assert_false(journal_batch_header_read(bytes, seed, &read, &read_hcrc));
        bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
}

static void test_record_header(void **state)
{
    unsigned char bytes[JOURNAL_RECORD_HEADER_LEN];
    struct journal_record record = {
        .type = JOURNAL_DELIVER,
        .is_big = true,
        .more = true,
        .big_id = 0xfeedfacecafebeef,
        .args = {"12345",   5},
        .meta = {"123456",  6},
        .body = {"1234567", 7},
        .meta_crc = 0x11111111,
        .body_crc = 0x22222222,
        .lsn = UINT64_C(0x500001040)
    };
    struct journal_record read;

    (void)state;
    journal_record_header_write(bytes, &record);
    assert_memory_equal(bytes, record_header, sizeof(bytes));
    assert_true(journal_record_header_read(bytes, &read));
    assert_int_equal(read.type, JOURNAL_DELIVER);
    assert_true(read.is_big && read.more);
    assert_true(read.big_id == record.big_id && read.lsn == record.lsn);
    assert_int_equal(read.args.len, 5);
    assert_int_equal(read.meta.len, 6);
    assert_int_equal(read.body.len, 7);
    assert_int_equal(read.meta_crc, 0x11111111);
    assert_int_equal(read.body_crc, 0x22222222);

    bytes[1] = JOURNAL_VERSION + 1;
    assert_false(journal_record_header_read(bytes, &read));
    bytes[1] = JOURNAL_VERSION;
    bytes[2] = 1 << 2; /* a flag that nobody knows */
    assert_false(journal_record_header_read(bytes, &read));
    bytes[2] = 0; /* not big, but with a number */
    assert_false(journal_record_header_read(bytes, &read));
}

/* Where readers look must be where the writer put it. */
static void test_places(void **state)
{
    static const struct {
        size_t args, meta, body;
        uint32_t args_at, meta_at, body_at;
        size_t size;
    } rows[] = {
        {0,  0,  0,    48, 48, 48,  48  },
        {1,  0,  0,    48, 56, 56,  56  },
        {8,  8,  8,    48, 56, 64,  72  },
        {9,  1,  17,   48, 64, 72,  96  },
        {40, 99, 1000, 48, 88, 192, 1192},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct journal_record record = {
            .args = {NULL, rows[i].args},
            .meta = {NULL, rows[i].meta},
            .body = {NULL, rows[i].body},
            .lsn = UINT64_C(9) << 32 | 4096
        };
        struct journal_place place;

        journal_record_place(&record, &place);
        assert_int_equal(place.segment, 9);
        assert_int_equal(place.args_at, 4096 + rows[i].args_at);
        assert_int_equal(place.meta_at, 4096 + rows[i].meta_at);
        assert_int_equal(place.body_at, 4096 + rows[i].body_at);
        assert_int_equal(journal_record_size(&record), rows[i].size);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment_header), cmocka_unit_test(test_segment_header_flips),
        cmocka_unit_test(test_batch_header),   cmocka_unit_test(test_record_header),
        cmocka_unit_test(test_places),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
