#include "core/gateway/http_metrics.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/metric.h"
#include "core/gateway/cmd.h"
#include "core/service/auth.h"
#include "core/work/budget.h"
#include "core/work/pressure.h"
#include "core/work/worker_pool.h"
#include "store/store_queue.h"

enum {
    NS_A_SECOND = 1000 * 1000 * 1000,
    STATM_SIZE = 200,
};

/* A moment's picture of all that is not counted. Times are in nanoseconds, and shown in seconds. */
struct figures {
    struct store_numbers store;
    struct store_queue_numbers queue;
    struct worker_pool_numbers workers, auth;
    uint64_t sync_age_ns, applied_behind;
    uint64_t workers_running, workers_waiting, auth_waiting;
    uint64_t held, most, allocated, colour;
    uint64_t cpu_ns, resident;
    uint64_t one;
};

#define FIGURE(name, kind, field, help)                                                            \
    {                                                                                              \
        {"ringpost_" name, METRIC_IS_##kind, "", help}, offsetof(struct figures, field)            \
    }

static const struct {
    struct metric_row row;
    size_t offset; /* of a uint64_t */
} rows[] = {
    FIGURE("store_commits", COUNTER, store.commits, "Groups of changes that were made durable."),
    FIGURE("store_syncs", COUNTER, store.syncs, "Times that the disk was asked to sync the log."),
    FIGURE("store_records", COUNTER, store.records, "Changes that were made durable."),
    FIGURE("store_written_bytes", COUNTER, store.bytes_written, "Bytes written to the log."),
    FIGURE("store_applied", COUNTER, store.apply_transactions, "Transactions of the index."),
    FIGURE("store_commit_seconds", COUNTER, store.commit_ns_total,
           "Time spent on making changes durable, with the syncs."),
    FIGURE("store_sync_seconds", COUNTER, store.sync_ns_total,
           "Time spent on waiting for the disk to sync."),
    FIGURE("store_sync_age_seconds", GAUGE, sync_age_ns,
           "How long the oldest change has been on its way to the disk."),
    FIGURE("store_apply_lag", GAUGE, applied_behind,
           "Durable changes that the index does not have yet."),
    FIGURE("store_waiting_bytes", GAUGE, store.waiting_bytes,
           "Bytes that wait to be made durable or applied."),
    FIGURE("store_segments", GAUGE, store.segments, "Segments of the log."),
    FIGURE("store_segments_spare", GAUGE, store.segments_spare, "Segments made ahead of time."),
    FIGURE("store_log_bytes", GAUGE, store.log_bytes, "Bytes of the log."),
    FIGURE("store_live_bytes", GAUGE, store.live_bytes, "Bytes of the log that are mail."),
    FIGURE("store_index_bytes", GAUGE, store.index_bytes, "Bytes of the index in use."),
    FIGURE("queue_messages", GAUGE, queue.messages, "Messages that wait to go on to others."),
    FIGURE("queue_recipients", GAUGE, queue.recipients, "Their recipients that wait."),
    FIGURE("queue_held", GAUGE, queue.held, "Of those recipients, that an operator holds."),
    FIGURE("jobs", COUNTER, workers.jobs, "Jobs that workers began."),
    FIGURE("job_wait_seconds", COUNTER, workers.wait_ns, "Time that jobs waited for a worker."),
    FIGURE("jobs_waiting", GAUGE, workers_waiting, "Jobs that wait for a worker now."),
    FIGURE("jobs_running", GAUGE, workers_running, "Jobs that workers have in hand now."),
    FIGURE("login_jobs", COUNTER, auth.jobs, "Logins that needed a thread."),
    FIGURE("login_wait_seconds", COUNTER, auth.wait_ns, "Time that logins waited for a thread."),
    FIGURE("login_jobs_waiting", GAUGE, auth_waiting, "Logins that wait for a thread now."),
    FIGURE("memory_held_bytes", GAUGE, held, "Bytes held for clients, as memory_max counts them."),
    FIGURE("memory_max_bytes", GAUGE, most, "memory_max."),
    FIGURE("memory_allocated_bytes", GAUGE, allocated, "Bytes that the allocator gave out."),
    FIGURE("stress", GAUGE, colour, "0 green, 1 yellow, 2 orange, 3 red: see memory_max."),
    {{"ringpost_build_info", METRIC_IS_GAUGE, "version=\"" CMD_VERSION "\"", "Always 1."},
                                                                                      offsetof(struct figures, one)     },
    {{"process_cpu_seconds", METRIC_IS_COUNTER, "", "Processor time of this process."},
                                                                                      offsetof(struct figures, cpu_ns)  },
    {{"process_resident_memory_bytes", METRIC_IS_GAUGE, "", "Memory of this process."},
                                                                                      offsetof(struct figures, resident)},
};

/* ---- asking ---- */

static uint64_t cpu_ns(void)
{
    struct rusage use;

    if (getrusage(RUSAGE_SELF, &use) != 0)
        return 0;
    return (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * NS_A_SECOND +
           (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1000;
}

/* proc(5): the second number of statm, in pages. */
static uint64_t resident_bytes(void)
{
    char text[STATM_SIZE];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text));
    struct span rest = {text, len > 0 ? (size_t)len : 0};
    const char *blank = rest.len > 0 ? memchr(text, ' ', rest.len) : NULL;
    uint64_t pages = 0;

    if (fd >= 0)
        close(fd);
    if (blank == NULL)
        return 0;
    for (const char *at = blank + 1; at < text + rest.len && *at >= '0' && *at <= '9'; at++)
        pages = pages * 10 + (uint64_t)(*at - '0');
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* They stay 0 when the store can't be read now: other figures say why. */
static void ask_queue(struct store *store, struct store_queue_numbers *numbers)
{
    struct store_view *v;

    if (store_view_open(store, &v) != STORE_OK)
        return;
    if (store_queue_numbers(v, numbers) != STORE_OK)
        *numbers = (struct store_queue_numbers){0};
    store_view_close(&v);
}

static void ask(const struct http_metrics *from, struct figures *f)
{
    store_numbers(from->store, &f->store);
    ask_queue(from->store, &f->queue);
    worker_pool_numbers(from->workers, &f->workers);
    auth_numbers(from->auth, &f->auth);
    f->sync_age_ns = store_sync_age_ns(from->store);
    f->applied_behind = f->store.durable_lsn > f->store.applied_lsn
                            ? f->store.durable_lsn - f->store.applied_lsn
                            : 0;
    f->workers_running = f->workers.running;
    f->workers_waiting = f->workers.waiting;
    f->auth_waiting = f->auth.waiting;
    f->held = budget_held(from->budget);
    f->most = budget_most(from->budget);
    f->allocated = alloc_held_bytes();
    f->colour = pressure_look(from->pressure, clock_monotonic_ns());
    f->cpu_ns = cpu_ns();
    f->resident = resident_bytes();
    f->one = 1;
}

/* ---- writing ---- */

static bool ends(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);

    return len > end_len && strcmp(name + len - end_len, end) == 0;
}

static bool is_counter(const struct metric_row *row)
{
    return row->kind != METRIC_IS_GAUGE;
}

/* The two formats differ in whether a counter's family is called as its samples are. */
static void add_family(const struct metric_row *row, bool openmetrics, struct chain *out)
{
    const char *end = is_counter(row) && !openmetrics ? "_total" : "";

    chain_addf(out, "# TYPE %s%s %s\n", row->name, end, is_counter(row) ? "counter" : "gauge");
    if (openmetrics && ends(row->name, "_seconds"))
        chain_addf(out, "# UNIT %s seconds\n", row->name);
    if (openmetrics && ends(row->name, "_bytes"))
        chain_addf(out, "# UNIT %s bytes\n", row->name);
    chain_addf(out, "# HELP %s%s %s\n", row->name, end, row->help);
}

static void add_sample(const struct metric_row *row, int64_t value, struct chain *out)
{
    chain_addf(out, "%s%s", row->name, is_counter(row) ? "_total" : "");
    if (row->labels[0] != '\0')
        chain_addf(out, "{%s}", row->labels);
    if (ends(row->name, "_seconds"))
        chain_addf(out, " %lld.%09lld\n", (long long)(value / NS_A_SECOND),
                   (long long)(value % NS_A_SECOND));
    else
        chain_addf(out, " %lld\n", (long long)value);
}

void http_metrics_render(const struct http_metrics *from, bool openmetrics, struct chain *out)
{
    struct figures figures = {0};
    const char *family = "";

    for (unsigned i = 0; i < METRIC_COUNT; i++) {
        if (strcmp(metric_rows[i].name, family) != 0)
            add_family(&metric_rows[i], openmetrics, out);
        family = metric_rows[i].name;
        add_sample(&metric_rows[i], metric_value(i), out);
    }
    ask(from, &figures);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t value;

        memcpy(&value, (const char *)&figures + rows[i].offset, sizeof(value));
        add_family(&rows[i].row, openmetrics, out);
        add_sample(&rows[i].row, (int64_t)value, out);
    }
    if (openmetrics)
        chain_add(out, SPAN("# EOF\n"));
}
