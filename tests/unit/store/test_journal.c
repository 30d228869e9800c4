/* The log in good times: appending, rolling, going on, reading, recycling. */

#include "tests/unit/store/journal_tests.h"

static const struct journal_mark none = {0};

static void test_new_store(void **state)
{
    struct log *l = log_new();
    size_t len;

    (void)state;
    assert_int_equal(log_open(l, none), STORE_OK);
    assert_int_equal(l->count, 0);
    assert_int_equal(journal_spare_count(l->journal), 1);
    assert_int_equal(journal_segment_count(l->journal), 0);
    assert_non_null(sim_disk_bytes(l->disk, LOG_PATH "/FORMAT", &len));
    assert_true(journal_prepare(l->journal));
    assert_false(journal_prepare(l->journal)); /* two are enough */
    log_free(l);
}

static void test_second_opener_is_refused(void **state)
{
    struct log *l = log_new();
    struct journal_config config = {
        .path = LOG_PATH, .disk = sim_disk_table(l->disk), .segment_size = LOG_SEGMENT_SIZE};
    struct journal *second = NULL;

    (void)state;
    assert_int_equal(log_open(l, none), STORE_OK);
    assert_int_equal(journal_open(&config, &second), STORE_LOCKED);
    assert_null(second);
    log_free(l);
}

static void test_newer_format_is_refused(void **state)
{
    struct log *l = log_new();

    (void)state;
    assert_int_equal(log_open(l, none), STORE_OK);
    journal_close(&l->journal);
    sim_disk_poke(l->disk, LOG_PATH "/FORMAT", strlen("ringpost store\nversion "), SPAN("9"));
    assert_int_equal(log_open(l, none), STORE_VERSION);
    log_free(l);
}

static void test_store_id_stays(void **state)
{
    struct log *l = log_new();
    char id[16];

    (void)state;
    assert_int_equal(log_open(l, none), STORE_OK);
    assert_int_equal(journal_store_id(l->journal).len, sizeof(id));
    memcpy(id, journal_store_id(l->journal).at, sizeof(id));
    assert_int_equal(log_again(l, none), STORE_OK);
    assert_memory_equal(id, journal_store_id(l->journal).at, sizeof(id));
    log_free(l);
}

/* Every batch is seen from the mark on, over many segments, and the log goes on behind them. */
static void test_roll_and_go_on(void **state)
{
    struct log *l = log_new();
    struct journal_mark marks[101] = {0};

    (void)state;
    assert_int_equal(log_open(l, none), STORE_OK);
    for (uint64_t id = 1; id <= 100; id++)
        marks[id] = log_append(l, id, id * 997 % 90000).end;
    assert_true(journal_active_segment(l->journal) >= 4);
    for (unsigned from = 0; from <= 100; from += 10) {
        assert_int_equal(log_again(l, marks[from]), STORE_OK);
        assert_true(log_saw(l, from + 1, 100));
        assert_int_equal(l->end.seq, 100);
    }
    log_append(l, 101, 5);
    assert_int_equal(log_again(l, marks[99]), STORE_OK);
    assert_true(log_saw(l, 100, 101));
    assert_string_equal(l->said, "");
    log_free(l);
}

static void test_batch_of_many(void **state)
{
    enum {
        COUNT = 900
    };
    struct log *l = log_new();
    struct journal_record *records = xcalloc(COUNT, sizeof(*records));
    char(*args)[8] = xcalloc(COUNT, sizeof(*args));
    struct journal_batch batch;

    (void)state;
    assert_int_equal(log_open(l, none), STORE_OK);
    for (unsigned i = 0; i < COUNT; i++) {
        records[i] = log_record(26 * i, 700);
        number_put64(args[i], 26 * i);
        records[i].args.at = args[i];
        records[i].meta.len = 1;
        records[i].meta_crc = crc32c(0, records[i].meta.at, 1);
    }
    assert_int_equal(journal_append(l->journal, records, COUNT, 7, &batch), STORE_OK);
    assert_int_equal(batch.count, COUNT);
    assert_int_equal(batch.time_us, 7);
    for (unsigned i = 1; i < COUNT; i++)
        assert_true(records[i].lsn > records[i - 1].lsn);
    assert_int_equal(log_again(l, none), STORE_OK);
    assert_int_equal(l->count, COUNT);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(l->ids[i], 26 * i);
    free(records);
    free(args);
    log_free(l);
}

static void test_too_large_for_any_segment(void **state)
{
    struct log *l = log_new();
    struct journal_record records[4];
    struct journal_batch batch;

    (void)state;
    assert_int_equal(log_open(l, none), STORE_OK);
    for (unsigned i = 0; i < COUNT_OF(records); i++)
        records[i] = log_record(1, 290000);
    assert_int_equal(journal_append(l->journal, records, 4, 1, &batch), STORE_INVALID);
    assert_int_equal(journal_append(l->journal, records, 3, 1, &batch), STORE_OK);
    log_free(l);
}

static void test_full_without_a_segment(void **state)
{
    struct log *l = log_new();
    struct journal_record record = log_record(1, 290000);
    struct journal_batch batch;
    enum store_status status = STORE_OK;

    (void)state;
    assert_int_equal(log_open(l, none), STORE_OK);
    for (unsigned i = 0; i < 20 && status == STORE_OK; i++)
        status = journal_append(l->journal, &record, 1, 1, &batch);
    assert_int_equal(status, STORE_FULL);
    assert_true(journal_prepare(l->journal));
    assert_int_equal(journal_append(l->journal, &record, 1, 1, &batch), STORE_OK);
    log_free(l);
}

static void test_short_writes(void **state)
{
    struct log *l = log_new();

    (void)state;
    sim_disk_set_short_writes(l->disk, 2);
    assert_int_equal(log_open(l, none), STORE_OK);
    for (uint64_t id = 1; id <= 30; id++)
        log_append(l, id, 40000);
    assert_int_equal(log_again(l, none), STORE_OK);
    assert_true(log_saw(l, 1, 30));
    log_free(l);
}

/* ---- reading ---- */

static void test_pins(void **state)
{
    struct log *l = log_new();
    struct journal_record record = log_record(5, 3000);
    struct journal_batch batch;
    struct journal_place place, beyond;
    struct journal_pin *pin;
    struct span bytes;

    (void)state;
    assert_int_equal(log_open(l, none), STORE_OK);
    assert_int_equal(journal_append(l->journal, &record, 1, 1, &batch), STORE_OK);
    journal_record_place(&record, &place);
    assert_int_equal(journal_pin(l->journal, &place, JOURNAL_BODY, true, &bytes, &pin), STORE_OK);
    assert_true(span_eq(bytes, record.body));
    assert_true(journal_is_resident(bytes));
    journal_unpin(pin);
    assert_int_equal(journal_pin(l->journal, &place, JOURNAL_META, true, &bytes, &pin), STORE_OK);
    assert_true(span_eq(bytes, record.meta));
    journal_unpin(pin);
    assert_int_equal(journal_pin(l->journal, &place, JOURNAL_ARGS, true, &bytes, &pin), STORE_OK);
    assert_true(span_eq(bytes, record.args));
    journal_unpin(pin);

    beyond = place;
    beyond.body_at = LOG_SEGMENT_SIZE - 10;
    assert_int_equal(journal_pin(l->journal, &beyond, JOURNAL_BODY, false, &bytes, &pin),
                     STORE_CORRUPT);
    beyond = place;
    beyond.segment = 77;
    assert_int_equal(journal_pin(l->journal, &beyond, JOURNAL_BODY, false, &bytes, &pin),
                     STORE_NOT_FOUND);
    beyond.segment = UINT64_MAX;
    assert_int_equal(journal_pin(l->journal, &beyond, JOURNAL_BODY, false, &bytes, &pin),
                     STORE_NOT_FOUND);

    sim_disk_poke(l->disk, LOG_FIRST, place.body_at + 100, SPAN("!"));
    assert_int_equal(journal_pin(l->journal, &place, JOURNAL_BODY, true, &bytes, &pin),
                     STORE_CORRUPT);
    assert_int_equal(journal_pin(l->journal, &place, JOURNAL_BODY, false, &bytes, &pin), STORE_OK);
    journal_unpin(pin);
    log_free(l);
}

static bool want_first(void *context, uint64_t id)
{
    return id == *(uint64_t *)context;
}

static void test_big_files(void **state)
{
    struct log *l = log_new();
    struct journal_big *big;
    struct journal_record record = log_record(3, 100000);
    struct journal_batch batch;
    struct journal_place place;
    struct journal_pin *pin;
    struct span bytes, body = record.body;
    uint64_t first, second;
    uint32_t len, crc;

    (void)state;
    assert_int_equal(log_open(l, none), STORE_OK);
    assert_int_equal(journal_big_open(l->journal, &big), STORE_OK);
    assert_int_equal(journal_big_add(big, span_first(body, 60000)), STORE_OK);
    assert_int_equal(journal_big_bytes(big, &bytes), STORE_OK);
    assert_true(span_eq(bytes, span_first(body, 60000)));
    assert_int_equal(journal_big_add(big, span_after(body, 60000)), STORE_OK);
    assert_int_equal(journal_big_bytes(big, &bytes), STORE_OK);
    assert_true(span_eq(bytes, body));
    assert_int_equal(journal_big_finish(big, &first, &len, &crc), STORE_OK);
    journal_big_close(&big);
    assert_int_equal(len, 100000);
    assert_int_equal(crc, record.body_crc);

    record.is_big = true;
    record.big_id = first;
    record.body.at = NULL;
    assert_int_equal(journal_append(l->journal, &record, 1, 1, &batch), STORE_OK);
    journal_record_place(&record, &place);
    assert_int_equal(place.big_id, first);
    assert_int_equal(journal_pin(l->journal, &place, JOURNAL_BODY, true, &bytes, &pin), STORE_OK);
    assert_true(span_eq(bytes, body));
    journal_unpin(pin);
    assert_int_equal(journal_pin(l->journal, &place, JOURNAL_META, true, &bytes, &pin), STORE_OK);
    journal_unpin(pin);

    /* One that is given up leaves nothing; one that nobody wants is swept away. */
    assert_int_equal(journal_big_open(l->journal, &big), STORE_OK);
    journal_big_close(&big);
    assert_int_equal(journal_big_open(l->journal, &big), STORE_OK);
    assert_int_equal(journal_big_add(big, SPAN("x")), STORE_OK);
    assert_int_equal(journal_big_finish(big, &second, &len, &crc), STORE_OK);
    journal_big_close(&big);
    journal_big_sweep(l->journal, want_first, &first);
    assert_int_equal(journal_pin(l->journal, &place, JOURNAL_BODY, true, &bytes, &pin), STORE_OK);
    journal_unpin(pin);
    place.big_id = second;
    place.body_len = 1;
    assert_int_equal(journal_pin(l->journal, &place, JOURNAL_BODY, true, &bytes, &pin),
                     STORE_NOT_FOUND);
    journal_big_remove(l->journal, first);
    place.big_id = first;
    assert_int_equal(journal_pin(l->journal, &place, JOURNAL_BODY, true, &bytes, &pin),
                     STORE_NOT_FOUND);
    log_free(l);
}

/* ---- recycling ---- */

static void test_recycling(void **state)
{
    struct log *l = log_new();
    struct journal_mark end = none;
    struct journal_record record = log_record(1, 1000);
    struct journal_batch batch;
    struct journal_place place;
    struct journal_pin *pin;
    struct span bytes;
    unsigned before;

    (void)state;
    assert_int_equal(log_open(l, none), STORE_OK);
    assert_int_equal(journal_append(l->journal, &record, 1, 1, &batch), STORE_OK);
    journal_record_place(&record, &place);
    for (uint64_t id = 2; journal_active_segment(l->journal) < 4; id++)
        end = log_append(l, id, 200000).end;
    before = journal_segment_count(l->journal);

    journal_segment_dead(l->journal, journal_active_segment(l->journal), end);
    journal_segment_dead(l->journal, 1, none); /* not applied yet */
    assert_false(journal_recycle(l->journal));

    assert_int_equal(journal_pin(l->journal, &place, JOURNAL_BODY, true, &bytes, &pin), STORE_OK);
    journal_segment_dead(l->journal, 1, end);
    assert_false(journal_recycle(l->journal)); /* somebody reads it */
    assert_true(span_eq(bytes, log_record(1, 1000).body));
    journal_unpin(pin);
    journal_hold(l->journal, 1);
    assert_false(journal_recycle(l->journal)); /* a backup copies it */
    journal_hold(l->journal, -1);
    assert_true(journal_recycle(l->journal));
    assert_false(journal_recycle(l->journal));
    assert_int_equal(journal_segment_count(l->journal), before - 1);
    assert_int_equal(journal_segment_next(l->journal, 0), 2);
    assert_int_equal(journal_pin(l->journal, &place, JOURNAL_BODY, true, &bytes, &pin),
                     STORE_NOT_FOUND);

    /* What it held is not seen again when its file is a segment once more. */
    for (uint64_t id = 100; journal_active_segment(l->journal) < 7; id++)
        end = log_append(l, id, 200000).end;
    assert_true(journal_has(l->journal, end));
    assert_int_equal(log_again(l, end), STORE_OK);
    assert_int_equal(l->count, 0);
    log_free(l);
}

static enum store_status count_batches(void *context, const struct journal_batch *batch)
{
    *(uint64_t *)context += batch->count;
    return STORE_OK;
}

/* The mark may lie at the end of a segment that is gone; a rebuild walks over the gap. */
static void test_gaps(void **state)
{
    struct log *l = log_new();
    struct journal_mark last_in[8] = {0}, end = none;
    uint64_t id = 1, count = 0;

    (void)state;
    assert_int_equal(log_open(l, none), STORE_OK);
    while (journal_active_segment(l->journal) < 5) {
        end = log_append(l, id++, 250000).end;
        last_in[end.lsn >> 32] = end;
    }
    journal_segment_dead(l->journal, 3, end);
    assert_true(journal_recycle(l->journal));
    journal_close(&l->journal);

    assert_int_equal(log_open(l, last_in[3]), STORE_OK);
    assert_true(l->count > 0);
    assert_true(journal_has(l->journal, last_in[3]));
    assert_false(journal_has(l->journal, (struct journal_mark){last_in[3].lsn, 999, 5}));
    assert_int_equal(log_again(l, none), STORE_OK);
    assert_int_equal(journal_walk(l->journal, count_batches, &count), STORE_OK);
    assert_int_equal(count, l->count);
    assert_true(count > 0 && count < id - 1);
    /* But not when the index still needs what was there. */
    assert_int_equal(log_again(l, last_in[2]), STORE_CORRUPT);
    log_free(l);
}

static void test_empty_batches_are_passed_over(void **state)
{
    struct log *l = log_new();
    struct journal_batch batch;

    (void)state;
    assert_int_equal(log_open(l, none), STORE_OK);
    log_append(l, 1, 10);
    assert_int_equal(journal_append(l->journal, NULL, 0, 1, &batch), STORE_OK);
    log_append(l, 2, 10);
    assert_int_equal(log_again(l, none), STORE_OK);
    assert_true(log_saw(l, 1, 2));
    assert_int_equal(l->end.seq, 3);
    log_free(l);
}

static void test_reading_only_changes_nothing(void **state)
{
    struct log *l = log_new();
    uint64_t operations;

    (void)state;
    assert_int_equal(log_open(l, none), STORE_OK);
    log_append(l, 1, 10);
    journal_close(&l->journal);
    operations = sim_disk_operations(l->disk);
    l->read_only = true;
    assert_int_equal(log_open(l, none), STORE_OK);
    assert_true(log_saw(l, 1, 1));
    assert_int_equal(sim_disk_operations(l->disk), operations);
    log_free(l);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_store),
        cmocka_unit_test(test_second_opener_is_refused),
        cmocka_unit_test(test_newer_format_is_refused),
        cmocka_unit_test(test_store_id_stays),
        cmocka_unit_test(test_roll_and_go_on),
        cmocka_unit_test(test_batch_of_many),
        cmocka_unit_test(test_too_large_for_any_segment),
        cmocka_unit_test(test_full_without_a_segment),
        cmocka_unit_test(test_short_writes),
        cmocka_unit_test(test_pins),
        cmocka_unit_test(test_big_files),
        cmocka_unit_test(test_recycling),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_empty_batches_are_passed_over),
        cmocka_unit_test(test_reading_only_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
