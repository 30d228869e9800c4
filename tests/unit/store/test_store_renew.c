/* A mailbox that has given its last UID. */

#include "store_support.h"

#include <stdlib.h>
#include <string.h>

#include "store/index/index_lookup.h"
#include "store/index/index_record.h"
#include "store/store_private.h"

static const char account[] = "ann@example.org";

/* Nobody delivers four billion messages in a test. The store was just opened: no row of the
 * mailbox is in the applier's memory. */
static void set_uid_next(struct test_store *t, store_mailbox mailbox, uint32_t uid)
{
    struct index_key key = key_mailbox(mailbox);
    char value[RECORD_MAILBOX_MAX];
    struct index_mailbox row;
    struct index_txn *txn;

    assert_int_equal(index_write_begin(t->store->index, &txn), STORE_OK);
    assert_true(index_mailbox_get(txn, mailbox, &row));
    row.uid_next = uid;
    index_put(txn, INDEX_MBOX, key_span(&key),
              (struct span){value, record_mailbox_write(value, &row)});
    assert_int_equal(index_commit(&txn), STORE_OK);
}

/* At UIDs from 1 on, in the order in which they came; all but the first are unseen. */
static void assert_entries(struct test_store *t, store_mailbox mailbox, const uint32_t *sizes,
                           size_t count)
{
    struct store_entry entries[8];
    struct store_view *v = test_view(t);
    size_t found;

    assert_int_equal(store_entries(v, mailbox, 1, entries, COUNT_OF(entries), &found), STORE_OK);
    assert_int_equal(found, count);
    for (size_t i = 0; i < count; i++) {
        uint32_t size;

        assert_int_equal(entries[i].uid, i + 1);
        assert_int_equal(entries[i].flags, i == 0 ? STORE_SEEN : 0);
        assert_int_equal(store_message_size(v, entries[i].message, &size), STORE_OK);
        assert_int_equal(size, sizes[i] * strlen("text\r\n"));
    }
    store_view_close(&v);
}

static void renew(struct test_store *t, const char *name, bool vanishes)
{
    static const uint32_t all[] = {1, 2, 3, 4, 9, 7, 1}, without_2[] = {1, 3, 4, 9, 7, 1};
    const uint32_t *sizes = vanishes ? without_2 : all;
    uint32_t count = vanishes ? COUNT_OF(without_2) : COUNT_OF(all), validity;
    struct store_mailbox_info before, after;
    store_mailbox mailbox = 0;
    struct store_result r;
    struct store_view *v;

    for (unsigned i = 0; i < 4; i++)
        mailbox = test_deliver(t, account, name, "text\r\n", i + 1).mailbox;
    test_flags(t, mailbox, 1, 1, STORE_FLAGS_ADD, STORE_SEEN);
    if (vanishes) {
        test_flags(t, mailbox, 2, 2, STORE_FLAGS_ADD, STORE_DELETED);
        test_expunge(t, mailbox, 2, 2);
    }
    test_store_reopen(t);
    set_uid_next(t, mailbox, UINT32_MAX - 1);
    before = test_info(t, account, name);
    (void)store_recent_take(t->store, &before);
    r = test_deliver(t, account, name, "text\r\n", 9);
    assert_int_equal(r.uid, UINT32_MAX - 1);
    assert_true(r.mailbox == mailbox && r.uid_validity == before.uid_validity);

    r = test_deliver(t, account, name, "text\r\n", 7);
    after = test_info(t, account, name);
    assert_int_equal(r.status, STORE_OK);
    assert_int_equal(r.uid, count - 1);
    assert_true(r.mailbox == after.id && after.id != mailbox);
    assert_true(after.uid_validity > before.uid_validity && r.uid_validity == after.uid_validity);
    assert_true(after.modseq > before.modseq);
    assert_int_equal(after.messages, count - 1);
    assert_int_equal(after.first_unseen_uid, 2);
    assert_int_equal(after.recent_from_uid, count - 2);
    v = test_view(t);
    assert_int_equal(store_mailbox_state(v, mailbox, &validity), STORE_NOT_FOUND);
    store_view_close(&v);
    assert_int_equal(test_deliver(t, account, name, "text\r\n", 1).uid, count);
    assert_entries(t, after.id, sizes, count);
}

static void test_inbox(void **state)
{
    renew(*state, "INBOX", false);
}

static void test_other(void **state)
{
    renew(*state, "lists/a b", true);
}

static int setup(void **state)
{
    static struct test_store t;

    test_store_make(&t);
    t.config.manual = true;
    test_store_open(&t);
    *state = &t;
    return 0;
}

/* What it did is in order, and the old mailbox leaves nothing behind. */
static int teardown(void **state)
{
    struct test_store *t = *state;

    while (store_step(t->store, 0))
        continue;
    test_store_close(t);
    test_check(t);
    test_store_remove(t);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_inbox, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
