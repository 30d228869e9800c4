/* The log in bad times: torn tails, rot, disks that fill up or fail. */

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/store/journal_tests.h"

static const struct journal_mark none = {0};

enum {
    PAGE = 4096
};

/* Three batches of several pages: 1 and 2, and the last, 3, which begins at `last_r`. */
static struct log *log_of_three(uint32_t *second_r, uint32_t *last_r, uint32_t *end_r)
{
    struct log *l = log_new();

    assert_int_equal(log_open(l, none), STORE_OK);
    *second_r = (uint32_t)log_append(l, 1, 6000).end.lsn;
    *last_r = (uint32_t)log_append(l, 2, 3000).end.lsn;
    *end_r = (uint32_t)log_append(l, 3, 20000).end.lsn;
    return l;
}

static char byte_at(const struct log *l, const char *path, uint64_t at)
{
    size_t len;
    const char *bytes = sim_disk_bytes(l->disk, path, &len);

    assert_true(bytes != NULL && at < len);
    return bytes[at];
}

static void flip(struct log *l, const char *path, uint64_t bit)
{
    char byte = (char)(byte_at(l, path, bit / 8) ^ 1 << bit % 8);

    sim_disk_poke(l->disk, path, bit / 8, (struct span){&byte, 1});
}

/* Every way in which sectors of the last batch can be missing ends the log in front of it, and the
 * log goes on there. */
static void test_torn_tails(void **state)
{
    static const char zeros[PAGE];
    uint32_t second, last, end;
    struct log *l = log_of_three(&second, &last, &end);

    (void)state;
    for (uint32_t at = last; at < end; at += 512) {
        struct sim_disk *image = sim_disk_after_kill(l->disk);
        struct log torn = {.disk = image};

        if (at + 512 < last + 64 + 48 + 8 + 40 + 20000) { /* else only padding is lost */
            sim_disk_poke(image, LOG_FIRST, at, (struct span){zeros, 512});
            assert_int_equal(log_open(&torn, none), STORE_OK);
            assert_true(log_saw(&torn, 1, 2));
            log_append(&torn, 3, 100);
            log_append(&torn, 4, 100);
            assert_int_equal(log_again(&torn, none), STORE_OK);
            assert_true(log_saw(&torn, 1, 4));
            assert_string_equal(torn.said, "");
            journal_close(&torn.journal);
        }
        sim_disk_free(&image);
    }
    log_free(l);
}

/* A shorter batch over a torn longer one: what is left of that is never taken for real. */
static void test_dead_bytes_behind_the_end(void **state)
{
    uint32_t second, last, end;
    struct log *l = log_of_three(&second, &last, &end);

    (void)state;
    flip(l, LOG_FIRST, (uint64_t)last * 8 + 8 * 200); /* in the body of the last batch */
    for (uint64_t id = 3; id < 12; id++) {
        assert_int_equal(log_again(l, none), STORE_OK);
        assert_true(log_saw(l, 1, id - 1));
        log_append(l, id, 10);
    }
    log_free(l);
}

/* Every flipped bit in front of the last batch is told as damage, never taken as the end. */
static void test_every_flip_is_found(void **state)
{
    uint32_t second, last, end;
    struct log *l = log_of_three(&second, &last, &end);
    unsigned found = 0, tried = 0;

    (void)state;
    journal_close(&l->journal);
    for (uint64_t bit = (uint64_t)PAGE * 8; bit < (uint64_t)last * 8;
         bit += bit % 64 == 0 ? 1 : 7) {
        flip(l, LOG_FIRST, bit);
        tried++;
        found += log_open(l, none) == STORE_CORRUPT;
        assert_int_equal(l->count, 0); /* the index gets nothing of it */
        journal_close(&l->journal);
        flip(l, LOG_FIRST, bit);
        l->said[0] = '\0';
    }
    assert_int_equal(found, tried);
    assert_int_equal(log_open(l, none), STORE_OK);
    assert_true(log_saw(l, 1, 3));
    log_free(l);
}

/* Behind an empty batch the last real one is covered too. */
static void test_flips_in_the_last_batch(void **state)
{
    uint32_t second, last, end;
    struct log *l = log_of_three(&second, &last, &end);
    struct journal_batch batch;

    (void)state;
    assert_int_equal(journal_append(l->journal, NULL, 0, 1, &batch), STORE_OK);
    journal_close(&l->journal);
    for (uint64_t bit = (uint64_t)last * 8; bit < (uint64_t)end * 8; bit += 41) {
        flip(l, LOG_FIRST, bit);
        assert_int_equal(log_open(l, none), STORE_CORRUPT);
        journal_close(&l->journal);
        flip(l, LOG_FIRST, bit);
        l->said[0] = '\0';
    }
    log_free(l);
}

static void test_damaged_header(void **state)
{
    uint32_t second, last, end;
    struct log *l = log_of_three(&second, &last, &end);

    (void)state;
    journal_close(&l->journal);
    flip(l, LOG_FIRST, 333);
    assert_int_equal(log_open(l, none), STORE_CORRUPT);
    assert_non_null(strstr(l->said, "header"));
    l->salvage = true;
    assert_int_equal(log_again(l, none), STORE_OK);
    assert_true(log_saw(l, 1, 3));
    log_free(l);
}

static void test_index_ahead_of_log(void **state)
{
    uint32_t second, last, end;
    struct log *l = log_of_three(&second, &last, &end);
    struct journal_mark mark = log_append(l, 4, 10).end, on;

    (void)state;
    flip(l, LOG_FIRST, (uint64_t)end * 8 + 100);
    assert_int_equal(log_again(l, mark), STORE_CORRUPT);
    assert_non_null(strstr(l->said, "index"));

    /* Salvage goes on behind all that the index knows. */
    l->salvage = true;
    assert_int_equal(log_again(l, mark), STORE_OK);
    assert_int_equal(l->count, 0);
    on = log_append(l, 5, 10).end;
    assert_int_equal(on.seq, mark.seq + 1);
    assert_true(on.lsn > mark.lsn);
    l->salvage = false;
    assert_int_equal(log_again(l, on), STORE_OK);
    log_append(l, 6, 10);
    assert_int_equal(log_again(l, on), STORE_OK);
    assert_true(log_saw(l, 6, 6));
    log_free(l);
}

/* Salvage takes all that can be read, says what is lost, and afterwards all is as ever. */
static void test_salvage(void **state)
{
    uint32_t second, last, end;
    struct log *l = log_of_three(&second, &last, &end);
    struct journal_mark mark;

    (void)state;
    flip(l, LOG_FIRST, (uint64_t)second * 8 + 4000);
    assert_int_equal(log_again(l, none), STORE_CORRUPT);
    l->salvage = true;
    assert_int_equal(log_again(l, none), STORE_OK);
    assert_int_equal(l->count, 2);
    assert_int_equal(l->ids[0], 1);
    assert_int_equal(l->ids[1], 3);
    assert_non_null(strstr(l->said, "batches 2 to 2 are lost"));
    mark = l->end;
    log_append(l, 4, 10);
    l->salvage = false;
    assert_int_equal(log_again(l, mark), STORE_OK);
    assert_true(log_saw(l, 4, 4));
    log_free(l);
}

static void test_lost_segment(void **state)
{
    struct log *l = log_new();
    struct journal_mark mark = none;
    const struct disk *disk = sim_disk_table(l->disk);

    (void)state;
    assert_int_equal(log_open(l, none), STORE_OK);
    for (uint64_t id = 1; journal_active_segment(l->journal) < 4; id++) {
        struct journal_mark now = log_append(l, id, 250000).end;

        if (now.lsn >> 32 == 1)
            mark = now;
    }
    journal_close(&l->journal);
    assert_int_equal(disk->unlink(disk, LOG_PATH "/seg/0000000000000002.log"), 0);
    assert_int_equal(log_open(l, mark), STORE_CORRUPT);
    l->salvage = true;
    assert_int_equal(log_again(l, mark), STORE_OK);
    assert_true(l->count > 0 && !l->wrong);
    log_free(l);
}

static void test_lost_format(void **state)
{
    uint32_t second, last, end;
    struct log *l = log_of_three(&second, &last, &end);
    const struct disk *disk = sim_disk_table(l->disk);

    (void)state;
    journal_close(&l->journal);
    assert_int_equal(disk->unlink(disk, LOG_PATH "/FORMAT"), 0);
    assert_int_equal(log_open(l, none), STORE_CORRUPT);
    log_free(l);
}

/* ---- disks that say no ---- */

static void test_full_disk(void **state)
{
    struct log *l = log_new();
    struct journal_record record = log_record(1, 250000);
    struct journal_batch batch;
    struct journal_big *big;
    enum store_status status = STORE_OK;
    uint64_t written = 0;

    (void)state;
    assert_int_equal(log_open(l, none), STORE_OK);
    sim_disk_set_capacity(l->disk, 5 * LOG_SEGMENT_SIZE / 2);
    for (unsigned i = 0; i < 40 && status == STORE_OK; i++) {
        status = journal_append(l->journal, &record, 1, 1, &batch);
        if (status == STORE_FULL && journal_prepare(l->journal))
            status = journal_append(l->journal, &record, 1, 1, &batch);
        written += status == STORE_OK;
    }
    assert_int_equal(status, STORE_FULL);
    assert_non_null(strstr(l->said, "can't make a segment"));
    assert_int_equal(journal_big_open(l->journal, &big), STORE_OK);
    while (status == STORE_FULL && journal_big_add(big, record.body) == STORE_OK)
        ;
    assert_int_equal(journal_big_add(big, record.body), STORE_FULL);
    journal_big_close(&big);

    /* All that was said to be there is; with room again the log goes on. */
    assert_int_equal(log_again(l, none), STORE_OK);
    assert_int_equal(l->count, written);
    sim_disk_set_capacity(l->disk, 0);
    log_append(l, 2, 250000);
    log_free(l);
}

/* In a child, because the answer to a failed sync is to die. */
static int exit_of_append(struct log *l, enum sim_fault fault)
{
    pid_t child = fork();
    int result = 0;

    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        sim_disk_fail(l->disk, fault, 1);
        log_append(l, 9, 100);
        _exit(0);
    }
    assert_true(child > 0 && waitpid(child, &result, 0) == child);
    return result;
}

static void test_failed_sync_or_write_aborts(void **state)
{
    uint32_t second, last, end;
    struct log *l = log_of_three(&second, &last, &end);
    int result;

    (void)state;
    result = exit_of_append(l, SIM_FAULT_SYNC);
    assert_true(WIFSIGNALED(result) && WTERMSIG(result) == SIGABRT);
    result = exit_of_append(l, SIM_FAULT_WRITE);
    assert_true(WIFSIGNALED(result) && WTERMSIG(result) == SIGABRT);
    log_free(l);
}

/* After a failed sync the kernel takes pages for clean that are not on the disk. The next process
 * finds the batch readable, takes it, and must make it durable in truth. */
static void test_batch_whose_sync_failed(void **state)
{
    uint32_t second, last, end;
    struct log *l = log_of_three(&second, &last, &end);
    struct journal_mark mark;
    struct sim_disk *killed, *cut;
    struct log next = {0}, after = {0};
    char *page;
    size_t len;

    (void)state;
    /* The batch as the dying process wrote it: its bytes are made on a copy of the disk, then
     * written here and synced in vain. */
    killed = sim_disk_after_kill(l->disk);
    next.disk = killed;
    assert_int_equal(log_open(&next, none), STORE_OK);
    log_append(&next, 4, 9000);
    page = xmalloc(3 * PAGE);
    memcpy(page, sim_disk_bytes(killed, LOG_FIRST, &len) + end, (size_t)3 * PAGE);
    journal_close(&next.journal);
    sim_disk_free(&killed);
    {
        const struct disk *disk = sim_disk_table(l->disk);
        struct iovec part = {.iov_base = page, .iov_len = (size_t)3 * PAGE};
        int file = disk->open(disk, LOG_FIRST, 2, 0);

        assert_int_equal(disk->pwritev(disk, file, &part, 1, end), 3 * PAGE);
        sim_disk_fail(l->disk, SIM_FAULT_SYNC, 1);
        assert_int_equal(disk->sync_data(disk, file), -5);
        assert_int_equal(disk->sync_data(disk, file), 0); /* and lies */
        disk->close(disk, file);
    }
    killed = sim_disk_after_kill(l->disk);
    next = (struct log){.disk = killed};
    assert_int_equal(log_open(&next, none), STORE_OK);
    assert_true(log_saw(&next, 1, 4));
    mark = next.end;
    cut = sim_disk_after_cut(killed, SIM_CUT_ALL_LOST, 1);
    after.disk = cut;
    assert_int_equal(log_open(&after, mark), STORE_OK); /* the index may rely on it */
    journal_close(&after.journal);
    journal_close(&next.journal);
    sim_disk_free(&cut);
    sim_disk_free(&killed);
    free(page);
    log_free(l);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torn_tails),
        cmocka_unit_test(test_dead_bytes_behind_the_end),
        cmocka_unit_test(test_every_flip_is_found),
        cmocka_unit_test(test_flips_in_the_last_batch),
        cmocka_unit_test(test_damaged_header),
        cmocka_unit_test(test_index_ahead_of_log),
        cmocka_unit_test(test_salvage),
        cmocka_unit_test(test_lost_segment),
        cmocka_unit_test(test_lost_format),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_failed_sync_or_write_aborts),
        cmocka_unit_test(test_batch_whose_sync_failed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
