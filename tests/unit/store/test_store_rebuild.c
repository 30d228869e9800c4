/* The index lost or damaged: made again from the log, with and without its old segments. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_support.h"

static bool exists(const struct test_store *t, const char *name)
{
    char path[128];
    struct stat unused;

    snprintf(path, sizeof(path), "%s/%s", t->path, name);
    return stat(path, &unused) == 0;
}

/* Mail for some accounts, flags, keywords, expunges: `rounds` times. */
static void work(struct test_store *t, unsigned rounds)
{
    static const struct span word[] = {
        {"$Work", 5}
    };

    for (unsigned i = 0; i < rounds; i++) {
        char account[32];
        struct store_change *c;
        struct store_result r;
        struct store_range range;
        snprintf(account, sizeof(account), "user%u@example.org", i % 5);
        test_deliver(t, account, i % 3 ? "INBOX" : "Lists/a b", "some text of a mail\r\n", i % 90);
        r = test_deliver(t, account, "INBOX", "more\r\n", 2000);
        range = (struct store_range){r.uid > 4 ? r.uid - 4 : 1, r.uid};
        c = store_change_new(t->store);
        store_change_flags(c, &(struct store_flag_change){
                                  .mailbox = r.mailbox,
                                  .uids = &range,
                                  .count = 1,
                                  .mode = STORE_FLAGS_ADD,
                                  .flags = i % 2 ? STORE_SEEN : STORE_FLAGGED,
                                  .keywords = word,
                                  .keyword_count = i % 2,
                                  .unchanged_since = UINT64_MAX,
                              });
        store_change_recent(c, r.mailbox, r.uid);
        assert_int_equal(test_submit_status(t, &c, NULL, 0), STORE_OK);
        if (r.uid > 4)
            test_expunge(t, r.mailbox, r.uid - 4, r.uid - 4);
    }
}

static void assert_same_after(struct test_store *t, bool (*lose)(struct test_store *t))
{
    char *before = test_dump(t), *after;

    test_store_close(t);
    assert_true(lose(t));
    test_store_open(t);
    after = test_dump(t);
    assert_string_equal(before, after);
    free(before);
    free(after);
    test_store_close(t);
    test_check(t);
}

static bool lose_index(struct test_store *t)
{
    return test_store_remove_directory(t, "idx");
}

static bool damage_index(struct test_store *t)
{
    char path[128];
    int file;
    static const char junk[8192] = {7};

    snprintf(path, sizeof(path), "%s/idx/data.mdb", t->path);
    file = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(file >= 0 && pwrite(file, junk, sizeof(junk), 0) == (ssize_t)sizeof(junk));
    close(file);
    return true;
}

static bool condemn_index(struct test_store *t)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/idx/BAD", t->path);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    return true;
}

static void test_index_lost(void **state)
{
    struct test_store t;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    work(&t, 60);
    assert_same_after(&t, lose_index);
    assert_false(exists(&t, "idx.bad-1"));
    test_store_remove(&t);
}

static void test_index_damaged(void **state)
{
    struct test_store t;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    work(&t, 20);
    assert_same_after(&t, damage_index);
    assert_true(exists(&t, "idx.bad-1"));
    test_store_open(&t);
    work(&t, 3);
    assert_same_after(&t, condemn_index);
    assert_true(exists(&t, "idx.bad-2"));
    test_store_remove(&t);
}

/* ---- damage done while nobody had it open ---- */

static uint64_t damage_random = 1;

static uint64_t damage_next(void)
{
    damage_random = damage_random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return damage_random >> 24;
}

/* One of: a flipped bit, bytes overwritten, zeroed pages, a shorter file, an empty one, a longer
 * one. */
static bool damage_somehow(struct test_store *t)
{
    char path[128], junk[3 * 4096] = {0}, byte = 0;
    unsigned kind = (unsigned)(damage_next() % 16);
    struct stat info;
    off_t at;
    int file;

    snprintf(path, sizeof(path), "%s/idx/data.mdb", t->path);
    file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0 && fstat(file, &info) == 0 && info.st_size > 4 * 4096);
    at = (off_t)(damage_next() % (uint64_t)info.st_size);
    if (kind == 0) {
        assert_int_equal(ftruncate(file, at), 0);
    } else if (kind == 1) {
        assert_int_equal(ftruncate(file, 0), 0);
    } else if (kind == 2) {
        assert_int_equal(ftruncate(file, info.st_size + 1), 0);
    } else if (kind < 6) {
        for (size_t i = 0; i < sizeof(junk); i++)
            junk[i] = (char)(kind == 3 ? 0 : damage_next());
        assert_true(pwrite(file, junk, sizeof(junk), kind == 5 ? 0 : at / 4096 * 4096) > 0);
    } else {
        assert_int_equal(pread(file, &byte, 1, at), 1);
        byte = (char)(byte ^ 1 << damage_next() % 8);
        assert_int_equal(pwrite(file, &byte, 1, at), 1);
    }
    close(file);
    return true;
}

static void test_index_damaged_while_stopped(void **state)
{
    struct test_store t;
    char *before, *after;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    work(&t, 15);
    before = test_dump(&t);
    for (unsigned i = 0; i < 100; i++) {
        test_store_close(&t);
        damage_somehow(&t);
        test_store_open(&t);
        after = test_dump(&t);
        assert_string_equal(before, after);
        free(after);
        assert_true(test_store_remove_directory(&t, "idx.bad-1"));
    }
    free(before);
    test_store_close(&t);
    test_check(&t);
    test_store_remove(&t);
}

static unsigned segments_gone(const struct test_store *t)
{
    unsigned gone = 0;

    for (unsigned i = 1; i <= 8; i++) {
        char name[64];
        snprintf(name, sizeof(name), "seg/%016x.log", i);
        gone += !exists(t, name);
    }
    return gone;
}

/* All steps until nothing waits; the clock of the housekeeper's seconds does not matter here. */
static void settle(struct test_store *t)
{
    for (unsigned i = 0; i < 2000 && store_step(t->store, i); i++)
        continue;
}

/* Snapshots, then most mail goes: segments are emptied by compaction and recycled, and the index is
 * the same when it is made from the newest snapshot. */
static void test_snapshot_and_recycling(void **state)
{
    struct test_store t;
    struct store_result r;
    struct store_numbers numbers;

    (void)state;
    test_store_make(&t);
    t.config.manual = true;
    t.config.snapshot_bytes = 2 << 20;
    test_store_open(&t);
    work(&t, 30);
    for (unsigned i = 0; i < 300; i++) {
        r = test_deliver(&t, "user1@example.org", "Big", "a line of text, this long\r\n", 4000);
        if (i % 10)
            test_expunge(&t, r.mailbox, r.uid, r.uid);
        if (i % 20 == 0)
            settle(&t);
    }
    settle(&t);
    store_numbers(t.store, &numbers);
    assert_true(segments_gone(&t) >= 4);
    assert_true(numbers.segments < 30);
    assert_same_after(&t, lose_index);
    test_store_open(&t);
    work(&t, 10);
    assert_same_after(&t, lose_index);
    test_store_remove(&t);
}

/* An index that is older than what the log still has: a restored one. With kept mail the segment in
 * which it stands is still there, and only some behind it are gone. */
static void old_index(unsigned kept)
{
    struct test_store t;
    char from[256], to[256];

    test_store_make(&t);
    t.config.manual = true;
    t.config.snapshot_bytes = 1 << 20;
    test_store_open(&t);
    work(&t, 5);
    for (unsigned i = 0; i < kept; i++)
        test_deliver(&t, "user2@example.org", "Kept", "a line of text, this long\r\n", 4000);
    test_store_close(&t);
    snprintf(from, sizeof(from), "%s/idx", t.path);
    snprintf(to, sizeof(to), "%s/old", t.path);
    assert_int_equal(rename(from, to), 0);
    test_store_open(&t);
    for (unsigned i = 0; i < 200; i++) {
        struct store_result r =
            test_deliver(&t, "user1@example.org", "Big", "a line of text, this long\r\n", 4000);
        test_expunge(&t, r.mailbox, r.uid, r.uid);
        if (i % 20 == 0)
            settle(&t);
    }
    settle(&t);
    assert_true(segments_gone(&t) >= 4);
    assert_true(kept == 0 || exists(&t, "seg/0000000000000001.log"));
    {
        char *before = test_dump(&t), *after;
        test_store_close(&t);
        test_store_remove_directory(&t, "idx");
        assert_int_equal(rename(to, from), 0);
        test_store_open(&t);
        after = test_dump(&t);
        assert_string_equal(before, after);
        free(before);
        free(after);
        assert_true(exists(&t, "idx.bad-1"));
    }
    test_store_remove(&t);
}

static void test_old_index(void **state)
{
    (void)state;
    old_index(0);
}

static void test_old_index_before_a_gap(void **state)
{
    (void)state;
    old_index(7);
}

/* An index that knows more than the log: the log lost what was acknowledged, nobody may go on. */
static void test_log_behind_index(void **state)
{
    struct test_store t;
    char from[256], to[256];

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    work(&t, 5);
    test_store_close(&t);
    snprintf(from, sizeof(from), "cp -r %s/seg %s/seg.old", t.path, t.path);
    assert_int_equal(system(from), 0);
    test_store_open(&t);
    work(&t, 5);
    test_store_close(&t);
    test_store_remove_directory(&t, "seg");
    snprintf(from, sizeof(from), "%s/seg.old", t.path);
    snprintf(to, sizeof(to), "%s/seg", t.path);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(store_open(&t.config, &t.store), STORE_CORRUPT);
    assert_null(t.store);
    test_store_remove(&t);
}

static void test_check_finds(void **state)
{
    struct test_store t;
    struct store_check_report report;
    char path[128], byte;
    int file;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    work(&t, 10);
    test_store_close(&t);
    test_check(&t);
    assert_int_equal(store_check(&t.config, &report), STORE_OK);
    assert_int_equal(report.accounts, 5);
    assert_true(report.messages > 10 && report.entries == report.messages);
    snprintf(path, sizeof(path), "%s/seg/%016x.log", t.path, 1);
    file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, 40000), 1);
    byte ^= 1;
    assert_int_equal(pwrite(file, &byte, 1, 40000), 1);
    close(file);
    assert_int_equal(store_check(&t.config, &report), STORE_OK);
    assert_true(report.damaged > 0);
    test_store_remove(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_lost),
        cmocka_unit_test(test_index_damaged),
        cmocka_unit_test(test_index_damaged_while_stopped),
        cmocka_unit_test(test_snapshot_and_recycling),
        cmocka_unit_test(test_old_index),
        cmocka_unit_test(test_old_index_before_a_gap),
        cmocka_unit_test(test_log_behind_index),
        cmocka_unit_test(test_check_finds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
