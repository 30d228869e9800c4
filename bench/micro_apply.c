/*
 * micro_apply: deliveries through the whole store (draft, change, durable, applied), and reading
 * them back. Usage: micro_apply DIRECTORY [messages [bytes]]. The directory is made new for each
 * row and stays for a look afterwards.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/chain.h"
#include "core/base/clock.h"
#include "core/base/number.h"
#include "store/store.h"

enum {
    WINDOW = 256, /* changes on their way of one thread */
    THREADS = 2,
};

struct run {
    struct store *store;
    unsigned messages, accounts; /* of each thread */
    char *body;
    size_t size;
};

struct sender {
    pthread_t thread;
    const struct run *run;
    unsigned seed;
    atomic_uint away;
};

static void said(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "%s\n", text);
}

static void delivered(void *context, enum store_status status, const struct store_result *results,
                      size_t count)
{
    struct sender *s = context;

    (void)results;
    (void)count;
    if (status != STORE_OK)
        fprintf(stderr, "a delivery failed: %s\n", store_status_text(status));
    atomic_fetch_sub(&s->away, 1);
}

static void deliver(struct sender *s, unsigned account)
{
    const struct run *run = s->run;
    char name[32];
    struct store_delivery d = {
        .mailbox = SPAN("INBOX"),
        .header = SPAN("Return-Path: <someone@example.net>\r\nDelivered-To: me@example.org\r\n"),
        .received_us = 1700000000000000,
    };
    struct store_change *change = store_change_new(run->store);
    struct store_draft *draft;

    if (store_draft_open(run->store, &draft) != STORE_OK ||
        store_draft_add(draft, (struct span){run->body, run->size}) != STORE_OK)
        abort();
    snprintf(name, sizeof(name), "user%u@example.org", account);
    d.account = span_str(name);
    store_change_deliver(change, store_change_message(change, &draft, SPAN("a small META")), &d);
    atomic_fetch_add(&s->away, 1);
    store_submit(run->store, &change, STORE_ACK_DURABLE, delivered, s);
}

static void *send_all(void *context)
{
    struct sender *s = context;

    for (unsigned i = 0; i < s->run->messages; i++) {
        while (atomic_load(&s->away) >= WINDOW || store_is_full(s->run->store))
            usleep(100);
        s->seed = s->seed * 1664525 + 1013904223;
        deliver(s, (s->seed >> 8) % s->run->accounts);
    }
    while (atomic_load(&s->away) > 0)
        usleep(100);
    return NULL;
}

static double seconds(uint64_t since_ns)
{
    return (double)(clock_monotonic_ns() - since_ns) / 1e9;
}

static void read_back(struct store *store, unsigned accounts)
{
    static struct store_entry entries[512];
    uint64_t begin = clock_monotonic_ns();
    struct store_view *v = NULL;
    struct span bytes;
    unsigned opened = 200000, scanned = 0, read = 0;
    size_t count;

    for (unsigned i = 0; i < opened; i++) {
        if (store_view_open(store, &v) != STORE_OK)
            abort();
        store_view_close(&v);
    }
    printf("  views %.0f/s", opened / seconds(begin));
    begin = clock_monotonic_ns();
    if (store_view_open(store, &v) != STORE_OK)
        abort();
    for (unsigned a = 1; a <= accounts; a++) {
        uint32_t from = 1;
        do {
            if (store_entries(v, (store_mailbox)a << 32 | 1, from, entries, 512, &count) !=
                STORE_OK)
                abort();
            scanned += (unsigned)count;
            from = count ? entries[count - 1].uid + 1 : from;
        } while (count == 512);
    }
    printf("  entries %.2f M/s", scanned / seconds(begin) / 1e6);
    begin = clock_monotonic_ns();
    if (store_entries(v, (store_mailbox)1 << 32 | 1, 1, entries, 512, &count) != STORE_OK)
        abort();
    for (unsigned turn = 0; turn < 100; turn++) {
        for (size_t i = 0; i < count; i++, read++) {
            struct chain out = {0};
            if (store_message_bytes(v, entries[i].message, 0, 100, &bytes) != STORE_OK ||
                store_message_lend(v, entries[i].message, 0, UINT32_MAX, &out) != STORE_OK)
                abort();
            chain_free(&out);
        }
    }
    printf("  bodies %.0f k/s\n", read / seconds(begin) / 1e3);
    store_view_close(&v);
}

static void row(const char *directory, const char *what, const struct run *like)
{
    struct store_config config = {.say = said};
    struct sender senders[THREADS] = {0};
    struct store_numbers numbers;
    struct store_view *v;
    struct run run = *like;
    char path[512], command[600];
    uint64_t begin;
    double durable, applied;

    snprintf(path, sizeof(path), "%s/apply-%u", directory, run.accounts);
    snprintf(command, sizeof(command), "rm -rf '%s'", path);
    if (system(command) != 0)
        abort();
    config.path = path;
    if (store_open(&config, &run.store) != STORE_OK)
        abort();
    usleep(300000); /* the housekeeper's first segments */
    begin = clock_monotonic_ns();
    for (unsigned i = 0; i < THREADS; i++) {
        senders[i].run = &run;
        senders[i].seed = i * 77;
        pthread_create(&senders[i].thread, NULL, send_all, &senders[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(senders[i].thread, NULL);
    durable = seconds(begin);
    if (store_view_open(run.store, &v) != STORE_OK)
        abort();
    applied = seconds(begin);
    store_view_close(&v);
    store_numbers(run.store, &numbers);
    printf("%-22s durable %.0f/s  applied %.0f/s  commits %lu (%.0f each)  transactions %lu "
           "(%.0f each)  index %lu bytes a message",
           what, THREADS * run.messages / durable, THREADS * run.messages / applied,
           numbers.commits, (double)THREADS * run.messages / (double)numbers.commits,
           numbers.apply_transactions,
           (double)THREADS * run.messages / (double)numbers.apply_transactions,
           numbers.index_bytes / (THREADS * run.messages));
    read_back(run.store, run.accounts);
    store_close(&run.store);
    begin = clock_monotonic_ns();
    snprintf(command, sizeof(command), "rm -rf '%s/idx'", path);
    if (system(command) != 0 || store_open(&config, &run.store) != STORE_OK)
        abort();
    printf("%-22s index made again from the log: %.0f records/s\n", "",
           THREADS * run.messages / seconds(begin));
    store_close(&run.store);
}

int main(int argc, char **argv)
{
    uint64_t messages = 100000, size = 1024;
    struct run run = {0};

    if (argc < 2 || (argc > 2 && !number_parse(span_str(argv[2]), UINT32_MAX, &messages)) ||
        (argc > 3 && !number_parse(span_str(argv[3]), 512 * 1024, &size))) {
        fprintf(stderr, "usage: micro_apply DIRECTORY [messages [bytes]]\n");
        return 2;
    }
    run.messages = (unsigned)messages / THREADS;
    run.size = size;
    run.body = xmalloc(size + 1);
    memset(run.body, 'x', size);
    for (unsigned accounts = 1; accounts <= 100000; accounts *= accounts == 1 ? 1000 : 100) {
        char what[64];
        snprintf(what, sizeof(what), "%u mailboxes", accounts);
        run.accounts = accounts;
        row(argv[1], what, &run);
    }
    free(run.body);
    return 0;
}
