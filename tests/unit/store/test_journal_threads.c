/* Committer, housekeeper and readers at work together, on the real disk: for the thread sanitizer,
 * and for what manual mode cannot show. */

#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "store/commit/commit.h"
#include "store/housekeeper.h"
#include "tests/unit/store/journal_tests.h"

enum {
    SENDERS = 4,
    CHANGES_EACH = 1500,
    CHANGES = SENDERS * CHANGES_EACH,
    BODY_SIZE = 3000,
    READS = 4000,
};

struct sender {
    pthread_t thread;
    unsigned number;
};

static char directory[64], store[96];
static struct journal *journal;
static struct committer *committer;
static struct housekeeper *housekeeper;
static char body[BODY_SIZE];
static struct journal_place places[CHANGES];
static _Atomic uint64_t places_known; /* of places[] */
static _Atomic uint64_t done_count, failed_count, pushed_count, last_seq, dead_below;

void store_change_end(struct store_change *change, enum store_status status)
{
    if (change->done != NULL)
        change->done(change->context, status, NULL, 0);
    free(change->records);
    free(change);
}

void applier_push(struct applier *a, const struct journal_batch *batch, struct store_change *list)
{
    (void)a;
    assert_true(batch->seq > atomic_load(&last_seq));
    assert_true(batch->count > 0);
    atomic_store(&last_seq, batch->seq);
    while (list != NULL) {
        struct store_change *next = list->next;
        uint64_t at = atomic_load(&places_known);

        assert_null(list->done); /* who waits for durability was told before */
        journal_record_place(&list->records[0], &places[at % CHANGES]);
        atomic_store(&places_known, at + 1);
        atomic_fetch_add(&pushed_count, 1);
        store_change_end(list, STORE_OK);
        list = next;
    }
}

static void done(void *context, enum store_status status, const struct store_result *results,
                 size_t count)
{
    (void)context;
    (void)results;
    (void)count;
    atomic_fetch_add(status == STORE_OK ? &done_count : &failed_count, 1);
}

static struct store_change *change_new(void)
{
    struct store_change *change = xcalloc(1, sizeof(*change));

    change->records = xcalloc(1, sizeof(*change->records));
    *change->records = (struct journal_record){
        .type = JOURNAL_DELIVER,
        .args = SPAN("12345678"),
        .body = {body, sizeof(body)},
        .body_crc = crc32c(0, body, sizeof(body))
    };
    change->count = 1;
    change->ack = STORE_ACK_DURABLE;
    change->done = done;
    return change;
}

static enum store_status see_nothing(void *context, const struct journal_batch *batch)
{
    *(uint64_t *)context += batch->count;
    return STORE_OK;
}

/* Each second: all but the newest segments are dead. */
static void find_dead(void *context)
{
    struct journal_mark applied = {.seq = atomic_load(&last_seq)};
    uint64_t active = journal_active_segment(journal);

    (void)context;
    for (uint64_t s = 0; (s = journal_segment_next(journal, s)) != 0 && s + 2 < active;) {
        journal_segment_dead(journal, s, applied);
        atomic_store(&dead_below, s + 1);
    }
}

static uint64_t open_log(bool threads)
{
    struct journal_config config = {.path = store, .segment_size = LOG_SEGMENT_SIZE};
    uint64_t records = 0;

    assert_int_equal(journal_open(&config, &journal), STORE_OK);
    assert_int_equal(journal_recover(journal, (struct journal_mark){0}, see_nothing, &records),
                     STORE_OK);
    if (!threads)
        return records;
    housekeeper = housekeeper_open(&(struct housekeeper_config){
        .journal = journal, .path = store, .ballast_size = 1 << 20, .find_dead = find_dead});
    committer = committer_open(&(struct committer_config){.journal = journal});
    assert_true(housekeeper != NULL && committer != NULL);
    return records;
}

static void close_log(void)
{
    committer_close(&committer);
    housekeeper_close(&housekeeper);
    journal_close(&journal);
}

static void *send_run(void *context)
{
    (void)context;
    for (unsigned i = 0; i < CHANGES_EACH; i++) {
        committer_submit(committer, change_new());
        if (i % 16 == 0)
            usleep(200);
    }
    return NULL;
}

/* Reads what was stored lately; what is gone by then was recycled. */
static void *read_run(void *context)
{
    unsigned *gone = context;

    for (unsigned i = 0; i < READS; i++) {
        uint64_t known = atomic_load(&places_known);
        struct journal_place place;
        struct journal_pin *pin;
        struct span bytes;
        enum store_status status;

        if (known == 0) {
            usleep(100);
            continue;
        }
        place = places[(known - 1) - (known - 1) * i / READS];
        status = journal_pin(journal, &place, JOURNAL_BODY, true, &bytes, &pin);
        if (status == STORE_OK) {
            if (!span_eq(bytes, (struct span){body, sizeof(body)}))
                abort();
            journal_unpin(pin);
        } else if (status != STORE_NOT_FOUND) {
            abort();
        } else {
            ++*gone;
        }
    }
    return NULL;
}

static void test_all_at_work(void **state)
{
    struct sender senders[SENDERS] = {0};
    pthread_t reader;
    unsigned gone = 0;

    (void)state;
    memset(body, 'b', sizeof(body));
    open_log(true);
    for (unsigned i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_run, NULL), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_run, &gone), 0);
    for (unsigned i = 0; i < SENDERS; i++)
        pthread_join(senders[i].thread, NULL);
    pthread_join(reader, NULL);
    committer_close(&committer);
    assert_int_equal(atomic_load(&done_count) + atomic_load(&failed_count), CHANGES);
    assert_int_equal(atomic_load(&failed_count), 0);
    assert_int_equal(atomic_load(&pushed_count), CHANGES);
    close_log();
}

/* What came to the log must be there, apart from recycled segments. */
static void test_all_is_there(void **state)
{
    struct store_numbers numbers = {0};
    uint64_t records = open_log(false);

    (void)state;
    assert_true(records > 0 && records <= CHANGES);
    if (atomic_load(&dead_below) == 0)
        assert_int_equal(records, CHANGES);
    journal_numbers(journal, &numbers);
    assert_int_equal(numbers.log_bytes, numbers.segments * LOG_SEGMENT_SIZE);
    close_log();
}

/* Too much that waits is refused at once; what no segment holds too. */
static void test_budget(void **state)
{
    struct store_change *change;

    (void)state;
    open_log(false);
    committer = committer_open(&(struct committer_config){
        .journal = journal, .manual = true, .waiting_max = 10 * BODY_SIZE});
    atomic_store(&done_count, 0);
    for (unsigned i = 0; i < 20; i++)
        committer_submit(committer, change_new());
    assert_int_equal(atomic_load(&failed_count), 11);
    change = change_new();
    change->records->body.len = LOG_SEGMENT_SIZE;
    committer_submit(committer, change);
    assert_int_equal(atomic_load(&failed_count), 12);
    assert_true(committer_waiting_bytes(committer) > 9 * BODY_SIZE);
    assert_int_equal(atomic_load(&done_count), 0);
    assert_true(committer_step(committer));
    assert_false(committer_step(committer));
    assert_int_equal(atomic_load(&done_count), 9);
    assert_int_equal(committer_waiting_bytes(committer), 0);
    close_log();
}

static void test_nop_after_a_pause(void **state)
{
    struct store_numbers before = {0}, after = {0};
    uint64_t until = clock_monotonic_ns() + UINT64_C(5000000000);

    (void)state;
    open_log(true);
    journal_numbers(journal, &before);
    committer_submit(committer, change_new());
    while (after.syncs < before.syncs + 2 && clock_monotonic_ns() < until) {
        usleep(20000);
        after = (struct store_numbers){0};
        journal_numbers(journal, &after);
    }
    assert_int_equal(after.syncs, before.syncs + 2);
    close_log();
}

static int make_directory(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/ringpost-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(store, sizeof(store), "%s/store", directory);
    return 0;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

static int remove_directory(void **state)
{
    (void)state;
    return nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_at_work),
        cmocka_unit_test(test_all_is_there),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_nop_after_a_pause),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
