/* Counting by many threads, and the table's shape. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/metric.h"
#include "core/base/thread.h"

enum {
    THREADS = 12, /* more than there are parts */
    TIMES = 1000,
};

static void count(void *context)
{
    (void)context;
    for (unsigned i = 0; i < TIMES; i++) {
        metric_add(METRIC_LOGINS, 2);
        metric_add(METRIC_OPEN, 1);
        metric_add(METRIC_OPEN, -1);
    }
}

static void threads_count_together(void **state)
{
    struct thread *threads[THREADS];

    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i] = thread_start("count", count, NULL);
        assert_non_null(threads[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    assert_int_equal(metric_value(METRIC_LOGINS), 2 * THREADS * TIMES);
    assert_int_equal(metric_value(METRIC_OPEN), 0);
}

/* The rows of a family stand together, the first says what it is, and each has labels of its own.
 */
static void families_are_whole(void **state)
{
    (void)state;
    for (unsigned i = 0; i < METRIC_COUNT; i++) {
        const struct metric_row *row = &metric_rows[i];

        assert_non_null(row->name);
        for (unsigned before = 0; before < i; before++) {
            if (strcmp(metric_rows[before].name, row->name) != 0)
                continue;
            assert_string_equal(metric_rows[i - 1].name, row->name);
            assert_string_not_equal(metric_rows[before].labels, row->labels);
            assert_string_equal(row->help, "");
            assert_int_equal(metric_rows[before].kind, row->kind);
        }
        if (i == 0 || strcmp(metric_rows[i - 1].name, row->name) != 0)
            assert_true(strlen(row->help) > 10);
    }
    assert_string_equal(metric_rows[METRIC_OPEN].name, "ringpost_open_connections");
    assert_string_equal(metric_rows[METRIC_LOGINS].name, "ringpost_logins");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_are_whole),
        cmocka_unit_test(threads_count_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
