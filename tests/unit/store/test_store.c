#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_support.h"

static void test_deliver_and_read(void **state)
{
    struct test_store t;
    struct store_result r;
    struct store_mailbox_info info;
    struct store_entry entries[4];
    struct store_view *v;
    struct span bytes;
    struct chain out = {0};
    size_t count;
    uint32_t size;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    r = test_deliver(&t, "ann@example.org", "inbox", "Hello\r\n", 1);
    assert_int_equal(r.uid, 1);
    assert_true(r.uid_validity > 0);
    r = test_deliver(&t, "ann@example.org", "Lists/gcc", "List\r\n", 2);
    assert_int_equal(r.uid, 1);

    info = test_info(&t, "ann@example.org", "INBOX");
    assert_int_equal(info.messages, 1);
    assert_int_equal(info.uid_next, 2);
    assert_int_equal(info.unseen, 1);
    assert_int_equal(info.first_unseen_uid, 1);
    assert_int_equal(info.bytes, 20 + 7);

    v = test_view(&t);
    assert_int_equal(store_entries(v, info.id, 1, entries, 4, &count), STORE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(entries[0].zone_minutes, 60);
    assert_int_equal(entries[0].received_us, 1700000000000000);
    assert_int_equal(store_entry_header(v, &entries[0], &bytes), STORE_OK);
    assert_true(span_eq(bytes, SPAN("Return-Path: <a@b>\r\n")));
    assert_int_equal(store_message_size(v, entries[0].message, &size), STORE_OK);
    assert_int_equal(size, 7);
    assert_int_equal(store_message_bytes(v, entries[0].message, 1, 3, &bytes), STORE_OK);
    assert_true(span_eq(bytes, SPAN("ell")));
    assert_int_equal(store_message_bytes(v, entries[0].message, 8, 1, &bytes), STORE_NOT_FOUND);
    assert_int_equal(store_message_meta(v, entries[0].message, &bytes), STORE_OK);
    assert_true(span_eq(bytes, SPAN("meta")));
    assert_int_equal(store_message_lend(v, entries[0].message, 0, 100, &out), STORE_OK);
    assert_int_equal(store_message_size(v, 12345, &size), STORE_NOT_FOUND);
    store_view_close(&v);
    assert_true(span_eq(chain_flat(&out), SPAN("Hello\r\n")));
    chain_free(&out);
    test_store_close(&t);
    test_check(&t);
    test_store_remove(&t);
}

/* One body for all recipients, each with its own header; a missing mailbox. */
static void test_recipients(void **state)
{
    struct test_store t;
    struct store_change *c;
    struct store_draft *draft;
    struct store_result r[4] = {0};
    struct store_entry entry;
    struct store_delivery d = {.mailbox = SPAN("Work"), .header = SPAN("Delivered-To: ann\r\n")};
    struct store_view *v;
    struct span bytes;
    unsigned message;
    size_t count;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    c = store_change_new(t.store);
    draft = test_draft(&t, "body", 1);
    message = store_change_message(c, &draft, SPAN(""));
    d.account = SPAN("ann@example.org");
    d.missing = STORE_MISSING_TO_INBOX;
    store_change_deliver(c, message, &d);
    d.account = SPAN("bob@example.org");
    d.missing = STORE_MISSING_CREATE;
    d.header = SPAN("Delivered-To: bobby\r\n");
    store_change_deliver(c, message, &d);
    assert_int_equal(test_submit_status(&t, &c, r, 4), STORE_OK);
    assert_int_equal(r[0].message, r[1].message);
    assert_int_not_equal(r[0].account, r[1].account);
    assert_int_equal(test_info(&t, "ann@example.org", "INBOX").messages, 1);
    assert_int_equal(test_info(&t, "bob@example.org", "INBOX").messages, 0);
    assert_int_equal(test_info(&t, "bob@example.org", "Work").messages, 1);
    v = test_view(&t);
    assert_int_equal(store_entries(v, r[1].mailbox, 1, &entry, 1, &count), STORE_OK);
    assert_int_equal(store_entry_header(v, &entry, &bytes), STORE_OK);
    assert_true(span_eq(bytes, SPAN("Delivered-To: bobby\r\n")));
    store_view_close(&v);

    /* Refused: nothing of the change happens. */
    c = store_change_new(t.store);
    draft = test_draft(&t, "body", 1);
    message = store_change_message(c, &draft, SPAN(""));
    d.missing = STORE_MISSING_TO_INBOX;
    store_change_deliver(c, message, &d);
    d.missing = STORE_MISSING_REFUSE;
    d.mailbox = SPAN("No such");
    store_change_deliver(c, message, &d);
    assert_int_equal(test_submit_status(&t, &c, r, 4), STORE_NOT_FOUND);
    assert_int_equal(r[1].status, STORE_NOT_FOUND);
    assert_int_equal(test_info(&t, "bob@example.org", "Work").messages, 1);

    /* The first goes with the last recipient only. */
    test_expunge(&t, r[0].mailbox ? r[0].mailbox : ((store_mailbox)1 << 32 | 1), 1, 1);
    v = test_view(&t);
    assert_int_equal(store_message_bytes(v, entry.message, 0, 9, &bytes), STORE_OK);
    store_view_close(&v);
    test_expunge(&t, test_info(&t, "bob@example.org", "Work").id, 1, 1);
    v = test_view(&t);
    assert_int_equal(store_message_bytes(v, entry.message, 0, 9, &bytes), STORE_NOT_FOUND);
    store_view_close(&v);
    test_store_close(&t);
    test_check(&t);
    test_store_remove(&t);
}

static void test_mailboxes(void **state)
{
    static const char *const bad[] = {"", "/", "a/", "/a", "a//b", "a\001b", "\xC3", "a\xFF"};
    static const char *const order[] = {"INBOX", "INBOX/x", "a", "a/b", "a b", "b"};
    struct test_store t;
    struct store_change *c;
    struct store_result r = {0};
    struct store_mailbox_info info = {.name_len = 0};
    struct store_view *v;
    store_account account;
    uint32_t last_validity = 0;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    c = store_change_new(t.store);
    store_change_account(c, SPAN("ann@example.org"));
    account = test_submit(&t, &c).account;
    assert_int_equal(account, 1);
    for (unsigned i = 0; i < COUNT_OF(order); i++) {
        c = store_change_new(t.store);
        store_change_mailbox_create(c, account, span_str(i == 1 ? "iNbOx/x" : order[i]), 0);
        assert_int_equal(test_submit_status(&t, &c, &r, 1), i ? STORE_OK : STORE_EXISTS);
        assert_true(!i || r.uid_validity > last_validity);
        last_validity = r.uid_validity;
    }
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        c = store_change_new(t.store);
        store_change_mailbox_create(c, account, span_str(bad[i]), 0);
        assert_int_equal(test_submit_status(&t, &c, &r, 1), STORE_INVALID);
    }
    c = store_change_new(t.store);
    store_change_mailbox_create(c, 77, SPAN("x"), 0);
    assert_int_equal(test_submit_status(&t, &c, &r, 1), STORE_NOT_FOUND);

    v = test_view(&t);
    for (unsigned i = 0; i < COUNT_OF(order); i++) {
        char after[64];
        size_t len = info.name_len;
        memcpy(after, info.name, len);
        assert_int_equal(store_mailbox_next(v, account, (struct span){after, len}, &info),
                         STORE_OK);
        assert_true(span_eq((struct span){info.name, info.name_len}, span_str(order[i])));
    }
    assert_int_equal(store_mailbox_next(v, account, SPAN("b"), &info), STORE_NOT_FOUND);
    assert_int_equal(store_mailbox_find(v, account, SPAN("nope"), &info), STORE_NOT_FOUND);
    assert_int_equal(store_account_find(v, SPAN("nobody"), &account), STORE_NOT_FOUND);
    store_view_close(&v);
    test_store_close(&t);
    test_check(&t);
    test_store_remove(&t);
}

/* Names whose first bytes are the same and too long for a key. */
static void test_long_names(void **state)
{
    struct test_store t;
    struct store_mailbox_info info = {.name_len = 0};
    char name[3][1000];
    struct store_view *v;
    unsigned count = 0;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned k = 0; k < sizeof(name[i]); k++)
            name[i][k] = k % 200 == 199 ? '/' : 'x';
        name[i][998] = (char)('a' + i);
        name[i][999] = '\0';
        test_deliver(&t, "ann@example.org", name[i], "text", 1);
        assert_int_equal(test_info(&t, "ann@example.org", name[i]).messages, 1);
    }
    v = test_view(&t);
    for (;;) {
        char after[STORE_MAILBOX_NAME_MAX];
        size_t len = info.name_len;
        memcpy(after, info.name, len);
        if (store_mailbox_next(v, 1, (struct span){after, len}, &info) != STORE_OK)
            break;
        count++;
    }
    assert_int_equal(count, 4);
    store_view_close(&v);
    test_store_close(&t);
    test_check(&t);
    test_store_remove(&t);
}

static void test_flags_and_keywords(void **state)
{
    static const struct span words[] = {
        {"$Junk", 5},
        {"later", 5}
    };
    struct test_store t;
    struct store_change *c;
    struct store_result r = {0};
    struct store_range all = {1, UINT32_MAX - 1};
    struct store_flag_change f = {.uids = &all, .count = 1, .unchanged_since = UINT64_MAX};
    struct store_entry e[8];
    struct store_view *v;
    uint64_t modseq;
    unsigned number;
    size_t count;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    for (unsigned i = 0; i < 5; i++)
        r = test_deliver(&t, "ann@example.org", "INBOX", "text", 1);
    modseq = r.modseq;
    f.mailbox = r.mailbox;
    r = test_flags(&t, f.mailbox, 2, 3, STORE_FLAGS_ADD, STORE_SEEN | STORE_FLAGGED);
    assert_int_equal(r.modseq, modseq + 1); /* once for the whole command */
    r = test_flags(&t, f.mailbox, 2, 3, STORE_FLAGS_ADD, STORE_SEEN);
    assert_int_equal(r.modseq, modseq + 1); /* nothing changed */
    test_flags(&t, f.mailbox, 1, 1, STORE_FLAGS_SET, STORE_SEEN);
    assert_int_equal(test_info(&t, "ann@example.org", "INBOX").first_unseen_uid, 4);
    assert_int_equal(test_info(&t, "ann@example.org", "INBOX").unseen, 2);
    test_flags(&t, f.mailbox, 2, 2, STORE_FLAGS_REMOVE, STORE_SEEN);
    assert_int_equal(test_info(&t, "ann@example.org", "INBOX").first_unseen_uid, 2);

    c = store_change_new(t.store);
    f.mode = STORE_FLAGS_ADD;
    f.keywords = words;
    f.keyword_count = 2;
    f.unchanged_since = modseq; /* 1 to 3 were changed since */
    store_change_flags(c, &f);
    r = test_submit(&t, &c);
    v = test_view(&t);
    assert_int_equal(store_entries(v, f.mailbox, 1, e, 8, &count), STORE_OK);
    assert_int_equal(count, 5);
    assert_int_equal(e[0].keywords, 0);
    assert_int_equal(e[3].keywords, 3);
    assert_int_equal(store_keyword_find(v, r.account, SPAN("LATER"), &number), STORE_OK);
    assert_int_equal(number, 1);
    assert_int_equal(store_keyword_find(v, r.account, SPAN("x"), &number), STORE_NOT_FOUND);

    assert_int_equal(store_entries_since(v, f.mailbox, modseq, 1, e, 8, &count), STORE_OK);
    assert_int_equal(count, 5);
    assert_int_equal(store_entries_since(v, f.mailbox, r.modseq - 1, 1, e, 8, &count), STORE_OK);
    assert_int_equal(count, 2);
    assert_int_equal(e[0].uid, 4);
    assert_int_equal(store_entries_since(v, f.mailbox, r.modseq - 1, 5, e, 8, &count), STORE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(store_entries_since(v, f.mailbox, r.modseq, 1, e, 8, &count), STORE_OK);
    assert_int_equal(count, 0);
    store_view_close(&v);
    test_store_close(&t);
    test_check(&t);
    test_store_remove(&t);
}

static void test_too_many_keywords(void **state)
{
    struct test_store t;
    struct store_range all = {1, 10};
    struct store_flag_change f = {.uids = &all, .count = 1, .unchanged_since = UINT64_MAX};
    struct store_result r;
    char word[16];
    struct span name;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    r = test_deliver(&t, "ann@example.org", "INBOX", "text", 1);
    f.mailbox = r.mailbox;
    f.keywords = &name;
    f.keyword_count = 1;
    for (unsigned i = 0; i <= STORE_KEYWORDS_MAX; i++) {
        struct store_change *c = store_change_new(t.store);
        snprintf(word, sizeof(word), "word%u", i);
        name = span_str(word);
        store_change_flags(c, &f);
        assert_int_equal(test_submit_status(&t, &c, &r, 1),
                         i < STORE_KEYWORDS_MAX ? STORE_OK : STORE_OVER_QUOTA);
    }
    assert_int_equal(test_info(&t, "ann@example.org", "INBOX").keywords, UINT64_MAX);
    test_store_close(&t);
    test_check(&t);
    test_store_remove(&t);
}

struct ranges_seen {
    struct store_range at[8];
    size_t count;
};

static void ranges_done(void *context, enum store_status status, const struct store_result *results,
                        size_t count)
{
    struct ranges_seen *seen = context;

    assert_int_equal(status, STORE_OK);
    assert_int_equal(count, 1);
    seen->count = results[0].range_count;
    for (size_t i = 0; i < seen->count && i < 8; i++)
        seen->at[i] = results[0].ranges[i];
}

static void test_expunge_and_vanished(void **state)
{
    struct test_store t;
    struct store_result r = {0};
    struct store_change *c;
    struct store_range *gone, some = {1, 4};
    struct ranges_seen seen = {0};
    struct store_view *v;
    uint64_t before;
    size_t count;

    (void)state;
    test_store_make(&t);
    t.config.manual = true;
    test_store_open(&t);
    for (unsigned i = 0; i < 9; i++)
        r = test_deliver(&t, "ann@example.org", "INBOX", "text", 1);
    before = r.modseq;
    test_flags(&t, r.mailbox, 2, 2, STORE_FLAGS_ADD, STORE_DELETED);
    test_flags(&t, r.mailbox, 4, 6, STORE_FLAGS_ADD, STORE_DELETED);
    c = store_change_new(t.store);
    store_change_expunge(c, r.mailbox, &some, 1);
    store_submit(t.store, &c, STORE_ACK_APPLIED, ranges_done, &seen);
    while (store_step(t.store, 0))
        continue;
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.at[0].from, 2);
    assert_int_equal(seen.at[1].to, 4);
    c = store_change_new(t.store);
    store_change_expunge(c, r.mailbox, NULL, 0);
    store_submit(t.store, &c, STORE_ACK_APPLIED, ranges_done, &seen);
    while (store_step(t.store, 0))
        continue;
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.at[0].from, 5);
    assert_int_equal(seen.at[0].to, 6);

    v = test_view(&t);
    assert_int_equal(store_vanished(v, r.mailbox, before, &gone, &count), STORE_OK);
    assert_int_equal(count, 2);
    assert_int_equal(gone[1].from, 4);
    assert_int_equal(gone[1].to, 6);
    free(gone);
    assert_int_equal(store_uids(v, r.mailbox, &gone, &count), STORE_OK);
    assert_int_equal(count, 3);
    assert_int_equal(gone[2].from, 7);
    assert_int_equal(gone[2].to, 9);
    free(gone);
    store_view_close(&v);
    assert_int_equal(test_deliver(&t, "ann@example.org", "INBOX", "text", 1).uid, 10);
    test_store_close(&t);
    test_check(&t);
    test_store_remove(&t);
}

/* store_uids() against the entries, with gaps anywhere. */
static void assert_uids(struct test_store *t, store_mailbox mailbox)
{
    struct store_entry entries[64];
    struct store_range *uids;
    struct store_view *v = test_view(t);
    size_t count, entry_count, entry = 0;

    assert_int_equal(store_entries(v, mailbox, 1, entries, 64, &entry_count), STORE_OK);
    assert_int_equal(store_uids(v, mailbox, &uids, &count), STORE_OK);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || uids[i].from > uids[i - 1].to + 1);
        for (uint32_t uid = uids[i].from; uid <= uids[i].to; uid++)
            assert_int_equal(entries[entry++].uid, uid);
    }
    assert_int_equal(entry, entry_count);
    free(uids);
    store_view_close(&v);
}

static void test_uids(void **state)
{
    static const struct {
        uint32_t from, to;
    } gone[] = {
        {40, 40},
        {37, 39},
        {1,  1 },
        {2,  5 },
        {20, 20},
        {30, 32},
        {36, 36},
        {10, 28},
        {6,  35},
        {1,  40},
    };
    struct test_store t;
    struct store_result r = {0};

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    for (unsigned i = 0; i < 40; i++)
        r = test_deliver(&t, "ann@example.org", "INBOX", "text", 1);
    assert_uids(&t, r.mailbox);
    for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
        test_flags(&t, r.mailbox, gone[i].from, gone[i].to, STORE_FLAGS_ADD, STORE_DELETED);
        test_expunge(&t, r.mailbox, gone[i].from, gone[i].to);
        assert_uids(&t, r.mailbox);
    }
    test_store_remove(&t);
}

/* The vanish log stays bounded, tells all that vanished and nothing that is there. */
static void test_vanish_log_bound(void **state)
{
    enum {
        MESSAGES = 30000
    };
    struct test_store t;
    struct store_result r = {0};
    struct store_change *c;
    struct store_range *gone, *uids, ranges[64];
    struct store_view *v;
    size_t count, uid_count, at = 0;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    for (unsigned i = 0; i < MESSAGES / 100; i++) {
        struct store_delivery d = {.account = SPAN("ann@example.org"), .mailbox = SPAN("INBOX")};
        c = store_change_new(t.store);
        for (unsigned k = 0; k < 100; k++) {
            struct store_draft *draft = test_draft(&t, "x", 1);
            d.flags = (i * 100 + k) % 3 ? 0 : STORE_DELETED;
            store_change_deliver(c, store_change_message(c, &draft, SPAN("")), &d);
        }
        r = test_submit(&t, &c);
    }
    for (uint32_t uid = 1; uid + 640 <= MESSAGES; uid += 640) {
        for (unsigned i = 0; i < 64; i++)
            ranges[i] = (struct store_range){uid + i * 10, uid + i * 10 + 8};
        c = store_change_new(t.store);
        store_change_expunge(c, r.mailbox, ranges, 64);
        test_submit(&t, &c);
    }
    v = test_view(&t);
    for (uint64_t since = 0; since < 2; since++) {
        assert_int_equal(store_vanished(v, r.mailbox, since, &gone, &count), STORE_OK);
        assert_int_equal(store_uids(v, r.mailbox, &uids, &uid_count), STORE_OK);
        at = 0;
        for (size_t i = 0; i < uid_count; i++) { /* every UID is in one of the two, none in both */
            while (at < count && gone[at].to < uids[i].from)
                at++;
            assert_true(at == count || gone[at].from > uids[i].to);
        }
        assert_int_equal(gone[0].from, 1);
        free(gone);
        free(uids);
    }
    store_view_close(&v);
    test_store_close(&t);
    test_check(&t);
    test_store_remove(&t);
}

static void test_recent(void **state)
{
    struct test_store t;
    struct store_mailbox_info info, old;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    for (unsigned i = 0; i < 3; i++)
        test_deliver(&t, "ann@example.org", "INBOX", "text", 1);
    info = old = test_info(&t, "ann@example.org", "INBOX");
    assert_int_equal(store_recent_take(t.store, &info), 1);
    assert_int_equal(store_recent_take(t.store, &old), 4); /* another session, same picture */
    test_deliver(&t, "ann@example.org", "INBOX", "text", 1);
    info = test_info(&t, "ann@example.org", "INBOX");
    assert_int_equal(info.recent_from_uid, 4);
    assert_int_equal(store_recent_take(t.store, &info), 4);
    test_store_reopen(&t);
    assert_int_equal(test_info(&t, "ann@example.org", "INBOX").recent_from_uid, 5);
    test_store_remove(&t);
}

static void test_reopen(void **state)
{
    struct test_store t;
    struct store *second;
    char *before, *after;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    for (unsigned i = 0; i < 40; i++) {
        char account[32], mailbox[32];
        snprintf(account, sizeof(account), "user%u@example.org", i % 7);
        snprintf(mailbox, sizeof(mailbox), "box%u", i % 3);
        test_deliver(&t, account, i % 2 ? mailbox : "INBOX", "some text\r\n", i * 100);
    }
    test_expunge(&t, (store_mailbox)1 << 32 | 1, 1, 2);
    assert_int_equal(store_open(&t.config, &second), STORE_LOCKED);
    before = test_dump(&t);
    test_store_reopen(&t);
    after = test_dump(&t);
    assert_string_equal(before, after);
    free(before);
    free(after);
    test_store_close(&t);
    test_check(&t);
    test_store_remove(&t);
}

static void test_big_messages(void **state)
{
    struct test_store t;
    struct store_result r, small;
    struct store_view *v;
    struct store_draft *draft;
    struct span bytes;
    char *before, *after;

    (void)state;
    test_store_make(&t);
    test_store_open(&t);
    r = test_deliver(&t, "ann@example.org", "INBOX", "0123456789abcdef", 100000);
    small = test_deliver(&t, "ann@example.org", "INBOX", "0123456789abcdef", 30000);
    v = test_view(&t);
    assert_int_equal(store_message_bytes(v, r.message, 1599990, 100, &bytes), STORE_OK);
    assert_true(span_eq(bytes, SPAN("6789abcdef")));
    assert_int_equal(store_message_bytes(v, small.message, 479998, 100, &bytes), STORE_OK);
    assert_true(span_eq(bytes, SPAN("ef")));
    store_view_close(&v);
    draft = test_draft(&t, "0123456789abcdef", 100000);
    assert_int_equal(store_draft_size(draft), 1600000);
    assert_int_equal(store_draft_bytes(draft, &bytes), STORE_OK);
    assert_int_equal(bytes.len, 1600000);
    store_draft_drop(&draft);
    before = test_dump(&t);
    test_store_reopen(&t);
    after = test_dump(&t);
    assert_string_equal(before, after);
    free(before);
    free(after);
    test_expunge(&t, r.mailbox, 1, 1);
    test_store_close(&t);
    test_check(&t);
    test_store_open(&t);
    v = test_view(&t);
    assert_int_equal(store_message_bytes(v, r.message, 0, 1, &bytes), STORE_NOT_FOUND);
    store_view_close(&v);
    test_store_remove(&t);
}

static void count_done(void *context, enum store_status status, const struct store_result *results,
                       size_t count)
{
    unsigned *done = context;

    (void)results;
    (void)count;
    assert_int_equal(status, STORE_OK);
    ++*done;
}

/* Durable and not yet applied when a view opens: it sees it. Any order of steps does. */
static void test_manual(void **state)
{
    struct store_delivery d = {.account = SPAN("ann@example.org"), .mailbox = SPAN("INBOX")};
    struct test_store t;
    unsigned done = 0;

    (void)state;
    test_store_make(&t);
    t.config.manual = true;
    test_store_open(&t);
    for (unsigned i = 0; i < 20; i++) {
        struct store_change *c = store_change_new(t.store);
        struct store_draft *draft = test_draft(&t, "text", 1);
        store_change_deliver(c, store_change_message(c, &draft, SPAN("")), &d);
        store_submit(t.store, &c, STORE_ACK_DURABLE, count_done, &done);
        assert_int_equal(done, i);
        unsigned k = i;
        while (done == i) /* count_done() changes it */
            assert_true(store_step(t.store, k++));
        assert_int_equal(test_info(&t, "ann@example.org", "INBOX").messages, i + 1);
    }
    while (store_step(t.store, 1))
        continue;
    assert_false(store_is_full(t.store));
    test_store_close(&t);
    test_check(&t);
    test_store_remove(&t);
}

struct refusal {
    unsigned taken, refused, other;
};

static void refusal_done(void *context, enum store_status status,
                         const struct store_result *results, size_t count)
{
    struct refusal *r = context;

    (void)results;
    (void)count;
    ++*(status == STORE_OK ? &r->taken : status == STORE_FULL ? &r->refused : &r->other);
}

/* No room for the index: what was acknowledged stays, more is refused, reading goes on. */
static void test_index_full(void **state)
{
    struct store_delivery d = {.account = SPAN("ann@example.org"), .mailbox = SPAN("INBOX")};
    struct test_store t;
    struct refusal r = {0};
    struct store_view *v;
    store_account account;

    (void)state;
    test_store_make(&t);
    t.config.manual = true;
    t.config.map_size = 256 << 10;
    test_store_open(&t);
    test_deliver(&t, "ann@example.org", "INBOX", "text", 1);
    for (unsigned i = 0; i < 5000 && r.refused == 0; i++) {
        struct store_change *c = store_change_new(t.store);
        struct store_draft *draft = test_draft(&t, "text", 1);
        store_change_deliver(c, store_change_message(c, &draft, SPAN("")), &d);
        store_submit(t.store, &c, STORE_ACK_DURABLE, refusal_done, &r);
        for (unsigned k = 0; k < 4; k++)
            store_step(t.store, 0);
    }
    assert_true(r.taken > 100 && r.refused == 1 && r.other == 0);
    assert_true(store_is_full(t.store));
    v = test_view(&t); /* does not wait for what cannot be */
    assert_int_equal(store_account_find(v, d.account, &account), STORE_OK);
    store_view_close(&v);
    test_store_close(&t);
    t.config.map_size = 64 << 20;
    test_store_open(&t);
    assert_int_equal(test_info(&t, "ann@example.org", "INBOX").messages, r.taken + 1);
    assert_false(store_is_full(t.store));
    test_store_close(&t);
    test_check(&t);
    test_store_remove(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deliver_and_read),
        cmocka_unit_test(test_recipients),
        cmocka_unit_test(test_mailboxes),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_flags_and_keywords),
        cmocka_unit_test(test_too_many_keywords),
        cmocka_unit_test(test_expunge_and_vanished),
        cmocka_unit_test(test_uids),
        cmocka_unit_test(test_vanish_log_bound),
        cmocka_unit_test(test_recent),
        cmocka_unit_test(test_reopen),
        cmocka_unit_test(test_big_messages),
        cmocka_unit_test(test_manual),
        cmocka_unit_test(test_index_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
