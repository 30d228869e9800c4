#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/base/thread.h"

static uint64_t fixed_monotonic(void)
{
    return 5;
}

static int64_t fixed_wall(void)
{
    return 7;
}

static void clocks_go_on_or_stand(void **state UNUSED)
{
    static const struct clock_source fixed = {fixed_monotonic, fixed_wall};
    uint64_t before = clock_monotonic_ns();

    assert_true(clock_monotonic_ns() >= before);
    assert_true(clock_wall_us() > INT64_C(1600000000000000));
    clock_replace(&fixed);
    assert_true(clock_monotonic_ns() == 5 && clock_wall_us() == 7);
    clock_replace(NULL);
    assert_true(clock_monotonic_ns() >= before);
}

static void look_at_mask(void *context)
{
    (void)pthread_sigmask(SIG_SETMASK, NULL, context);
}

static void threads_block_signals(void **state UNUSED)
{
    sigset_t inside, outside;
    struct thread *t = thread_start("a name that is longer", look_at_mask, &inside);

    assert_non_null(t);
    thread_join(&t);
    assert_null(t);
    assert_int_equal(sigismember(&inside, SIGTERM), 1);
    assert_int_equal(sigismember(&inside, SIGHUP), 1);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &outside);
    assert_int_equal(sigismember(&outside, SIGTERM), 0);
}

static void memory(void **state UNUSED)
{
    char *a = xcalloc(10, 10), *b = xstrdup("text");

    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(a[i], 0);
    a = xrealloc(a, 200);
    assert_string_equal(b, "text");
    (void)alloc_held_bytes();
    free(a);
    free(b);
}

/* Last, because a seed cannot be taken back. */
static void seed_decides(void **state UNUSED)
{
    uint64_t first[4], second[4];

    assert_true(random_u64() != random_u64());
    random_seed(1);
    random_bytes(first, sizeof(first));
    random_seed(1);
    random_bytes(second, sizeof(second));
    assert_memory_equal(first, second, sizeof(first));
    random_seed(2);
    assert_true(random_u64() != first[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_go_on_or_stand),
        cmocka_unit_test(threads_block_signals),
        cmocka_unit_test(memory),
        cmocka_unit_test(seed_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
