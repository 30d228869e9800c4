#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/attr.h"
#include "core/base/thread.h"
#include "core/work/exclusive.h"
#include "core/work/inbox.h"
#include "core/work/job.h"
#include "core/work/shared.h"
#include "core/work/watch.h"
#include "core/work/worker_pool.h"

enum {
    POSTERS = 3,
    POSTS = 20000,
};

/* A reader that sleeps on a semaphore, as a reactor sleeps in its wait call. */
static sem_t bell;
static atomic_uint rung;

static void ring(void *context UNUSED)
{
    atomic_fetch_add(&rung, 1);
    sem_post(&bell);
}

struct numbered {
    struct job job;
    unsigned poster, number;
};
static unsigned next_number[POSTERS], arrived;
static struct inbox *inbox;

static void come_home(struct job *job)
{
    struct numbered *n = CONTAINER_OF(job, struct numbered, job);

    assert_int_equal(n->number, next_number[n->poster]);
    next_number[n->poster]++;
    arrived++;
    free(n);
}

static void post_many(void *context)
{
    for (unsigned i = 0; i < POSTS; i++) {
        struct numbered *n = xcalloc(1, sizeof(*n));

        n->job.home = come_home;
        n->poster = *(unsigned *)context;
        n->number = i;
        inbox_post(inbox, &n->job);
        if (i % 512 == 0)
            sched_yield();
    }
}

static void sleep_if_empty(void)
{
    if (inbox_sleep(inbox))
        while (sem_wait(&bell) != 0)
            ;
}

static void inbox_keeps_order_and_wakes(void **state UNUSED)
{
    struct thread *threads[POSTERS];
    unsigned names[POSTERS];

    sem_init(&bell, 0, 0);
    inbox = inbox_open(ring, NULL);
    for (unsigned i = 0; i < POSTERS; i++) {
        names[i] = i;
        threads[i] = thread_start("poster", post_many, &names[i]);
    }
    while (arrived < POSTERS * POSTS) {
        if (inbox_drain(inbox) == 0)
            sleep_if_empty();
    }
    for (unsigned i = 0; i < POSTERS; i++)
        thread_join(&threads[i]);
    assert_true(atomic_load(&rung) <= POSTERS * POSTS);
    inbox_close(&inbox);
    sem_destroy(&bell);
}

static void one_wake_for_a_batch(void **state UNUSED)
{
    sem_init(&bell, 0, 0);
    atomic_store(&rung, 0);
    arrived = 0;
    next_number[0] = 0;
    inbox = inbox_open(ring, NULL);
    assert_true(inbox_sleep(inbox));
    for (unsigned i = 0; i < 5; i++) {
        struct numbered *n = xcalloc(1, sizeof(*n));

        n->job.home = come_home;
        n->number = i;
        inbox_post(inbox, &n->job);
    }
    assert_int_equal(atomic_load(&rung), 1);
    assert_false(inbox_sleep(inbox));
    assert_int_equal(inbox_drain(inbox), 5);
    assert_int_equal(inbox_drain(inbox), 0);
    inbox_close(&inbox);
    sem_destroy(&bell);
}

static char order[16];
static unsigned order_len;
static atomic_uint ran;

struct lettered {
    struct job job;
    char letter;
};

static void write_letter(struct job *job)
{
    order[order_len++] = CONTAINER_OF(job, struct lettered, job)->letter;
}

static void later_has_its_share(void **state UNUSED)
{
    struct worker_pool *pool = worker_pool_open(0);
    struct lettered jobs[9];

    for (unsigned i = 0; i < 9; i++) {
        jobs[i] = (struct lettered){.job.run = write_letter, .letter = "sssssslll"[i]};
        worker_pool_submit(pool, &jobs[i].job, i < 6 ? WORK_SOON : WORK_LATER);
    }
    assert_int_equal(worker_pool_waiting(pool), 9);
    while (worker_pool_step(pool))
        ;
    assert_string_equal(order, "ssslsssll");
    worker_pool_close(&pool);
}

static void count_run(struct job *job)
{
    atomic_fetch_add(&ran, 1);
    free(job);
}

static void pool_runs_everything(void **state UNUSED)
{
    struct worker_pool *pool = worker_pool_open(3);

    assert_non_null(pool);
    for (unsigned i = 0; i < 5000; i++) {
        struct job *job = xcalloc(1, sizeof(*job));

        job->run = count_run;
        worker_pool_submit(pool, job, i % 3 == 0 ? WORK_LATER : WORK_SOON);
    }
    worker_pool_close(&pool);
    assert_int_equal(atomic_load(&ran), 5000);
}

static atomic_int snapshots;

static void snapshot_free(void *item)
{
    atomic_fetch_sub(&snapshots, 1);
    free(item);
}

static void *snapshot_new(int value)
{
    int *item = xmalloc(sizeof(*item));

    *item = value;
    atomic_fetch_add(&snapshots, 1);
    return item;
}

static void read_snapshots(void *context)
{
    int last = 0;

    for (unsigned i = 0; i < 5000; i++) {
        struct shared_item *item = shared_take(context);
        int value = *(int *)shared_get(item);

        assert_true(value >= last);
        last = value;
        shared_give(&item);
    }
}

static void snapshots_die_with_their_last_user(void **state UNUSED)
{
    struct shared *place = shared_open(snapshot_new(0), snapshot_free);
    struct shared_item *kept = shared_take(place);
    struct thread *threads[2];

    for (unsigned i = 0; i < 2; i++)
        threads[i] = thread_start("reader", read_snapshots, place);
    for (int value = 1; value < 500; value++)
        shared_swap(place, snapshot_new(value));
    for (unsigned i = 0; i < 2; i++)
        thread_join(&threads[i]);
    assert_int_equal(atomic_load(&snapshots), 2);
    assert_int_equal(*(int *)shared_get(kept), 0);
    shared_give(&kept);
    shared_close(&place);
    assert_int_equal(atomic_load(&snapshots), 0);
}

static struct watch_board *board;
static unsigned homes;

static void watch_home(struct job *job)
{
    homes++;
    watch_seen(CONTAINER_OF(job, struct watch, job));
}

static void watch_home_without_seen(struct job *job UNUSED)
{
    homes++;
}

static void watches_keep_touches(void **state UNUSED)
{
    struct watch w = {.job.home = watch_home_without_seen};

    sem_init(&bell, 0, 0);
    homes = 0;
    w.job.inbox = inbox = inbox_open(ring, NULL);
    board = watch_board_open();
    watch_set(board, &w, 7);
    watch_publish(board, 8);
    assert_int_equal(inbox_drain(inbox), 0);
    watch_publish(board, 7);
    assert_int_equal(inbox_drain(inbox), 1);
    watch_publish(board, 7);
    watch_publish(board, 7);
    assert_int_equal(inbox_drain(inbox), 0);
    watch_seen(&w);
    assert_int_equal(inbox_drain(inbox), 1);
    watch_seen(&w);
    assert_int_equal(inbox_drain(inbox), 0);

    watch_publish(board, 7); /* moved while posted: comes home once, then hears the new number */
    watch_set(board, &w, 9);
    assert_int_equal(inbox_drain(inbox), 1);
    watch_seen(&w);
    watch_publish(board, 7);
    assert_int_equal(inbox_drain(inbox), 0);
    watch_publish(board, 9);
    assert_true(watch_clear(&w));
    assert_int_equal(inbox_drain(inbox), 1);
    watch_seen(&w);
    assert_false(watch_clear(&w));
    watch_board_close(&board);
    inbox_close(&inbox);
    sem_destroy(&bell);
}

static atomic_bool publishing;

static void publish_many(void *context UNUSED)
{
    for (unsigned i = 0; i < 20000; i++)
        watch_publish(board, i % 4);
    atomic_store(&publishing, false);
    sem_post(&bell);
}

static void watches_under_fire(void **state UNUSED)
{
    struct watch watches[8] = {0};
    struct thread *publisher;
    unsigned round = 0;

    sem_init(&bell, 0, 0);
    inbox = inbox_open(ring, NULL);
    board = watch_board_open();
    for (unsigned i = 0; i < 8; i++) {
        watches[i].job.home = watch_home;
        watches[i].job.inbox = inbox;
        watch_set(board, &watches[i], i % 4);
    }
    atomic_store(&publishing, true);
    publisher = thread_start("publisher", publish_many, NULL);
    while (atomic_load(&publishing)) {
        (void)inbox_drain(inbox);
        watch_set(board, &watches[round % 8], round % 5);
        round++;
    }
    thread_join(&publisher);
    homes = 0;
    for (unsigned i = 0; i < 8; i++)
        homes += !watch_clear(&watches[i]);
    (void)inbox_drain(inbox);
    for (unsigned i = 0; i < 8; i++)
        assert_false(watch_clear(&watches[i]));
    assert_int_equal(homes, 8);
    watch_board_close(&board);
    inbox_close(&inbox);
    sem_destroy(&bell);
}

static void one_holder_for_a_key(void **state UNUSED)
{
    struct exclusive *e = exclusive_open();

    assert_int_equal(exclusive_take(e, 7, 1, 0), EXCLUSIVE_TAKEN);
    assert_int_equal(exclusive_take(e, 7, 2, 0), EXCLUSIVE_HELD);
    assert_int_equal(exclusive_take(e, 8, 2, 0), EXCLUSIVE_TAKEN);
    exclusive_give(e, 7, 0);
    assert_int_equal(exclusive_take(e, 7, 2, 0), EXCLUSIVE_TAKEN);
    exclusive_give(e, 7, 0);
    exclusive_give(e, 8, 0);
    exclusive_close(&e);
}

/* A pause is counted from the taking; those that are over make room for others. */
static void pause_between_two_holders(void **state UNUSED)
{
    struct exclusive *e = exclusive_open();

    assert_int_equal(exclusive_take(e, 7, 100, 60), EXCLUSIVE_TAKEN);
    assert_int_equal(exclusive_take(e, 7, 1000, 60), EXCLUSIVE_HELD);
    exclusive_give(e, 7, 60);
    assert_int_equal(exclusive_take(e, 7, 159, 60), EXCLUSIVE_TOO_SOON);
    assert_int_equal(exclusive_take(e, 7, 160, 60), EXCLUSIVE_TAKEN);
    for (uint32_t key = 1000; key < 6000; key++) {
        assert_int_equal(exclusive_take(e, key, key, 60), EXCLUSIVE_TAKEN);
        exclusive_give(e, key, 60);
    }
    assert_int_equal(exclusive_take(e, 7, 6000, 60), EXCLUSIVE_HELD);
    assert_int_equal(exclusive_take(e, 5990, 6000, 60), EXCLUSIVE_TOO_SOON);
    assert_int_equal(exclusive_take(e, 1000, 6000, 60), EXCLUSIVE_TAKEN);
    exclusive_close(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inbox_keeps_order_and_wakes),
        cmocka_unit_test(one_wake_for_a_batch),
        cmocka_unit_test(later_has_its_share),
        cmocka_unit_test(pool_runs_everything),
        cmocka_unit_test(snapshots_die_with_their_last_user),
        cmocka_unit_test(one_holder_for_a_key),
        cmocka_unit_test(pause_between_two_holders),
        cmocka_unit_test(watches_keep_touches),
        cmocka_unit_test(watches_under_fire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
