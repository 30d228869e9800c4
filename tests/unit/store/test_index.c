/* Keys that sort, records that keep their bytes, transactions that keep their word. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_support.h"

#include "store/index/index_env.h"
#include "store/index/index_key.h"
#include "store/index/index_name.h"
#include "store/index/index_queue.h"
#include "store/index/index_record.h"

static int order(struct index_key a, struct index_key b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = memcmp(a.bytes, b.bytes, common);

    return order ? order : (int)a.len - (int)b.len;
}

static void test_keys_sort(void **state)
{
    char long_a[600], long_b[600];

    (void)state;
    assert_true(order(key_message(1, 255), key_message(1, 256)) < 0);
    assert_true(order(key_message(1, UINT32_MAX), key_message(2, 0)) < 0);
    assert_true(order(key_body(255), key_body(256)) < 0);
    assert_true(order(key_vanished(1, 5, 9), key_vanished(1, 6, 1)) < 0);
    assert_true(order(key_due(-9, 9, 9), key_due(1, 1, 1)) < 0);
    assert_true(order(key_due(1, 1, 9), key_due(1, 2, 0)) < 0);
    assert_true(order(key_recipient(1, UINT32_MAX), key_recipient(2, 0)) < 0);
    assert_true(order(key_changed(1, UINT64_MAX), key_changed(2, 0)) < 0);
    assert_true(order(key_name(1, SPAN("a/b")), key_name(1, SPAN("a b"))) < 0);
    assert_true(order(key_name(1, SPAN("a")), key_name(1, SPAN("a/b"))) < 0);
    assert_true(order(key_account(1), key_account_name(SPAN(""))) < 0);
    memset(long_a, 'x', sizeof(long_a));
    memcpy(long_b, long_a, sizeof(long_b));
    long_b[599] = 'y';
    assert_true(order(key_name(1, (struct span){long_a, 600}),
                      key_name(1, (struct span){long_b, 600})) != 0);
    assert_true(order(key_name(1, (struct span){long_a, 480}),
                      key_name(1, (struct span){long_a, 600})) < 0);
    assert_int_equal(key_get64("\0\0\0\1\0\0\0\2"), 0x100000002);
    assert_int_equal(mailbox_account(mailbox_make(7, 9)), 7);
    assert_int_equal(mailbox_number(mailbox_make(7, 9)), 9);
}

static void assert_bytes(const char *name, const char *at, size_t len, const char *hex)
{
    char text[2 * RECORD_MAILBOX_MAX + 1];

    for (size_t i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", (unsigned char)at[i]);
    if (strcmp(text, hex) != 0)
        fprintf(stderr, "%s: %s\n", name, text);
    assert_string_equal(text, hex);
}

/* These bytes are on people's disks: a change needs a new version beside the old one. */
static void test_records_golden(void **state)
{
    const struct store_entry entry = {
        .uid = 1,
        .flags = STORE_SEEN | STORE_DELETED,
        .keywords = 0x8000000000000001,
        .modseq = 0x1122334455667788,
        .message = 0x100001040,
        .received_us = 1700000000000000,
        .zone_minutes = -90,
        .target = 3,
        .size = 0x12345,
        .header_len = 77,
        .saved_s = 1700000001,
    };
    const struct index_body body = {
        .references = 2,
        .place = {.segment = 5,
                  .big_id = 6,
                  .body_at = 7,
                  .body_len = 8,
                  .args_at = 9,
                  .args_len = 10,
                  .meta_at = 11,
                  .meta_len = 12,
                  .body_crc = 13,
                  .meta_crc = 14},
    };
    const struct index_account account = {
        .next_mailbox = 2,
        .uid_validity_high = 3,
        .keyword_count = 4,
        .mailbox_count = 5,
        .modseq = 6,
        .change_floor = 7,
        .change_count = 8,
        .inbox = 9,
        .subscription_count = 10,
        .has_folders = true,
        .name_len = 3,
        .name = "a@b",
    };
    const struct journal_mark mark = {.lsn = 1, .seq = 2, .hcrc = 3};
    struct store_entry entry_read = {0};
    struct index_body body_read = {0};
    struct index_account account_read = {0};
    struct journal_mark mark_read = {0};
    char at[RECORD_MAILBOX_MAX], again[RECORD_MAILBOX_MAX];
    size_t len;

    (void)state;
    len = record_message_write(at, &entry);
    assert_bytes("message", at, len,
                 "01000000452301008877665544332211401000000100000001000000000000800c000000"
                 "01f1536500401e18240a0600a6ff03004d0000000100000000000000");
    assert_true(record_message_read((struct span){at, len}, &entry_read));
    assert_int_equal(record_message_write(again, &entry_read), len);
    assert_memory_equal(at, again, len);
    len = record_body_write(at, &body);
    assert_bytes("body", at, len,
                 "0100000002000000050000000000000006000000000000000700000008000000090000"
                 "000a0000000b0000000c0000000d0000000e0000000000000000000000");
    assert_true(record_body_read((struct span){at, len}, &body_read));
    assert_int_equal(record_body_write(again, &body_read), len);
    assert_memory_equal(at, again, len);
    assert_int_equal(record_body_bytes(&body), 48 + 10 + 12); /* a big one lies elsewhere */
    len = record_account_write(at, &account);
    assert_bytes("account", at, len,
                 "0200000002000000060000000000000003000000040000000700000000000000080000"
                 "0005000000090000000a00000001000000000000000000000000000000614062");
    assert_true(record_account_read((struct span){at, len}, &account_read));
    assert_int_equal(record_account_write(again, &account_read), len);
    assert_memory_equal(at, again, len);
    at[0] = 1; /* the older version, with zeros in their place */
    memset(at + 40, 0, 24);
    assert_true(record_account_read((struct span){at, len}, &account_read));
    assert_true(account_read.inbox == 1 && account_read.subscription_count == 0);
    assert_true(!account_read.has_folders && account_read.change_count == 8);
    len = record_mark_write(at, &mark);
    assert_bytes("mark", at, len, "0100000000000000020000000000000003000000");
    assert_true(record_mark_read((struct span){at, len}, &mark_read));
}

static void test_queue_records_golden(void **state)
{
    const struct store_queue_envelope e = {
        .queue_id = SPAN("Q1"),
        .sender = SPAN("s"),
        .envid = SPAN("e"),
        .client = SPAN("c"),
        .login = SPAN("l"),
        .auth = SPAN("a"),
        .verp = SPAN("+="),
        .arrival_us = 0x1122334455667788,
        .deliver_by_us = 2,
        .hold_until_us = 3,
        .ret = 1,
        .body = 2,
        .priority = -1,
        .flags = STORE_QUEUE_FLAGS_ALL,
        .size = 4,
        .recipients = 5,
    };
    const struct store_queue_recipient r = {
        .address = SPAN("r"),
        .original = SPAN("o"),
        .orcpt = SPAN("p"),
        .nexthop = SPAN("n"),
        .dsn = SPAN("d"),
        .host = SPAN("h"),
        .status = SPAN("s"),
        .notify = 12,
        .marks = STORE_QUEUE_MARKS_ALL,
        .tries = 6,
        .due_us = 7,
        .tried_us = 8,
        .code = 0x1C3,
    };
    const struct store_queue_update u = {
        .what = STORE_QUEUE_REDIRECT,
        .number = 9,
        .due_us = 10,
        .code = 11,
        .dsn = SPAN("d"),
        .host = SPAN("h"),
        .status = SPAN("s"),
        .nexthop = SPAN("n"),
        .address = SPAN("a"),
    };
    struct store_queue_envelope e_read;
    struct store_queue_recipient r_read;
    struct store_queue_update u_read;
    char at[RECORD_QUEUE_MAX], again[RECORD_QUEUE_MAX];
    size_t len;

    (void)state;
    len = record_envelope_write(at, &e);
    assert_bytes("envelope", at, len,
                 "010102ff0f00000088776655443322110200000000000000030000000000000004000000"
                 "05000000020001000100010001000100020051317365636c612b3d");
    assert_true(record_envelope_read((struct span){at, len}, &e_read));
    assert_int_equal(record_envelope_write(again, &e_read), len);
    assert_memory_equal(at, again, len);
    len = record_recipient_write(at, &r);
    assert_bytes("recipient", at, len,
                 "01070c000600000007000000000000000800000000000000c30100000100010001000100"
                 "010001000100726f706e646873");
    assert_true(record_recipient_read((struct span){at, len}, &r_read));
    assert_int_equal(record_recipient_write(again, &r_read), len);
    assert_memory_equal(at, again, len);
    len = record_update_write(at, &u);
    assert_bytes("update", at, len,
                 "01060b00090000000a00000000000000010001000100010001006468736e61");
    assert_true(record_update_read((struct span){at, len}, &u_read));
    assert_int_equal(record_update_write(again, &u_read), len);
    assert_memory_equal(at, again, len);
    assert_false(record_update_read((struct span){at, len - 1}, &u_read));
    at[1] = STORE_QUEUE_WHATS;
    assert_false(record_update_read((struct span){at, len}, &u_read));
}

static void test_mailbox_record_golden(void **state)
{
    const struct index_mailbox m = {
        .uid_validity = 1,
        .uid_next = 2,
        .messages = 3,
        .unseen = 4,
        .deleted = 5,
        .unseen_from = 6,
        .recent_from = 7,
        .vanish_count = 8,
        .vanish_floor = 9,
        .bytes = 10,
        .modseq = 11,
        .created_modseq = 12,
        .keywords = 13,
        .created_us = 14,
        .uses = 15,
        .is_deleted = true,
        .name_len = 5,
        .name = "INBOX",
    };
    struct index_mailbox read = {0};
    char at[RECORD_MAILBOX_MAX], expected[2 * RECORD_MAILBOX_MAX + 1];
    size_t len = record_mailbox_write(at, &m);

    (void)state;
    strcpy(expected, "0200000001000000020000000300000004000000050000000600000007000000"
                     "0a000000000000000b0000000000000009000000000000000800000000000000"
                     "0d000000000000000e000000000000000c000000000000000f00000001");
    memset(expected + 186, '0', 134);
    strcpy(expected + 320, "494e424f58");
    assert_bytes("mailbox", at, len, expected);
    assert_true(record_mailbox_read((struct span){at, len}, &read));
    assert_memory_equal(&m, &read, sizeof(m));
    at[0] = 1; /* the older version, with zeros in their place */
    memset(at + 88, 0, 72);
    assert_true(record_mailbox_read((struct span){at, len}, &read));
    assert_true(read.uses == 0 && !read.is_deleted && read.created_modseq == 12);
}

/* What cannot be is refused: a length, a version. */
static void test_records_refused(void **state)
{
    static char at[RECORD_MAILBOX_MAX + 1];
    struct store_entry entry;
    struct index_body body;
    struct index_account account;
    struct index_mailbox mailbox;
    struct journal_mark mark;

    (void)state;
    for (size_t len = 0; len < sizeof(at); len++) {
        char *copy = malloc(len + 1); /* of the exact length, for the sanitizer */
        struct span v = {copy + 1, len};
        memset(copy, 1, len + 1);
        assert_int_equal(record_account_read(v, &account), false); /* keyword count */
        assert_int_equal(record_mailbox_read(v, &mailbox),
                         len > RECORD_MAILBOX_LEN && len <= RECORD_MAILBOX_MAX);
        assert_int_equal(record_message_read(v, &entry), len == RECORD_MESSAGE_LEN);
        assert_int_equal(record_body_read(v, &body), len == RECORD_BODY_LEN);
        assert_int_equal(record_mark_read(v, &mark), len >= RECORD_MARK_LEN);
        memset(copy, 3, len + 1);
        assert_false(record_account_read(v, &account) || record_mailbox_read(v, &mailbox) ||
                     record_message_read(v, &entry) || record_body_read(v, &body));
        free(copy);
    }
}

static void test_names(void **state)
{
    static const struct {
        const char *name, *normal;
    } rows[] = {
        {"inbox",                         "INBOX"                        },
        {"InBoX/a",                       "INBOX/a"                      },
        {"inboxes",                       "inboxes"                      },
        {"a/inbox",                       "a/inbox"                      },
        {"Entw\xC3\xBCrfe",               "Entw\xC3\xBCrfe"              },
        {"\xF0\x9F\x93\xA7/\xE2\x82\xAC", "\xF0\x9F\x93\xA7/\xE2\x82\xAC"},
        {"",                              NULL                           },
        {"/",                             NULL                           },
        {"a//b",                          NULL                           },
        {"a\x7F",                         NULL                           },
        {"a\r\n",                         NULL                           },
        {"\xC2\x80",                      NULL                           }, /* C1 */
        {"\xC0\xAF",                      NULL                           }, /* overlong '/' */
        {"\xED\xA0\x80",                  NULL                           }, /* surrogate */
        {"\xF4\x90\x80\x80",              NULL                           }, /* past U+10FFFF */
        {"\xE2\x82",                      NULL                           },
        {"\x80",                          NULL                           },
    };
    char room[STORE_MAILBOX_NAME_MAX], deep[2 * NAME_LEVELS_MAX + 2],
        wide[STORE_MAILBOX_NAME_MAX + 1];
    struct span normal;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool ok = name_mailbox(span_str(rows[i].name), room, &normal);
        assert_int_equal(ok, rows[i].normal != NULL);
        assert_true(!ok || span_eq(normal, span_str(rows[i].normal)));
    }
    for (size_t i = 0; i < sizeof(deep); i++)
        deep[i] = i % 2 ? '/' : 'x';
    assert_true(name_mailbox((struct span){deep, 2 * NAME_LEVELS_MAX - 1}, room, &normal));
    assert_false(name_mailbox((struct span){deep, 2 * NAME_LEVELS_MAX + 1}, room, &normal));
    for (size_t i = 0; i < sizeof(wide); i++)
        wide[i] = i % 256 == 255 ? '/' : 'x';
    assert_true(name_mailbox((struct span){wide, 255}, room, &normal));
    assert_true(name_mailbox((struct span){wide, 1023}, room, &normal));
    assert_false(name_mailbox((struct span){wide, 1025}, room, &normal));
    memset(wide, 'x', 256);
    assert_false(name_mailbox((struct span){wide, 256}, room, &normal));
    assert_true(name_keyword(SPAN("$Forwarded")));
    assert_false(name_keyword(SPAN("\\Seen")));
    assert_false(name_keyword(SPAN("a b")));
    assert_false(name_keyword(SPAN("a]")));
    assert_false(name_keyword(SPAN("")));
    assert_true(name_account(SPAN("ann@example.org")));
    assert_false(name_account(SPAN("ann\n@example.org")));
}

static void put(struct index_txn *t, uint32_t uid, const char *value)
{
    struct index_key key = key_message(1, uid);

    index_put(t, INDEX_MSG, key_span(&key), span_str(value));
}

static void test_transactions(void **state)
{
    struct test_store t;
    struct index_config config = {.map_size = 1 << 20, .readers = 8};
    struct index_txn *w, *r;
    struct index *index;
    struct index_key key = key_message(1, 2);
    struct span k, v;
    unsigned count = 0;

    (void)state;
    test_store_make(&t);
    config.path = t.path;
    config.read_only = true;
    assert_int_equal(index_open(&config, &index), STORE_NOT_FOUND);
    config.read_only = false;
    assert_int_equal(index_open(&config, &index), STORE_OK);
    assert_int_equal(index_read_begin(index, &r), STORE_OK);
    assert_false(index_seek(r, INDEX_MSG, SPAN(""), &k, &v));

    assert_int_equal(index_write_begin(index, &w), STORE_OK);
    put(w, 3, "three");
    put(w, 1, "one");
    put(w, 2, "two");
    put(w, 4, "four");
    put(w, 2, "zwei");
    key = key_message(1, 3);
    index_delete(w, INDEX_MSG, key_span(&key));
    index_delete(w, INDEX_MSG, key_span(&key));
    assert_int_equal(index_commit(&w), STORE_OK);
    key = key_message(1, 2);
    assert_false(index_get(r, INDEX_MSG, key_span(&key), &v)); /* its own moment */
    index_read_park(r);
    assert_int_equal(index_read_renew(r), STORE_OK);
    assert_true(index_get(r, INDEX_MSG, key_span(&key), &v));
    assert_true(span_eq(v, SPAN("zwei")));
    for (bool found = index_seek(r, INDEX_MSG, SPAN(""), &k, &v); found;
         found = index_next(r, INDEX_MSG, &k, &v))
        count++;
    assert_int_equal(count, 3);
    index_read_end(&r);

    /* A full map is an answer, not an accident, and nothing of it happened. */
    assert_int_equal(index_write_begin(index, &w), STORE_OK);
    for (uint32_t uid = 10; uid < 100000; uid++)
        put(w, uid, "some bytes that fill up the little map that there is");
    assert_int_equal(index_status(w), STORE_FULL);
    assert_int_equal(index_commit(&w), STORE_FULL);
    assert_int_equal(index_read_begin(index, &r), STORE_OK);
    key = key_message(1, 10);
    assert_false(index_get(r, INDEX_MSG, key_span(&key), &v));
    assert_int_equal(index_status(r), STORE_OK);
    index_damaged(r, "a test says so");
    assert_int_equal(index_status(r), STORE_CORRUPT);
    key = key_message(1, 2);
    assert_false(index_get(r, INDEX_MSG, key_span(&key), &v));
    index_read_end(&r);
    index_condemn(index);
    index_close(&index);
    assert_int_equal(index_open(&config, &index), STORE_CORRUPT);
    test_store_remove(&t);
}

/* What a handler of signals does: a note when the address is LMDB's, none else. */
static void test_condemned_by_address(void **state)
{
    struct test_store t;
    struct index_config config = {.map_size = 1 << 24, .readers = 8};
    struct index *index;
    struct index_txn *w;
    struct index_key key = key_message(1, 1);
    struct span v;
    char path[128];

    (void)state;
    test_store_make(&t);
    snprintf(path, sizeof(path), "%s/idx", t.path);
    config.path = path;
    assert_int_equal(index_open(&config, &index), STORE_OK);
    assert_int_equal(index_write_begin(index, &w), STORE_OK);
    put(w, 1, "one");
    assert_int_equal(index_commit(&w), STORE_OK);
    assert_int_equal(index_read_begin(index, &w), STORE_OK);
    index_condemn_at(path);
    index_condemn_at(NULL);
    index_read_end(&w);
    index_close(&index);
    assert_int_equal(index_open(&config, &index), STORE_OK);
    assert_int_equal(index_read_begin(index, &w), STORE_OK);
    assert_true(index_get(w, INDEX_MSG, key_span(&key), &v));
    index_condemn_at(v.at);
    index_read_end(&w);
    index_close(&index);
    assert_int_equal(index_open(&config, &index), STORE_CORRUPT);
    test_store_remove(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_sort),
        cmocka_unit_test(test_records_golden),
        cmocka_unit_test(test_mailbox_record_golden),
        cmocka_unit_test(test_queue_records_golden),
        cmocka_unit_test(test_records_refused),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_condemned_by_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
