/* Mailboxes made, deleted, renamed and subscribed; and the same after the index was lost. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_support.h"

#include "core/base/chain.h"

static const char ann[] = "ann@example.org";

static int setup(void **state)
{
    struct test_store *t = malloc(sizeof(*t));
    struct store_change *c;

    test_store_make(t);
    test_store_open(t);
    c = store_change_new(t->store);
    store_change_account(c, SPAN(ann));
    assert_int_equal(test_submit(t, &c).account, 1);
    *state = t;
    return 0;
}

/* Whatever a test did, it is the same again from the log alone, and in order. */
static int teardown(void **state)
{
    struct test_store *t = *state;
    char *before = test_dump(t), *after;

    test_store_close(t);
    assert_true(test_store_remove_directory(t, "idx"));
    test_store_open(t);
    after = test_dump(t);
    assert_string_equal(after, before);
    free(before);
    free(after);
    test_store_close(t);
    test_check(t);
    test_store_remove(t);
    free(t);
    return 0;
}

static struct store_result last;

static enum store_status submit(struct test_store *t, struct store_change *c)
{
    last = (struct store_result){0};
    return test_submit_status(t, &c, &last, 1);
}

static enum store_status create(struct test_store *t, const char *name)
{
    struct store_change *c = store_change_new(t->store);

    store_change_mailbox_create(c, 1, span_str(name), 0);
    return submit(t, c);
}

static enum store_status delete (struct test_store *t, const char *name) {
    struct store_change *c = store_change_new(t->store);

        store_change_mailbox_delete(c, 1, span_str(name)); return submit(t, c);
}

static enum store_status rename_to(struct test_store *t, const char *name, const char *to)
{
    struct store_change *c = store_change_new(t->store);

    store_change_mailbox_rename(c, 1, span_str(name), span_str(to));
    return submit(t, c);
}

static enum store_status subscribe(struct test_store *t, const char *name, bool on)
{
    struct store_change *c = store_change_new(t->store);

    store_change_subscribe(c, 1, span_str(name), on);
    return submit(t, c);
}

/* All names: "a a/b+ -c": subscribed with +, no mailbox with -. */
static void assert_names(struct test_store *t, store_account account, const char *expected)
{
    struct store_view *v = test_view(t);
    struct store_listings l;
    struct chain text = {0};

    assert_int_equal(store_listings(v, account, &l), STORE_OK);
    for (size_t i = 0; i < l.count; i++)
        chain_addf(&text, "%s%s%.*s%s", i ? "," : "", l.at[i].exists ? "" : "-",
                   (int)l.at[i].name.len, l.at[i].name.at, l.at[i].is_subscribed ? "+" : "");
    chain_add_byte(&text, '\0');
    store_listings_free(&l);
    store_view_close(&v);
    assert_string_equal(chain_flat(&text).at, expected);
    chain_free(&text);
}

static void test_levels(void **state)
{
    struct test_store *t = *state;

    assert_int_equal(create(t, "a/b/c"), STORE_OK);
    assert_names(t, 1, "INBOX,a,a/b,a/b/c");
    assert_int_equal(create(t, "a/b"), STORE_EXISTS);
    assert_int_equal(create(t, "inbox"), STORE_EXISTS);
    assert_int_equal(create(t, "inbox/x"), STORE_OK);
    assert_int_equal(create(t, "a//b"), STORE_INVALID);
    /* What is below stays. */
    assert_int_equal(delete (t, "a"), STORE_OK);
    assert_names(t, 1, "INBOX,INBOX/x,a/b,a/b/c");
    assert_int_equal(delete (t, "a"), STORE_INVALID);
    assert_int_equal(delete (t, "nope"), STORE_NOT_FOUND);
    assert_int_equal(delete (t, "inBox"), STORE_INVALID);
    assert_int_equal(delete (t, "a/b/c"), STORE_OK);
    assert_int_equal(delete (t, "a/b"), STORE_OK);
    assert_int_equal(delete (t, "a"), STORE_NOT_FOUND);
    assert_names(t, 1, "INBOX,INBOX/x");
}

/* A name that comes again is another mailbox, with a higher UIDVALIDITY and another number. */
static void test_again(void **state)
{
    struct test_store *t = *state;
    struct store_mailbox_info one, two;
    struct store_view *v;
    uint32_t validity;

    assert_int_equal(test_deliver(t, ann, "x", "text\r\n", 1).uid, 1);
    one = test_info(t, ann, "x");
    assert_int_equal(delete (t, "x"), STORE_OK);
    assert_int_equal(last.mailbox, one.id);
    assert_int_equal(create(t, "x"), STORE_OK);
    two = test_info(t, ann, "x");
    assert_true(two.uid_validity > one.uid_validity && two.id > one.id);
    assert_int_equal(two.messages, 0);
    v = test_view(t);
    assert_int_equal(store_mailbox_get(v, one.id, &one), STORE_NOT_FOUND);
    assert_int_equal(store_mailbox_state(v, one.id, &validity), STORE_NOT_FOUND);
    assert_int_equal(store_mailbox_state(v, two.id, &validity), STORE_OK);
    store_view_close(&v);
}

static void test_rename(void **state)
{
    struct test_store *t = *state;
    struct store_mailbox_info before, after;

    test_deliver(t, ann, "a/b", "text\r\n", 1);
    assert_int_equal(create(t, "a/b/c"), STORE_OK);
    assert_int_equal(create(t, "a b"), STORE_OK);
    assert_int_equal(delete (t, "a"), STORE_OK);
    assert_int_equal(subscribe(t, "a/b", true), STORE_OK);
    before = test_info(t, ann, "a/b");
    /* Of a level that is no mailbox. */
    assert_int_equal(rename_to(t, "a", "z/y"), STORE_OK);
    assert_names(t, 1, "INBOX,-a/b+,a b,z,z/y/b,z/y/b/c");
    after = test_info(t, ann, "z/y/b");
    assert_true(after.id == before.id && after.uid_validity == before.uid_validity);
    assert_true(after.uid_next == 2 && after.messages == 1);
    assert_int_equal(rename_to(t, "a", "q"), STORE_NOT_FOUND);
    assert_int_equal(rename_to(t, "z/y/b", "z/y/b"), STORE_EXISTS);
    assert_int_equal(rename_to(t, "z", "z/y/b/c/d"), STORE_INVALID);
    assert_int_equal(rename_to(t, "z/y/b", "inbox"), STORE_EXISTS);
    assert_int_equal(rename_to(t, "z/y/b", "a b"), STORE_EXISTS);
    assert_int_equal(rename_to(t, "z/y/b", "q//r"), STORE_INVALID);
    /* One level up, over its own name: z/y/b/c takes what z/y/b leaves free. */
    assert_int_equal(create(t, "z/y/b/b"), STORE_OK);
    assert_int_equal(delete (t, "z/y"), STORE_OK);
    assert_int_equal(rename_to(t, "z/y/b", "z/y"), STORE_OK);
    assert_names(t, 1, "INBOX,-a/b+,a b,z,z/y,z/y/b,z/y/c");
    /* Somebody below is in the way. */
    assert_int_equal(create(t, "k/c"), STORE_OK);
    assert_int_equal(delete (t, "k"), STORE_OK);
    assert_int_equal(rename_to(t, "z/y", "k"), STORE_EXISTS);
    assert_names(t, 1, "INBOX,-a/b+,a b,k/c,z,z/y,z/y/b,z/y/c");
    assert_int_equal(delete (t, "k/c"), STORE_OK);
    assert_int_equal(rename_to(t, "z", "inbox/k"), STORE_OK);
    assert_names(t, 1, "INBOX,INBOX/k,INBOX/k/y,INBOX/k/y/b,INBOX/k/y/c,-a/b+,a b");
}

/* Keys of long names are cut and hashed; what is below them must be found all the same. */
static void test_long_names(void **state)
{
    struct test_store *t = *state;
    char name[STORE_MAILBOX_NAME_MAX + 2], to[STORE_MAILBOX_NAME_MAX + 2];
    size_t len = 0;

    for (unsigned level = 0; level < 10; level++) {
        memset(name + len, 'n', 100);
        len += 100;
        name[len++] = '/';
    }
    name[len - 1] = '\0'; /* ten levels, 1009 bytes */
    assert_int_equal(create(t, name), STORE_OK);
    assert_int_equal(test_info(t, ann, name).messages, 0);
    test_deliver(t, ann, name, "text\r\n", 1);
    assert_int_equal(test_info(t, ann, name).messages, 1);
    memcpy(to, name, 605); /* six levels */
    to[605] = '\0';
    assert_int_equal(delete (t, to), STORE_OK);
    assert_int_equal(delete (t, to), STORE_INVALID);
    to[500] = '\0';
    assert_int_equal(delete (t, to), STORE_NOT_FOUND);
    to[500] = 'n';
    to[504] = '\0'; /* five levels */
    assert_int_equal(rename_to(t, to, "short"), STORE_OK);
    memcpy(name, "short", 5);
    memmove(name + 5, name + 504, 506);
    assert_int_equal(test_info(t, ann, name).messages, 1);
    /* The longest then has as many bytes as a name can have; and one more. */
    to[504] = '/';
    memset(to + 505, 'm', 15);
    to[505 + 14] = '\0';
    assert_int_equal(rename_to(t, "short", to), STORE_OK);
    assert_int_equal(rename_to(t, to, "short"), STORE_OK);
    to[505 + 14] = 'm';
    to[505 + 15] = '\0';
    assert_int_equal(rename_to(t, "short", to), STORE_INVALID);
}

static void test_rename_inbox(void **state)
{
    struct test_store *t = *state;
    struct store_mailbox_info before, moved, inbox;
    struct store_range *gone;
    struct store_view *v;
    size_t count;

    for (unsigned i = 0; i < 5; i++)
        test_deliver(t, ann, "INBOX", "text\r\n", 1);
    before = test_info(t, ann, "INBOX");
    test_expunge(t, before.id, 2, 2);
    assert_int_equal(create(t, "INBOX/sub"), STORE_OK);
    assert_int_equal(rename_to(t, "INBOX", "old/mail"), STORE_OK);
    assert_names(t, 1, "INBOX,INBOX/sub,old,old/mail");
    moved = test_info(t, ann, "old/mail");
    inbox = test_info(t, ann, "INBOX");
    assert_true(moved.messages == 4 && moved.uid_next == 6 && moved.id == before.id);
    assert_true(moved.uid_validity > before.uid_validity);
    assert_true(inbox.messages == 0 && inbox.uid_next == 6 && inbox.id != before.id);
    assert_int_equal(inbox.uid_validity, before.uid_validity);
    assert_true(inbox.modseq > before.modseq);
    v = test_view(t);
    assert_int_equal(store_vanished(v, inbox.id, before.modseq, &gone, &count), STORE_OK);
    assert_true(count == 1 && gone[0].from == 1 && gone[0].to >= 5);
    free(gone);
    store_view_close(&v);
    assert_int_equal(test_deliver(t, ann, "inbox", "text\r\n", 1).uid, 6);
    assert_int_equal(test_deliver(t, ann, "vanished", "text\r\n", 1).uid, 1);
    assert_int_equal(rename_to(t, "INBOX", "old"), STORE_EXISTS);
    assert_int_equal(rename_to(t, "INBOX", "inbox/x"), STORE_OK);
    assert_int_equal(test_info(t, ann, "INBOX/x").messages, 1);
    assert_int_equal(delete (t, "INBOX/x"), STORE_OK);
    assert_int_equal(test_deliver(t, ann, "INBOX", "text\r\n", 1).uid, 7);
}

static void test_subscriptions(void **state)
{
    struct test_store *t = *state;

    assert_int_equal(subscribe(t, "x", true), STORE_NOT_FOUND);
    assert_int_equal(create(t, "x/y"), STORE_OK);
    assert_int_equal(subscribe(t, "x/y", true), STORE_OK);
    assert_int_equal(subscribe(t, "x/y", true), STORE_OK);
    assert_int_equal(subscribe(t, "inBOX", true), STORE_OK);
    assert_int_equal(delete (t, "x"), STORE_OK);
    assert_int_equal(subscribe(t, "x", true), STORE_OK); /* a level */
    assert_int_equal(delete (t, "x/y"), STORE_OK);
    assert_names(t, 1, "INBOX+,-x+,-x/y+");
    assert_int_equal(subscribe(t, "x/y", true), STORE_OK); /* it is already */
    assert_int_equal(subscribe(t, "x", false), STORE_OK);
    assert_int_equal(subscribe(t, "x", false), STORE_OK);
    assert_int_equal(create(t, "x/y"), STORE_OK);
    assert_names(t, 1, "INBOX+,x,x/y+");
}

static void test_folders(void **state)
{
    struct test_store *t = *state;
    static const struct store_folder folders[] = {
        {{"Drafts", 6},       STORE_USE_DRAFTS },
        {{"Archive/All", 11}, STORE_USE_ARCHIVE},
        {{"Plain", 5},        0                },
    };
    struct store_folder found[STORE_FOLDERS_MAX];
    struct store_change *c;
    struct store_view *v;

    assert_int_equal(create(t, "Drafts"), STORE_OK);
    c = store_change_new(t->store);
    store_change_folders(c, folders, 3);
    assert_int_equal(submit(t, c), STORE_OK);
    v = test_view(t);
    assert_int_equal(store_folders(v, found), 3);
    assert_true(span_eq(found[1].name, SPAN("Archive/All")));
    assert_int_equal(found[1].uses, STORE_USE_ARCHIVE);
    assert_true(store_account_wants_folders(v, 1));
    store_view_close(&v);
    /* The older account gets them when it is asked for, a new one with its first mail. */
    test_deliver(t, ann, "INBOX", "text\r\n", 1);
    assert_names(t, 1, "Drafts,INBOX");
    c = store_change_new(t->store);
    store_change_account(c, SPAN(ann));
    assert_int_equal(submit(t, c), STORE_OK);
    assert_names(t, 1, "Archive,Archive/All+,Drafts+,INBOX+,Plain+");
    assert_int_equal(test_info(t, ann, "Drafts").uses, STORE_USE_DRAFTS);
    v = test_view(t);
    assert_false(store_account_wants_folders(v, 1));
    store_view_close(&v);
    assert_int_equal(delete (t, "Plain"), STORE_OK);
    c = store_change_new(t->store);
    store_change_account(c, SPAN(ann));
    assert_int_equal(submit(t, c), STORE_OK);
    assert_names(t, 1, "Archive,Archive/All+,Drafts+,INBOX+,-Plain+");
    test_deliver(t, "bob@example.org", "Drafts", "text\r\n", 1);
    assert_names(t, 2, "Archive,Archive/All+,Drafts+,INBOX+,Plain+");
    assert_int_equal(test_info(t, "bob@example.org", "Drafts").messages, 1);
    c = store_change_new(t->store);
    store_change_mailbox_create(c, 2, SPAN("sent"), STORE_USE_SENT);
    assert_int_equal(submit(t, c), STORE_OK);
    assert_int_equal(test_info(t, "bob@example.org", "sent").uses, STORE_USE_SENT);
}

/* The messages of a deleted mailbox go slice by slice, and take their room with them. */
static void test_purge(void **state)
{
    struct test_store *t = *state;
    struct store_numbers n;
    uint64_t live;

    test_deliver(t, ann, "INBOX", "kept\r\n", 10);
    store_numbers(t->store, &n);
    live = n.live_bytes;
    for (unsigned i = 0; i < 60; i++)
        test_deliver(t, ann, "big", "text\r\n", 1000);
    test_expunge(t, test_info(t, ann, "big").id, 3, 40);
    store_numbers(t->store, &n);
    assert_true(n.live_bytes > live + 20 * 6000);
    assert_int_equal(delete (t, "big"), STORE_OK);
    for (unsigned i = 0; i < 1000 && n.live_bytes != live; i++) {
        usleep(10000);
        store_numbers(t->store, &n);
    }
    assert_int_equal(n.live_bytes, live);
}

/* One mailbox less than there can be, at the bound, and one more. */
static void test_limit(void **state)
{
    struct test_store *t = *state;
    struct store_change *c = store_change_new(t->store);
    char name[32];

    for (unsigned i = 0; i < STORE_MAILBOXES_MAX - 3; i++) {
        snprintf(name, sizeof(name), "m%u", i);
        store_change_mailbox_create(c, 1, span_str(name), 0);
        if (i % 500 == 499 || i + 1 == STORE_MAILBOXES_MAX - 3) {
            assert_int_equal(submit(t, c), STORE_OK);
            c = store_change_new(t->store);
        }
    }
    store_change_drop(&c);
    assert_int_equal(create(t, "x/y/z"), STORE_OVER_QUOTA);
    assert_int_equal(create(t, "x/y"), STORE_OK); /* INBOX and these two fill it */
    assert_int_equal(create(t, "z"), STORE_OVER_QUOTA);
    assert_int_equal(rename_to(t, "m1", "new/m1"), STORE_OVER_QUOTA);
    assert_int_equal(rename_to(t, "INBOX", "new"), STORE_OVER_QUOTA);
    assert_int_equal(rename_to(t, "m1", "x/m1"), STORE_OK);
    assert_int_equal(delete (t, "m2"), STORE_OK);
    assert_int_equal(create(t, "z"), STORE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rename, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rename_inbox, setup, teardown),
        cmocka_unit_test_setup_teardown(test_subscriptions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_folders, setup, teardown),
        cmocka_unit_test_setup_teardown(test_purge, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
