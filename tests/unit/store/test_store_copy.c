/* Copies and moves of messages from one mailbox into another. */

#include "store_support.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/attr.h"

static const char account[] = "ann@example.org";

/* `count` messages in INBOX with other flags, keywords and bytes each; a mailbox "box" beside it.
 */
static store_mailbox fill(struct test_store *t, unsigned count, store_mailbox *box_r)
{
    const struct span keyword = SPAN("$Work");
    struct store_result r = {0};
    struct store_change *c;

    for (unsigned i = 1; i <= count; i++) {
        struct store_range one = {i, i};

        r = test_deliver(t, account, "INBOX", "some text\r\n", i);
        if (i % 3 == 0)
            continue;
        c = store_change_new(t->store);
        store_change_flags(c, &(struct store_flag_change){.mailbox = r.mailbox,
                                                          .uids = &one,
                                                          .count = 1,
                                                          .flags = i % 32,
                                                          .keywords = &keyword,
                                                          .keyword_count = i % 2,
                                                          .unchanged_since = UINT64_MAX});
        (void)test_submit(t, &c);
    }
    c = store_change_new(t->store);
    store_change_mailbox_create(c, r.account, SPAN("box"), 0);
    *box_r = test_submit(t, &c).mailbox;
    return r.mailbox;
}

struct told {
    enum store_status status;
    struct store_result result;
    struct store_range ranges[16];
};

static void tell(void *context, enum store_status status, const struct store_result *results,
                 size_t count)
{
    struct told *told = context;

    assert_int_equal(count, 1);
    told->status = status;
    told->result = results[0];
    for (size_t i = 0; i < results[0].range_count && i < COUNT_OF(told->ranges); i++)
        told->ranges[i] = results[0].ranges[i];
}

static struct told copy(struct test_store *t, const struct store_copy *copy)
{
    struct store_change *c = store_change_new(t->store);
    struct told told = {.status = STORE_IO};

    store_change_copy(c, copy);
    store_submit(t->store, &c, STORE_ACK_APPLIED, tell, &told);
    while (store_step(t->store, 0))
        continue;
    return told;
}

static struct told copy_range(struct test_store *t, store_mailbox from, store_mailbox to,
                              uint32_t first, uint32_t last, bool is_move)
{
    const struct store_range range = {first, last};

    return copy(t, &(struct store_copy){.from = from,
                                        .to = to,
                                        .uids = &range,
                                        .count = 1,
                                        .messages = last - first + 1,
                                        .is_move = is_move});
}

static void open_manual(struct test_store *t)
{
    test_store_make(t);
    t->config.manual = true;
    test_store_open(t);
}

/* Closed it is whole, and the same again when it is opened and when its index is made again. */
static void close_checked(struct test_store *t)
{
    char *before = test_dump(t), *after;

    test_store_close(t);
    test_check(t);
    test_store_open(t);
    after = test_dump(t);
    assert_string_equal(before, after);
    free(after);
    test_store_close(t);
    assert_true(test_store_remove_directory(t, "idx"));
    test_store_open(t);
    after = test_dump(t);
    assert_string_equal(before, after);
    free(after);
    free(before);
    test_store_remove(t);
}

/* Same message, flags, keywords, times and header; another UID. */
static void assert_copy(struct test_store *t, store_mailbox from, uint32_t from_uid,
                        store_mailbox to, uint32_t to_uid)
{
    struct store_view *v = test_view(t);
    struct store_entry a, b;
    struct span x, y;
    size_t count;

    assert_int_equal(store_entries(v, from, from_uid, &a, 1, &count), STORE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(a.uid, from_uid);
    assert_int_equal(store_entries(v, to, to_uid, &b, 1, &count), STORE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(b.uid, to_uid);
    assert_true(a.message == b.message);
    assert_int_equal(a.flags, b.flags);
    assert_int_equal(a.keywords, b.keywords);
    assert_int_equal(a.received_us, b.received_us);
    assert_int_equal(a.zone_minutes, b.zone_minutes);
    assert_int_equal(a.size, b.size);
    assert_int_equal(store_entry_header(v, &a, &x), STORE_OK);
    assert_int_equal(store_entry_header(v, &b, &y), STORE_OK);
    assert_true(span_eq(x, y));
    store_view_close(&v);
}

static void test_copy(void **state)
{
    const struct store_range some[] = {
        {2, 3 },
        {5, 5 },
        {9, 40}
    };
    struct test_store t;
    store_mailbox inbox, box;
    struct told told;
    struct store_mailbox_info info;

    (void)state;
    open_manual(&t);
    inbox = fill(&t, 10, &box);
    told = copy(&t, &(struct store_copy){
                        .from = inbox, .to = box, .uids = some, .count = 3, .messages = 5});
    assert_int_equal(told.status, STORE_OK);
    assert_int_equal(told.result.uid, 1);
    assert_int_equal(told.result.range_count, 3);
    assert_int_equal(told.ranges[2].from, 9);
    assert_int_equal(told.ranges[2].to, 10);
    info = test_info(&t, account, "box");
    assert_int_equal(told.result.uid_validity, info.uid_validity);
    assert_int_equal(info.messages, 5);
    assert_int_equal(info.uid_next, 6);
    assert_int_equal(info.recent_from_uid, 1);
    assert_copy(&t, inbox, 2, box, 1);
    assert_copy(&t, inbox, 3, box, 2);
    assert_copy(&t, inbox, 10, box, 5);
    assert_int_equal(test_info(&t, account, "INBOX").messages, 10);
    /* The body stays as long as one of the two does. */
    (void)test_expunge(&t, inbox, 2, 3);
    (void)test_expunge(&t, box, 5, 5);
    close_checked(&t);
}

static void test_copy_onto_itself(void **state)
{
    struct test_store t;
    store_mailbox inbox, box;
    struct told told;

    (void)state;
    open_manual(&t);
    inbox = fill(&t, 7, &box);
    told = copy_range(&t, inbox, inbox, 1, UINT32_MAX, false);
    assert_int_equal(told.status, STORE_OK);
    assert_int_equal(told.result.uid, 8);
    assert_int_equal(test_info(&t, account, "INBOX").messages, 14);
    assert_copy(&t, inbox, 4, inbox, 11);
    told = copy_range(&t, inbox, inbox, 1, UINT32_MAX, true);
    assert_int_equal(told.result.uid, 15);
    assert_int_equal(told.ranges[0].from, 1);
    assert_int_equal(told.ranges[0].to, 14);
    assert_int_equal(test_info(&t, account, "INBOX").messages, 14);
    assert_int_equal(test_info(&t, account, "INBOX").uid_next, 29);
    close_checked(&t);
}

static void test_move(void **state)
{
    struct test_store t;
    store_mailbox inbox, box;
    struct told told;
    struct store_view *v;
    struct store_range *gone;
    struct store_mailbox_info before;
    size_t count;

    (void)state;
    open_manual(&t);
    inbox = fill(&t, 600, &box);
    before = test_info(&t, account, "INBOX");
    told = copy_range(&t, inbox, box, 11, 590, true);
    assert_int_equal(told.status, STORE_OK);
    assert_int_equal(told.result.uid, 1);
    assert_int_equal(test_info(&t, account, "INBOX").messages, 20);
    assert_int_equal(test_info(&t, account, "box").messages, 580);
    v = test_view(&t);
    assert_int_equal(store_vanished(v, inbox, before.modseq, &gone, &count), STORE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(gone[0].from, 11);
    assert_int_equal(gone[0].to, 590);
    free(gone);
    store_view_close(&v);
    told = copy_range(&t, box, inbox, 1, 580, true);
    assert_int_equal(told.result.uid, 601);
    assert_int_equal(test_info(&t, account, "box").messages, 0);
    assert_int_equal(test_info(&t, account, "box").bytes, 0);
    assert_int_equal(test_info(&t, account, "INBOX").bytes, before.bytes);
    assert_int_equal(test_info(&t, account, "INBOX").unseen, before.unseen);
    assert_int_equal(test_info(&t, account, "INBOX").deleted, before.deleted);
    close_checked(&t);
}

/* What can't be done is not done by halves. */
static void test_refusals(void **state)
{
    const struct store_range some = {2, 9};
    struct test_store t;
    store_mailbox inbox, box, other;
    struct store_copy exact = {.uids = &some, .count = 1, .messages = 8, .is_exact = true};
    char *before, *after;

    (void)state;
    open_manual(&t);
    inbox = fill(&t, 10, &box);
    other = test_deliver(&t, "ben@example.org", "INBOX", "x", 1).mailbox;
    (void)test_expunge(&t, inbox, 4, 4);
    exact.from = inbox;
    exact.to = box;
    before = test_dump(&t);
    assert_int_equal(copy(&t, &exact).status, STORE_GONE);
    assert_int_equal(copy_range(&t, inbox, box + 7, 1, 9, true).status, STORE_NOT_FOUND);
    assert_int_equal(copy_range(&t, box + 7, inbox, 1, 9, true).status, STORE_NOT_FOUND);
    assert_int_equal(copy_range(&t, inbox, other, 1, 9, true).status, STORE_INVALID);
    after = test_dump(&t);
    assert_string_equal(before, after);
    free(before);
    free(after);
    exact.messages = 7;
    exact.is_move = true;
    assert_int_equal(copy(&t, &exact).status, STORE_OK);
    assert_int_equal(test_info(&t, account, "INBOX").messages, 2);
    /* UIDs that are not there are no error, and neither is it that none of them is. */
    assert_int_equal(copy_range(&t, inbox, box, 2, 9, true).result.range_count, 0);
    close_checked(&t);
}

/* A big file is shared too, and goes with its last entry. */
static void test_big(void **state)
{
    struct test_store t;
    store_mailbox box;
    struct store_result r;
    struct store_change *c;

    (void)state;
    open_manual(&t);
    r = test_deliver(&t, account, "INBOX", "0123456789abcdef", STORE_BIG_BYTES / 8);
    c = store_change_new(t.store);
    store_change_mailbox_create(c, r.account, SPAN("box"), 0);
    box = test_submit(&t, &c).mailbox;
    assert_int_equal(copy_range(&t, r.mailbox, box, 1, 1, false).status, STORE_OK);
    assert_int_equal(copy_range(&t, r.mailbox, box, 1, 1, true).status, STORE_OK);
    assert_copy(&t, box, 1, box, 2);
    (void)test_expunge(&t, box, 1, 1);
    close_checked(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy), cmocka_unit_test(test_copy_onto_itself),
        cmocka_unit_test(test_move), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_big),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
