/* Arguments of commands: there and back, cut at every byte, and with every byte changed. */

#include <stdlib.h>
#include <string.h>

#include "store_support.h"

#include "store/commit/command_queue.h"

static const struct span words[] = {
    {"$Junk", 5},
    {"x",     1}
};
static const struct store_range ranges[] = {
    {1,   1          },
    {3,   9          },
    {100, 4294967295u}
};

static struct command_text make_deliver(void)
{
    struct command_text t = {0};
    struct store_delivery d = {
        .account = SPAN("ann@example.org"),
        .mailbox = SPAN("INBOX"),
        .missing = STORE_MISSING_CREATE,
        .header = SPAN("Return-Path: <>\r\n"),
        .flags = STORE_SEEN,
        .keywords = words,
        .keyword_count = 2,
        .received_us = -5,
        .zone_minutes = -720,
    };

    command_deliver_begin(&t);
    command_deliver_target(&t, &d);
    d.account = SPAN("bob@example.org");
    d.keyword_count = 0;
    command_deliver_target(&t, &d);
    return t;
}

static struct command_text make_moved(void)
{
    struct command_text t = {0}, delivered = make_deliver();

    command_moved_write(&t, &(struct command_moved){
                                7, 8, 9, {delivered.at, delivered.len}
    });
    free(delivered.at);
    return t;
}

static struct command_text make_flags(void)
{
    struct command_text t = {0};

    command_flags_write(&t, &(struct store_flag_change){.mailbox = 0x100000002,
                                                        .uids = ranges,
                                                        .count = 3,
                                                        .mode = STORE_FLAGS_SET,
                                                        .flags = 31,
                                                        .keywords = words,
                                                        .keyword_count = 2,
                                                        .unchanged_since = UINT64_MAX});
    return t;
}

static struct command_text make_expunge(void)
{
    struct command_text t = {0};

    command_expunge_write(&t, 0x100000002, ranges, 3);
    return t;
}

static struct command_text make_recent(void)
{
    struct command_text t = {0};

    command_recent_write(&t, 0x100000002, 17);
    return t;
}

static struct command_text make_account(void)
{
    struct command_text t = {0};

    command_account_write(&t, SPAN("ann@example.org"));
    return t;
}

static struct command_text make_mailbox(void)
{
    struct command_text t = {0};

    command_mailbox_write(
        &t, &(struct command_mailbox){
                .what = COMMAND_MAILBOX_CREATE_ONE, .account = 3, .name = {"a/b", 3}
    });
    return t;
}

static struct command_text make_create(void)
{
    struct command_text t = {0};

    command_mailbox_write(&t, &(struct command_mailbox){
                                  .what = COMMAND_MAILBOX_CREATE,
                                  .account = 3,
                                  .name = {"a/b", 3},
                                  .uses = STORE_USE_SENT
    });
    return t;
}

static struct command_text make_rename(void)
{
    struct command_text t = {0};

    command_mailbox_write(
        &t, &(struct command_mailbox){
                .what = COMMAND_MAILBOX_RENAME, .account = 3, .name = {"a/b", 3},
                        .to = {"c",   1}
    });
    return t;
}

static struct command_text make_folders(void)
{
    static const struct store_folder folders[] = {
        {{"Drafts", 6}, STORE_USE_DRAFTS},
        {{"b", 1},      0               },
    };
    struct command_text t = {0};

    command_folders_write(&t, folders, 2);
    return t;
}

static struct command_text make_purge(void)
{
    struct command_text t = {0};

    command_purge_write(&t, 0x100000002, 17);
    return t;
}

static struct command_text make_snap(void)
{
    struct command_text t = {0};

    command_snap_write(&t, &(struct command_snap){
                               COMMAND_SNAP_END, 4, 5, 6, {7, 8, 9}
    });
    return t;
}

static struct command_text make_queue_state(void)
{
    static const struct store_queue_update updates[] = {
        {.number = 1,          .what = STORE_QUEUE_LATER, .due_us = 5, .code = 451, .status = {"no", 2}},
        {.number = 7, .what = STORE_QUEUE_REDIRECT,                          .address = {"a@b", 3}                          },
    };
    struct command_text t = {0};

    command_queue_state_write(&t, 0x100000040, updates, 2, true);
    return t;
}

static struct command_text make_queued(void)
{
    static const struct store_queue_envelope envelope = {
        .queue_id = {"Q1",            2 },
          .sender = {"s@example.org", 13}
    };
    static const struct store_queue_recipient recipients[] = {
        {.address = {"a@example.com", 13}, .due_us = 1             },
        {.address = {"b@example.com", 13}, .orcpt = {"rfc822;b", 8}},
    };
    struct command_text t = make_deliver(), queue = {0};

    command_queue_write(&queue, &envelope, recipients, 2);
    command_deliver_end(&t, (struct span){queue.at, queue.len});
    free(queue.at);
    return t;
}

/* Reads by every reader, touching all that it says is there; how many took it. */
static unsigned read_all(struct span args)
{
    struct command_target target;
    struct command_flags flags;
    struct command_expunge expunge;
    struct command_mailbox mailbox;
    struct store_folder folder;
    struct command_moved moved;
    struct command_snap snap;
    struct command_queue_state state;
    struct store_queue_update update;
    struct span targets, name, keywords;
    store_mailbox id;
    unsigned count, taken = 0, seen = 0;
    volatile char sum = 0;
    uint32_t uid;

    if (command_deliver_read(args, &count, &targets)) {
        while (command_target_next(&targets, &target)) {
            for (size_t i = 0; i < target.header.len; i++)
                sum = (char)(sum + target.header.at[i]);
            keywords = target.keywords;
            while (command_keyword_next(&keywords, &name))
                sum = (char)(sum + (name.len ? name.at[name.len - 1] : 0));
            seen++;
        }
        assert_int_equal(seen, count);
        taken++;
    }
    if (command_flags_read(args, &flags)) {
        for (uint32_t i = 0; i < flags.count; i++)
            assert_true(command_range(flags.ranges, i).from <= command_range(flags.ranges, i).to);
        while (command_keyword_next(&flags.keywords, &name))
            sum = (char)(sum + (name.len ? name.at[name.len - 1] : 0));
        taken++;
    }
    taken += command_expunge_read(args, &expunge);
    taken += command_recent_read(args, &id, &uid);
    taken += command_account_read(args, &name);
    taken += command_mailbox_read(args, &mailbox);
    taken += command_purge_read(args, &id, &uid);
    if (command_folders_read(args, &targets)) {
        while (command_folder_next(&targets, &folder))
            sum = (char)(sum + (folder.name.len ? folder.name.at[folder.name.len - 1] : 0));
        taken++;
    }
    taken += command_moved_read(args, &moved) && command_deliver_read(moved.args, &count, &targets);
    taken += command_snap_read(args, &snap);
    if (command_queue_state_read(args, &state)) {
        seen = 0;
        while (command_queue_update_next(&state.updates, &update))
            seen++;
        assert_int_equal(seen, state.count);
        taken++;
    }
    return taken;
}

static const struct {
    struct command_text (*make)(void);
    unsigned taken;
} kinds[] = {
    {make_deliver,     1},
    {make_moved,       2},
    {make_flags,       1},
    {make_expunge,     1},
    {make_recent,      1},
    {make_account,     1},
    {make_mailbox,     1},
    {make_create,      1},
    {make_rename,      1},
    {make_folders,     1},
    {make_purge,       1},
    {make_snap,        1},
    {make_queue_state, 1},
};

static void test_cut_and_changed(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        struct command_text t = kinds[k].make();
        assert_int_equal(read_all((struct span){t.at, t.len}), kinds[k].taken);
        for (size_t len = 0; len < t.len; len++) {
            char *copy = malloc(len + 1); /* of the exact length, for the sanitizer */
            memcpy(copy + 1, t.at, len);
            assert_int_equal(read_all((struct span){copy + 1, len}), 0);
            free(copy);
        }
        for (size_t i = 0; i < t.len; i++) {
            char *copy = malloc(t.len);
            static const unsigned char others[] = {0, 1, 0x7F, 0x80, 0xFF};
            for (size_t o = 0; o < COUNT_OF(others); o++) {
                memcpy(copy, t.at, t.len);
                copy[i] = (char)others[o];
                read_all((struct span){copy, t.len});
            }
            free(copy);
        }
        free(t.at);
    }
}

/* A queue part is whole or it is none. */
static bool read_queued(struct span args, unsigned *recipients_r)
{
    struct store_queue_envelope envelope;
    struct store_queue_recipient recipient;
    struct span part, recipients;

    *recipients_r = 0;
    if (!command_deliver_queue(args, &part) || !command_queue_read(part, &envelope, &recipients))
        return false;
    while (command_queue_next(&recipients, &recipient))
        ++*recipients_r;
    assert_int_equal(*recipients_r, envelope.recipients);
    return true;
}

static void test_queued(void **state)
{
    struct command_text t = make_queued(), plain = make_deliver();
    struct span targets;
    unsigned count;

    (void)state;
    assert_true(read_queued((struct span){t.at, t.len}, &count));
    assert_int_equal(count, 2);
    assert_true(command_deliver_read((struct span){t.at, t.len}, &count, &targets));
    assert_int_equal(count, 2);
    assert_int_equal(targets.len, plain.len - 4);
    assert_memory_equal(targets.at, plain.at + 4, targets.len);
    assert_false(read_queued((struct span){plain.at, plain.len}, &count));
    for (size_t len = 0; len < t.len; len++) {
        char *copy = malloc(len + 1);
        memcpy(copy + 1, t.at, len);
        assert_false(read_queued((struct span){copy + 1, len}, &count));
        free(copy);
    }
    for (size_t i = 0; i < t.len; i++) {
        char *copy = malloc(t.len);
        memcpy(copy, t.at, t.len);
        copy[i] = (char)~copy[i];
        (void)read_queued((struct span){copy, t.len}, &count);
        free(copy);
    }
    free(plain.at);
    free(t.at);
}

static void test_round_trips(void **state)
{
    struct command_text t = make_moved();
    struct command_target target;
    struct command_flags flags;
    struct command_snap snap;
    struct command_moved moved;
    struct span targets, name;
    unsigned count;

    (void)state;
    assert_true(command_deliver_read((struct span){t.at, t.len}, &count, &targets));
    assert_int_equal(count, 2);
    assert_true(command_target_next(&targets, &target));
    assert_true(span_eq(target.mailbox, SPAN("INBOX")));
    assert_true(span_eq(target.header, SPAN("Return-Path: <>\r\n")));
    assert_int_equal(target.missing, STORE_MISSING_CREATE);
    assert_int_equal(target.flags, STORE_SEEN);
    assert_int_equal(target.received_us, -5);
    assert_int_equal(target.zone_minutes, -720);
    assert_true(command_keyword_next(&target.keywords, &name) && span_eq(name, SPAN("$Junk")));
    assert_true(command_keyword_next(&target.keywords, &name) && span_eq(name, SPAN("x")));
    assert_false(command_keyword_next(&target.keywords, &name));
    assert_true(command_target_next(&targets, &target));
    assert_true(span_eq(target.account, SPAN("bob@example.org")));
    assert_false(command_target_next(&targets, &target));
    assert_true(command_moved_read((struct span){t.at, t.len}, &moved));
    assert_int_equal(moved.message + moved.from_segment + moved.from_args_at, 7 + 8 + 9);
    free(t.at);

    t = make_flags();
    assert_true(command_flags_read((struct span){t.at, t.len}, &flags));
    assert_int_equal(flags.mode, STORE_FLAGS_SET);
    assert_int_equal(flags.mailbox, 0x100000002);
    assert_int_equal(flags.flags, 31);
    assert_int_equal(flags.unchanged_since, UINT64_MAX);
    assert_int_equal(flags.count, 3);
    assert_int_equal(command_range(flags.ranges, 2).to, UINT32_MAX);
    free(t.at);

    t = make_snap();
    assert_true(command_snap_read((struct span){t.at, t.len}, &snap));
    assert_int_equal(snap.kind, COMMAND_SNAP_END);
    assert_int_equal(snap.table + snap.id + snap.number, 4 + 5 + 6);
    assert_int_equal(snap.mark.lsn + snap.mark.seq + snap.mark.hcrc, 7 + 8 + 9);
    free(t.at);
}

static void test_ranges_refused(void **state)
{
    static const struct store_range rows[][2] = {
        {{0, 1}, {2, 3}},
        {{2, 1}, {3, 4}},
        {{1, 5}, {5, 6}},
        {{5, 6}, {1, 2}}
    };
    struct command_expunge expunge;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct command_text t = {0};
        command_expunge_write(&t, 1, rows[i], 2);
        assert_false(command_expunge_read((struct span){t.at, t.len}, &expunge));
        free(t.at);
    }
}

static void test_rows(void **state)
{
    struct command_text t = {0};
    struct span rows, key, value;

    (void)state;
    command_row_write(&t, SPAN("key"), SPAN("value"));
    command_row_write(&t, SPAN("k"), SPAN(""));
    rows = (struct span){t.at, t.len};
    assert_true(command_row_next(&rows, &key, &value));
    assert_true(span_eq(key, SPAN("key")) && span_eq(value, SPAN("value")));
    assert_true(command_row_next(&rows, &key, &value));
    assert_true(span_eq(key, SPAN("k")) && value.len == 0);
    assert_false(command_row_next(&rows, &key, &value));
    for (size_t len = 0; len < t.len; len++) {
        rows = (struct span){t.at, len};
        for (unsigned i = 0; command_row_next(&rows, &key, &value); i++)
            assert_true(i < 2);
    }
    free(t.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_and_changed),
        cmocka_unit_test(test_queued),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_ranges_refused),
        cmocka_unit_test(test_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
