#include "store_support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/chain.h"
#include "store/store_queue.h"

/* A static function of ours, since cmocka's assertions jump out of the test. */
static void remove_tree(const char *path)
{
    char child[512];
    struct dirent *entry;
    DIR *directory = opendir(path);

    while (directory && (entry = readdir(directory))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
        if (unlink(child) != 0)
            remove_tree(child);
    }
    if (directory)
        closedir(directory);
    rmdir(path);
}

static void say(void *context, const char *text)
{
    struct test_store *t = context;

    __atomic_add_fetch(&t->said, 1, __ATOMIC_RELAXED);
    if (t->is_loud)
        fprintf(stderr, "say: %s\n", text);
}

void test_store_make(struct test_store *t)
{
    *t = (struct test_store){.is_loud = getenv("STORE_TEST_LOUD") != NULL};
    snprintf(t->path, sizeof(t->path), "/tmp/ringpost-store-XXXXXX");
    assert_non_null(mkdtemp(t->path));
    t->config.path = t->path;
    t->config.map_size = (uint64_t)1 << 30;
    t->config.segment_size = 1 << 20;
    t->config.say = say;
    t->config.context = t;
}

void test_store_remove(struct test_store *t)
{
    if (t->store)
        store_close(&t->store);
    remove_tree(t->path);
}

void test_store_open(struct test_store *t)
{
    assert_int_equal(store_open(&t->config, &t->store), STORE_OK);
}

void test_store_close(struct test_store *t)
{
    store_close(&t->store);
}

void test_store_reopen(struct test_store *t)
{
    test_store_close(t);
    test_store_open(t);
}

bool test_store_remove_directory(struct test_store *t, const char *name)
{
    char path[256];
    struct stat stat_r;

    snprintf(path, sizeof(path), "%s/%s", t->path, name);
    if (stat(path, &stat_r) != 0)
        return false;
    remove_tree(path);
    return true;
}

/* ---- changes ---- */

struct done {
    enum store_status status;
    struct store_result *results;
    size_t max;
    bool is_done;
};

static void manual_done(void *context, enum store_status status, const struct store_result *results,
                        size_t count)
{
    struct done *d = context;

    d->status = status;
    d->is_done = true;
    for (size_t i = 0; i < count && i < d->max; i++) {
        d->results[i] = results[i];
        d->results[i].ranges = NULL;
    }
}

enum store_status test_submit_status(struct test_store *t, struct store_change **change,
                                     struct store_result *results, size_t max)
{
    struct done d = {.results = results, .max = max};

    if (!t->config.manual)
        return store_submit_wait(t->store, change, results, max);
    store_submit(t->store, change, STORE_ACK_APPLIED, manual_done, &d);
    while (!d.is_done)
        assert_true(store_step(t->store, 0));
    return d.status;
}

struct store_result test_submit(struct test_store *t, struct store_change **change)
{
    struct store_result result = {0};

    assert_int_equal(test_submit_status(t, change, &result, 1), STORE_OK);
    return result;
}

struct store_draft *test_draft(struct test_store *t, const char *text, size_t repeat)
{
    struct store_draft *draft;

    assert_int_equal(store_draft_open(t->store, &draft), STORE_OK);
    for (size_t i = 0; i < repeat; i++)
        assert_int_equal(store_draft_add(draft, span_str(text)), STORE_OK);
    return draft;
}

struct store_result test_deliver(struct test_store *t, const char *account, const char *mailbox,
                                 const char *text, size_t repeat)
{
    struct store_change *change = store_change_new(t->store);
    struct store_draft *draft = test_draft(t, text, repeat);
    struct store_delivery delivery = {
        .account = span_str(account),
        .mailbox = span_str(mailbox),
        .missing = STORE_MISSING_CREATE,
        .header = SPAN("Return-Path: <a@b>\r\n"),
        .received_us = 1700000000000000,
        .zone_minutes = 60,
    };

    store_change_deliver(change, store_change_message(change, &draft, SPAN("meta")), &delivery);
    return test_submit(t, &change);
}

struct store_result test_flags(struct test_store *t, store_mailbox mailbox, uint32_t from,
                               uint32_t to, enum store_flag_mode mode, uint32_t flags)
{
    struct store_change *change = store_change_new(t->store);
    const struct store_range range = {from, to};

    store_change_flags(change, &(struct store_flag_change){
                                   .mailbox = mailbox,
                                   .uids = &range,
                                   .count = 1,
                                   .mode = mode,
                                   .flags = flags,
                                   .unchanged_since = UINT64_MAX,
                               });
    return test_submit(t, &change);
}

struct store_result test_expunge(struct test_store *t, store_mailbox mailbox, uint32_t from,
                                 uint32_t to)
{
    struct store_change *change = store_change_new(t->store);
    const struct store_range range = {from, to};

    test_flags(t, mailbox, from, to, STORE_FLAGS_ADD, STORE_DELETED);
    store_change_expunge(change, mailbox, &range, 1);
    return test_submit(t, &change);
}

/* ---- views ---- */

struct store_view *test_view(struct test_store *t)
{
    struct store_view *view;

    assert_int_equal(store_view_open(t->store, &view), STORE_OK);
    return view;
}

struct store_mailbox_info test_info(struct test_store *t, const char *account, const char *mailbox)
{
    struct store_view *v = test_view(t);
    struct store_mailbox_info info;
    store_account id;

    assert_int_equal(store_account_find(v, span_str(account), &id), STORE_OK);
    assert_int_equal(store_mailbox_find(v, id, span_str(mailbox), &info), STORE_OK);
    store_view_close(&v);
    return info;
}

static void dump_entry(struct store_view *v, const struct store_entry *e, struct chain *out)
{
    struct span header, bytes, meta;

    assert_int_equal(store_entry_header(v, e, &header), STORE_OK);
    assert_int_equal(store_message_bytes(v, e->message, 0, UINT32_MAX, &bytes), STORE_OK);
    assert_int_equal(store_message_meta(v, e->message, &meta), STORE_OK);
    assert_int_equal(e->size, header.len + bytes.len);
    chain_addf(out,
               "  %u flags %x keywords %llx modseq %llu message %llx received %lld zone %d "
               "target %u size %u header %u saved %lld bytes %016llx meta %.*s\n",
               e->uid, e->flags, (unsigned long long)e->keywords, (unsigned long long)e->modseq,
               (unsigned long long)e->message, (long long)e->received_us, e->zone_minutes,
               e->target, e->size, e->header_len, (long long)e->saved_s,
               (unsigned long long)bytes.len * 31 + (unsigned char)(bytes.len ? bytes.at[0] : 0),
               (int)meta.len, meta.at);
}

static void dump_mailbox(struct store_view *v, const struct store_mailbox_info *m,
                         struct chain *out)
{
    struct store_entry entries[64];
    struct store_range *gone;
    size_t count = 64, gone_count;
    uint32_t from = 1;

    chain_addf(out,
               " %.*s id %llx validity %u next %u messages %u unseen %u deleted %u first %u "
               "recent %u bytes %llu modseq %llu keywords %llx uses %x\n",
               (int)m->name_len, m->name, (unsigned long long)m->id, m->uid_validity, m->uid_next,
               m->messages, m->unseen, m->deleted, m->first_unseen_uid, m->recent_from_uid,
               (unsigned long long)m->bytes, (unsigned long long)m->modseq,
               (unsigned long long)m->keywords, m->uses);
    while (count == 64) {
        assert_int_equal(store_entries(v, m->id, from, entries, 64, &count), STORE_OK);
        for (size_t i = 0; i < count; i++) {
            dump_entry(v, &entries[i], out);
            from = entries[i].uid + 1;
        }
    }
    for (uint64_t since = 0; since <= m->modseq; since += 1 + m->modseq / 8) {
        assert_int_equal(store_vanished(v, m->id, since, &gone, &gone_count), STORE_OK);
        chain_addf(out, "  vanished since %llu:", (unsigned long long)since);
        for (size_t i = 0; i < gone_count; i++)
            chain_addf(out, " %u-%u", gone[i].from, gone[i].to);
        chain_add(out, SPAN("\n"));
        free(gone);
    }
}

static void dump_account(struct store_view *v, store_account account, struct chain *out)
{
    struct store_mailbox_info info = {.name_len = 0};
    struct store_listings listings;
    struct span name;

    chain_addf(out, "account %u:", account);
    for (unsigned i = 0; store_keyword_name(v, account, i, &name) == STORE_OK; i++)
        chain_addf(out, " %.*s", (int)name.len, name.at);
    chain_addf(out, "%s subscribed:", store_account_wants_folders(v, account) ? " wants" : "");
    assert_int_equal(store_listings(v, account, &listings), STORE_OK);
    for (size_t i = 0; i < listings.count; i++) {
        if (listings.at[i].is_subscribed)
            chain_addf(out, " %.*s", (int)listings.at[i].name.len, listings.at[i].name.at);
    }
    store_listings_free(&listings);
    chain_add(out, SPAN("\n"));
    for (;;) {
        char after[STORE_MAILBOX_NAME_MAX];
        size_t len = info.name_len;
        memcpy(after, info.name, len);
        if (store_mailbox_next(v, account, (struct span){after, len}, &info) != STORE_OK)
            break;
        dump_mailbox(v, &info, out);
    }
}

static void dump_queue(struct store_view *v, struct chain *out)
{
    struct store_queue_message m = {0};
    struct store_queue_recipient r = {0};
    struct store_queue_due due = {0};
    struct span bytes;
    size_t count;

    while (store_queue_messages(v, m.id, &m, 1, &count) == STORE_OK && count == 1) {
        assert_int_equal(store_message_bytes(v, m.id, 0, UINT32_MAX, &bytes), STORE_OK);
        assert_int_equal(bytes.len, m.envelope.size);
        chain_addf(out, "queued %llx %.*s from %.*s size %u\n", (unsigned long long)m.id,
                   (int)m.envelope.queue_id.len, m.envelope.queue_id.at, (int)m.envelope.sender.len,
                   m.envelope.sender.at, m.envelope.size);
    }
    while (store_queue_everybody(v, r.id, r.number, &r, 1, &count) == STORE_OK && count == 1) {
        chain_addf(out, " %llx %u %.*s marks %u tries %u tried %lld due %lld %.*s\n",
                   (unsigned long long)r.id, r.number, (int)r.address.len, r.address.at, r.marks,
                   r.tries, (long long)r.tried_us, (long long)r.due_us, (int)r.status.len,
                   r.status.at);
        r.number++;
    }
    while (store_queue_due(v, due.id ? &due : NULL, &due, 1, &count) == STORE_OK && count == 1)
        chain_addf(out, " due %lld %llx %u\n", (long long)due.due_us, (unsigned long long)due.id,
                   due.number);
}

char *test_dump(struct test_store *t)
{
    struct store_view *v = test_view(t);
    struct chain out = {0};
    char *text;

    for (store_account account = 1; account < 100; account++)
        dump_account(v, account, &out);
    dump_queue(v, &out);
    store_view_close(&v);
    text = xmalloc(out.len + 1);
    text[out.len] = '\0';
    chain_copy(&out, 0, text, out.len);
    chain_free(&out);
    return text;
}

void test_check(struct test_store *t)
{
    struct store_check_report report;

    assert_null(t->store);
    assert_int_equal(store_check(&t->config, &report), STORE_OK);
    assert_int_equal(report.damaged, 0);
    assert_int_equal(report.missing, 0);
    assert_int_equal(report.orphaned, 0);
    assert_int_equal(report.miscounted, 0);
}
