/*
 * micro_queue: what the queue in the store costs: taking mail for others, starting again with a
 * long queue, listing it, and relaying, where each mail is queued and done again. Times are of the
 * wall; cpu is that of the whole process for each mail.
 *
 *     micro_queue DIRECTORY [MESSAGES] [BYTES]
 */

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "store/store_queue.h"

enum {
    UNDER_WAY_MAX = 2000,
    ROWS = 512, /* of a view */
    DOMAINS = 997,
    APPLIED_EACH = 20000, /* the index is waited for, before the store says that it is full */
    LAG = 4096,           /* mails that are queued in front of those that are done */
};

static struct store *store;
static struct store_config config;
static char body[1 << 20];
static size_t body_len;
static atomic_uint under_way;
static store_queue_id ids[LAG]; /* a ring, written by done() */
static atomic_ullong ids_count;

static double now_s(void)
{
    return (double)clock_monotonic_ns() / 1e9;
}

static double cpu_s(void)
{
    struct rusage u;

    ensure(getrusage(RUSAGE_SELF, &u) == 0);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* The most that it ever was. */
static long rss_mib(void)
{
    struct rusage u;

    ensure(getrusage(RUSAGE_SELF, &u) == 0);
    return u.ru_maxrss / 1024;
}

static void done(void *context, enum store_status status, const struct store_result *results,
                 size_t count)
{
    (void)context;
    ensure(status == STORE_OK);
    if (count > 0)
        ids[atomic_fetch_add(&ids_count, 1) % LAG] = results[0].message;
    atomic_fetch_sub(&under_way, 1);
}

static void submit(struct store_change *change, enum store_ack ack)
{
    while (atomic_load(&under_way) >= UNDER_WAY_MAX)
        usleep(50);
    atomic_fetch_add(&under_way, 1);
    store_submit(store, &change, ack, done, NULL);
}

static void wait_all(void)
{
    while (atomic_load(&under_way) > 0)
        usleep(50);
}

static void queue_one(unsigned number, int64_t due_us, enum store_ack ack)
{
    struct store_change *change = store_change_new(store);
    struct store_draft *draft;
    char id[32], address[64];
    struct store_queue_envelope envelope = {.sender = SPAN("sender@example.org"),
                                            .client = SPAN("client.example.org[192.0.2.77]"),
                                            .arrival_us = due_us};
    struct store_queue_recipient recipient = {.due_us = due_us};

    envelope.queue_id = (struct span){id, (size_t)snprintf(id, sizeof(id), "5F00%09X", number)};
    recipient.address =
        (struct span){address, (size_t)snprintf(address, sizeof(address), "user%u@d%u.example.com",
                                                number, number % DOMAINS)};
    ensure(store_draft_open(store, &draft) == STORE_OK);
    ensure(store_draft_add(draft, (struct span){body, body_len}) == STORE_OK);
    store_change_queue(change, store_change_message(change, &draft, SPAN("")), &envelope,
                       &recipient, 1);
    submit(change, ack);
}

static void update_one(store_queue_id id, enum store_queue_what what, int64_t due_us)
{
    struct store_change *change = store_change_new(store);

    store_change_queue_state(change, id,
                             &(struct store_queue_update){.what = what,
                                                          .due_us = due_us,
                                                          .code = 451,
                                                          .dsn = SPAN("4.4.1"),
                                                          .status = SPAN("connection timed out")},
                             1, false);
    submit(change, STORE_ACK_NONE);
}

static struct store_view *view(void)
{
    struct store_view *v;

    ensure(store_view_open(store, &v) == STORE_OK);
    return v;
}

static void tell(const char *what, unsigned count, double wall, double cpu)
{
    printf("%-34s %8u in %7.3f s, %8.0f/s, %6.1f us cpu each, rss %ld MiB\n", what, count, wall,
           (double)count / wall, cpu * 1e6 / (count ? count : 1), rss_mib());
    (void)fflush(stdout);
}

static void fill(unsigned messages)
{
    double wall = now_s(), cpu = cpu_s();
    struct store_view *v;

    for (unsigned i = 0; i < messages; i++) {
        queue_one(i, (int64_t)i * 7919 % messages + 1, STORE_ACK_DURABLE);
        if (i % APPLIED_EACH != 0)
            continue;
        v = view();
        store_view_close(&v);
    }
    wait_all();
    v = view();
    store_view_close(&v);
    tell("queued", messages, now_s() - wall, cpu_s() - cpu);
}

static void start_again(void)
{
    static struct store_queue_due due[ROWS];
    double begin, cpu, opened;
    struct store_view *v;
    size_t count;

    store_close(&store);
    begin = now_s();
    cpu = cpu_s();
    ensure(store_open(&config, &store) == STORE_OK);
    opened = now_s();
    cpu = cpu_s() - cpu;
    v = view();
    ensure(store_queue_due(v, NULL, due, ROWS, &count) == STORE_OK && count == ROWS);
    store_view_close(&v);
    printf("%-34s open %.3f s (cpu %.3f s), first %u due after %.6f s more", "started again",
           opened - begin, cpu, (unsigned)ROWS, now_s() - opened);
    opened = now_s();
    queue_one(UINT32_MAX, 0, STORE_ACK_DURABLE);
    wait_all();
    printf(", took a mail in %.6f s, rss %ld MiB\n", now_s() - opened, rss_mib());
}

static void list(void)
{
    static struct store_queue_message m[ROWS];
    static struct store_queue_recipient r[ROWS];
    double wall = now_s(), cpu = cpu_s();
    unsigned messages = 0, recipients = 0;
    struct store_view *v;
    store_queue_id id = 0;
    uint32_t from = 0;
    size_t count, bytes = 0;

    do {
        v = view();
        ensure(store_queue_messages(v, id, m, ROWS, &count) == STORE_OK);
        for (size_t i = 0; i < count; i++)
            bytes += m[i].envelope.sender.len;
        id = count > 0 ? m[count - 1].id : 0;
        messages += (unsigned)count;
        store_view_close(&v);
    } while (count > 0);
    tell("listed messages", messages, now_s() - wall, cpu_s() - cpu);
    wall = now_s();
    cpu = cpu_s();
    do {
        v = view();
        ensure(store_queue_everybody(v, id, from, r, ROWS, &count) == STORE_OK);
        for (size_t i = 0; i < count; i++)
            bytes += r[i].address.len;
        id = count > 0 ? r[count - 1].id : 0;
        from = count > 0 ? r[count - 1].number + 1 : 0;
        recipients += (unsigned)count;
        store_view_close(&v);
    } while (count > 0);
    tell("listed recipients", recipients, now_s() - wall, cpu_s() - cpu);
    ensure(bytes > 0);
}

/* Each mail is queued, and done as soon as its id is known. */
static void relay(unsigned mails)
{
    double wall = now_s(), cpu = cpu_s();
    unsigned long long ended = atomic_load(&ids_count);
    unsigned long long until = ended + mails;

    for (unsigned i = 0; ended < until;) {
        if (i < mails && i + until - mails < ended + LAG / 2)
            queue_one(i++, 0, STORE_ACK_APPLIED);
        else
            usleep(50);
        for (; ended < atomic_load(&ids_count) && atomic_load(&under_way) < UNDER_WAY_MAX; ended++)
            update_one(ids[ended % LAG], STORE_QUEUE_DONE, 0);
    }
    wait_all();
    tell("relayed (queued and done)", mails, now_s() - wall, cpu_s() - cpu);
}

/* One more try of those that are due failed, then all are done. */
static void walk(enum store_queue_what what, const char *name)
{
    static struct store_queue_due due[ROWS];
    double wall = now_s(), cpu = cpu_s();
    unsigned all = 0;
    size_t count;

    for (struct store_queue_due after = {0};;) {
        struct store_view *v = view();
        ensure(store_queue_due(v, all > 0 ? &after : NULL, due, ROWS, &count) == STORE_OK);
        store_view_close(&v);
        if (count == 0 || due[0].due_us > INT64_C(1) << 40)
            break;
        after = due[count - 1];
        all += (unsigned)count;
        for (size_t i = 0; i < count; i++)
            update_one(due[i].id, what, (INT64_C(1) << 41) + due[i].due_us);
    }
    wait_all();
    tell(name, all, now_s() - wall, cpu_s() - cpu);
}

static void drain(void)
{
    static struct store_queue_message m[ROWS];
    double wall = now_s(), cpu = cpu_s();
    unsigned all = 0;
    size_t count;

    for (store_queue_id id = 0;; id = m[count - 1].id) {
        struct store_view *v = view();
        ensure(store_queue_messages(v, id, m, ROWS, &count) == STORE_OK);
        store_view_close(&v);
        if (count == 0)
            break;
        all += (unsigned)count;
        for (size_t i = 0; i < count; i++)
            update_one(m[i].id, STORE_QUEUE_DONE, 0);
    }
    wait_all();
    tell("done", all, now_s() - wall, cpu_s() - cpu);
}

int main(int argc, char **argv)
{
    unsigned messages = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1000000;
    struct store_numbers n;

    if (argc < 2) {
        fprintf(stderr, "usage: micro_queue DIRECTORY [MESSAGES] [BYTES]\n");
        return 2;
    }
    body_len = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000;
    if (body_len > sizeof(body))
        body_len = sizeof(body);
    memset(body, 'x', sizeof(body));
    config = (struct store_config){.path = argv[1]};
    ensure(store_open(&config, &store) == STORE_OK);
    fill(messages);
    start_again();
    list();
    relay(messages / 10);
    walk(STORE_QUEUE_LATER, "later");
    list();
    drain();
    store_numbers(store, &n);
    printf("%-34s %llu segments, index %llu MiB, %llu syncs, %llu transactions\n", "left",
           (unsigned long long)n.segments, (unsigned long long)n.index_bytes >> 20,
           (unsigned long long)n.syncs, (unsigned long long)n.apply_transactions);
    store_close(&store);
    return 0;
}
