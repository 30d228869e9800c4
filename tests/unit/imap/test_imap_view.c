#include "tests/unit/imap/unit.h"

#include "proto/imap/imap_view.h"

/* A view against the plainest thing that could do the same: a byte for each UID. */
enum {
    UIDS = 400
};

struct model {
    bool known[UIDS + 1], recent[UIDS + 1];
    uint32_t next;
};

static void compare(const struct imap_view *v, const struct model *m)
{
    uint32_t seq = 0, last = 0, recent = 0;

    for (uint32_t uid = 1; uid <= UIDS; uid++) {
        if (!m->known[uid]) {
            assert_int_equal(imap_view_seq(v, uid), 0);
            continue;
        }
        seq++;
        last = uid;
        recent += m->recent[uid];
        assert_int_equal(imap_view_seq(v, uid), seq);
        assert_int_equal(imap_view_uid(v, seq), uid);
        assert_int_equal(imap_view_is_recent(v, uid), m->recent[uid]);
        assert_int_equal(imap_view_count_in(v, (struct imap_range){1, uid}), seq);
    }
    assert_int_equal(imap_view_count(v), seq);
    assert_int_equal(imap_view_last_uid(v), last);
    assert_int_equal(imap_view_recent_count(v), recent);
    assert_int_equal(imap_view_count_in(v, (struct imap_range){0, UINT32_MAX}), seq);
}

static void model_append(struct imap_view *v, struct model *m, uint64_t *random)
{
    uint32_t from = m->next + unit_random(random) % 3, to = from + unit_random(random) % 8;
    bool recent = unit_random(random) % 2;

    if (to > UIDS)
        return;
    imap_view_append(v, (struct imap_range){from, to});
    if (recent)
        imap_view_recent_add(v, (struct imap_range){from, to});
    for (uint32_t uid = from; uid <= to; uid++) {
        m->known[uid] = true;
        m->recent[uid] = recent;
    }
    m->next = to + 1;
}

static void model_remove(struct imap_view *v, struct model *m, uint64_t *random)
{
    struct imap_range ranges[8];
    uint32_t from = 1 + unit_random(random) % 40;
    size_t count = 0;

    for (; count < COUNT_OF(ranges) && from <= UIDS; count++) {
        uint32_t to = from + unit_random(random) % 12;

        ranges[count] = (struct imap_range){from, to};
        for (uint32_t uid = from; uid <= to && uid <= UIDS; uid++)
            m->known[uid] = false;
        from = to + 2 + unit_random(random) % 60;
    }
    imap_view_remove(v, ranges, count);
}

static void view_is_as_the_model(void **state)
{
    uint64_t random = 1;

    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        struct imap_view *v = imap_view_new(1);
        struct model m = {.next = 1};

        for (unsigned step = 0; step < 40; step++) {
            if (unit_random(&random) % 3 > 0)
                model_append(v, &m, &random);
            else
                model_remove(v, &m, &random);
            if (v->recent_count == IMAP_RECENT_RUNS_MAX)
                break;
            compare(v, &m);
        }
        imap_view_free(&v);
        assert_null(v);
    }
}

static void view_without_gaps_is_one_run(void **state)
{
    struct imap_view *v = imap_view_new(1);

    (void)state;
    for (uint32_t uid = 1; uid <= 1000; uid++)
        imap_view_append(v, (struct imap_range){uid, uid});
    assert_int_equal(v->run_count, 1);
    imap_view_remove(v,
                     (struct imap_range[]){
                         {10, 10  },
                         {20, 1000}
    },
                     2);
    assert_int_equal(v->run_count, 2);
    assert_int_equal(imap_view_count(v), 18);
    imap_view_remove(v,
                     (struct imap_range[]){
                         {1, UINT32_MAX}
    },
                     1);
    assert_int_equal(imap_view_count(v), 0);
    imap_view_append(v, (struct imap_range){UINT32_MAX, UINT32_MAX});
    assert_int_equal(imap_view_seq(v, UINT32_MAX), 1);
    imap_view_free(&v);
}

static void view_forgets_the_oldest_recent(void **state)
{
    struct imap_view *v = imap_view_new(1);

    (void)state;
    for (uint32_t i = 0; i < IMAP_RECENT_RUNS_MAX + 5; i++) {
        imap_view_append(v, (struct imap_range){2 * i + 1, 2 * i + 1});
        imap_view_recent_add(v, (struct imap_range){2 * i + 1, 2 * i + 1});
    }
    assert_int_equal(imap_view_recent_count(v), IMAP_RECENT_RUNS_MAX);
    assert_false(imap_view_is_recent(v, 1));
    assert_true(imap_view_is_recent(v, 11));
    imap_view_free(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(view_is_as_the_model),
        cmocka_unit_test(view_without_gaps_is_one_run),
        cmocka_unit_test(view_forgets_the_oldest_recent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
