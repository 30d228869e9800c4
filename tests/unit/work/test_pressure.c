/* The ladder of colours, the budget's sums, and one owner's share of the workers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/work/budget.h"
#include "core/work/job.h"
#include "core/work/pressure.h"
#include "core/work/worker_pool.h"

static const uint64_t MS = 1000000;

static void each_figure_asks_for_its_colour(void **state)
{
    static const struct {
        enum pressure_colour now;
        struct pressure_reading figures; /* memory, files, workers, sync_ms */
        enum pressure_colour wanted;
    } rows[] = {
        {PRESSURE_GREEN,  {69, 79, 199, 199}, PRESSURE_GREEN },
        {PRESSURE_GREEN,  {70, 0, 0, 0},      PRESSURE_YELLOW},
        {PRESSURE_GREEN,  {0, 80, 0, 0},      PRESSURE_YELLOW},
        {PRESSURE_GREEN,  {0, 0, 200, 0},     PRESSURE_YELLOW},
        {PRESSURE_GREEN,  {0, 0, 0, 200},     PRESSURE_YELLOW},
        {PRESSURE_GREEN,  {84, 0, 0, 999},    PRESSURE_YELLOW},
        {PRESSURE_GREEN,  {85, 0, 0, 0},      PRESSURE_ORANGE},
        {PRESSURE_GREEN,  {0, 0, 0, 1000},    PRESSURE_ORANGE},
        {PRESSURE_GREEN,  {94, 100, 999, 0},  PRESSURE_ORANGE},
        {PRESSURE_GREEN,  {95, 0, 0, 0},      PRESSURE_RED   },
        {PRESSURE_YELLOW, {63, 0, 0, 0},      PRESSURE_YELLOW},
        {PRESSURE_YELLOW, {62, 0, 0, 0},      PRESSURE_GREEN },
        {PRESSURE_ORANGE, {77, 0, 0, 0},      PRESSURE_ORANGE},
        {PRESSURE_ORANGE, {76, 0, 0, 0},      PRESSURE_YELLOW},
        {PRESSURE_RED,    {86, 0, 0, 0},      PRESSURE_RED   },
        {PRESSURE_RED,    {85, 0, 0, 0},      PRESSURE_ORANGE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(pressure_judge(rows[i].now, &rows[i].figures), rows[i].wanted);
}

static struct pressure_reading figures;
static unsigned changes;

static void read_figures(void *context, struct pressure_reading *reading_r)
{
    (void)context;
    *reading_r = figures;
}

static void count_change(void *context, enum pressure_colour before, enum pressure_colour now,
                         const struct pressure_reading *reading)
{
    (void)context;
    (void)reading;
    assert_int_not_equal(before, now);
    changes++;
}

static void up_at_once_and_down_slowly(void **state)
{
    struct pressure_config config = {.read = read_figures, .changed = count_change};
    struct pressure *p = pressure_open(&config);
    uint64_t now_ns = 1000 * MS;

    (void)state;
    changes = 0;
    figures.memory = 90;
    assert_int_equal(pressure_look(p, now_ns), PRESSURE_ORANGE);
    figures.memory = 0;
    assert_int_equal(pressure_look(p, now_ns + 99 * MS), PRESSURE_ORANGE);
    assert_false(pressure_is_easing(p));
    assert_int_equal(pressure_look(p, now_ns + 100 * MS), PRESSURE_ORANGE);
    assert_true(pressure_is_easing(p));
    assert_int_equal(pressure_look(p, now_ns + 1099 * MS), PRESSURE_ORANGE);
    assert_int_equal(pressure_look(p, now_ns + 1200 * MS), PRESSURE_YELLOW);
    assert_int_equal(pressure_look(p, now_ns + 2100 * MS), PRESSURE_YELLOW);
    assert_int_equal(pressure_look(p, now_ns + 2300 * MS), PRESSURE_GREEN);
    assert_int_equal(changes, 3);
    pressure_close(&p);
}

static void shares_tell_the_whole_in_steps(void **state)
{
    struct budget *b = budget_open(1000000);
    struct budget_share one = {.budget = b}, two = {.budget = b};

    (void)state;
    budget_charge(&one, BUDGET_STEP - 1);
    assert_int_equal(budget_held(b), 0);
    budget_charge(&one, 1);
    budget_charge(&two, 3 * BUDGET_STEP);
    assert_int_equal(budget_held(b), 4 * BUDGET_STEP);
    budget_charge(&two, -3 * BUDGET_STEP);
    budget_charge(&one, -BUDGET_STEP);
    budget_share_end(&one);
    budget_share_end(&two);
    assert_int_equal(budget_held(b), 0);
    budget_close(&b);
}

/* Nine jobs of a busy owner and one of another: the other one is not the last. */
static unsigned order, other_order;

static void run_busy(struct job *job)
{
    (void)job;
    order++;
}

static void run_other(struct job *job)
{
    (void)job;
    other_order = order++;
}

static void owners_take_turns(void **state)
{
    struct worker_pool *pool = worker_pool_open(0);
    struct job jobs[10];

    (void)state;
    order = 0;
    for (unsigned i = 0; i < 10; i++) {
        jobs[i] = (struct job){.run = i == 9 ? run_other : run_busy};
        worker_pool_submit_for(pool, &jobs[i], WORK_LATER, i == 9 ? 2 : 1);
    }
    while (worker_pool_step(pool))
        ;
    assert_int_equal(order, 10);
    assert_true(other_order <= 1);
    worker_pool_close(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_figure_asks_for_its_colour),
        cmocka_unit_test(up_at_once_and_down_slowly),
        cmocka_unit_test(shares_tell_the_whole_in_steps),
        cmocka_unit_test(owners_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
