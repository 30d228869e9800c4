/*
 * micro_commit: what the log's commit costs. Bare fdatasync on a file that was written before is
 * the measure; then durable messages a second through the committer, with a given number of changes
 * under way at once. The index takes no part.
 *
 *     micro_commit DIRECTORY [SECONDS-EACH] [BYTES]
 */

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/crc32c.h"
#include "core/base/ensure.h"
#include "store/blob/journal.h"
#include "store/commit/commit.h"
#include "store/housekeeper.h"

enum {
    UNDER_WAY_MAX = 512,
    PROBE_BYTES = 64 << 20,
    SAMPLES_MAX = 1 << 20,
};

static struct journal *journal;
static struct committer *committer;
static struct store_change changes[UNDER_WAY_MAX];
static struct journal_record records[UNDER_WAY_MAX];
static uint64_t begun_ns[UNDER_WAY_MAX];
static char body[1 << 20];
static struct span body_span;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t some_done = PTHREAD_COND_INITIALIZER;
static struct store_change *free_changes;
static uint32_t *samples_us;
static size_t sample_count;

/* What the applier and store_change.c do in the store. */
void applier_push(struct applier *a, const struct journal_batch *batch, struct store_change *list)
{
    (void)a;
    (void)batch;
    pthread_mutex_lock(&lock);
    while (list != NULL) {
        struct store_change *next = list->next;

        list->next = free_changes;
        free_changes = list;
        list = next;
    }
    pthread_cond_signal(&some_done);
    pthread_mutex_unlock(&lock);
}

void store_change_end(struct store_change *change, enum store_status status)
{
    (void)change;
    fprintf(stderr, "a change failed: %d\n", (int)status);
    abort();
}

static void done(void *context, enum store_status status, const struct store_result *results,
                 size_t count)
{
    const struct store_change *change = context;
    uint64_t took = clock_monotonic_ns() - begun_ns[change - changes];

    (void)results;
    (void)count;
    ensure(status == STORE_OK);
    if (sample_count < SAMPLES_MAX)
        samples_us[sample_count++] = (uint32_t)(took / 1000);
}

static void submit(struct store_change *change)
{
    struct journal_record *r = &records[change - changes];

    *r = (struct journal_record){.type = JOURNAL_DELIVER,
                                 .args = SPAN("0123456789012345678901234567890123456789"),
                                 .body = body_span,
                                 .body_crc = crc32c(0, body_span.at, body_span.len)};
    *change = (struct store_change){
        .records = r, .count = 1, .ack = STORE_ACK_DURABLE, .done = done, .context = change};
    begun_ns[change - changes] = clock_monotonic_ns();
    committer_submit(committer, change);
}

static int compare_samples(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

    return a < b ? -1 : a > b;
}

static void measure(unsigned under_way, double seconds)
{
    uint64_t begin = clock_monotonic_ns(), count = 0, ns = (uint64_t)(seconds * 1e9);
    struct store_numbers before = {0}, after = {0};
    double took, waited_us = 0;

    journal_numbers(journal, &before);
    sample_count = 0;
    for (unsigned i = 0; i < under_way; i++)
        submit(&changes[i]);
    for (unsigned left = under_way; left > 0;) {
        struct store_change *list;

        pthread_mutex_lock(&lock);
        while (free_changes == NULL)
            pthread_cond_wait(&some_done, &lock);
        list = free_changes;
        free_changes = NULL;
        pthread_mutex_unlock(&lock);
        while (list != NULL) {
            struct store_change *next = list->next;

            count++;
            if (clock_monotonic_ns() - begin < ns)
                submit(list);
            else
                left--;
            list = next;
        }
    }
    took = (double)(clock_monotonic_ns() - begin) / 1e9;
    journal_numbers(journal, &after);
    for (size_t i = 0; i < sample_count; i++)
        waited_us += samples_us[i];
    qsort(samples_us, sample_count, sizeof(*samples_us), compare_samples);
    printf("%4u under way: %9.0f messages/s  %6.0f syncs/s  %5.1f a batch  sync %4.0f us  "
           "mean %4.0f us  p50 %u us  p99 %u us\n",
           under_way, (double)count / took, (double)(after.syncs - before.syncs) / took,
           (double)count / (double)(after.syncs - before.syncs),
           (double)(after.sync_ns_total - before.sync_ns_total) / 1e3 /
               (double)(after.syncs - before.syncs),
           waited_us / (double)sample_count, samples_us[sample_count / 2],
           samples_us[sample_count * 99 / 100]);
}

/* Bare writes and syncs on a file made as segments are. */
static void measure_bare(const char *directory, double seconds)
{
    char path[4096];
    uint64_t begin, count = 0, ns = (uint64_t)(seconds * 1e9), at = 0;
    int file;

    (void)snprintf(path, sizeof(path), "%s/probe", directory);
    file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ensure(file >= 0);
    for (uint64_t to = 0; to < PROBE_BYTES; to += sizeof(body))
        ensure(pwrite(file, body, sizeof(body), (off_t)to) == (ssize_t)sizeof(body));
    ensure(fsync(file) == 0);
    begin = clock_monotonic_ns();
    while (clock_monotonic_ns() - begin < ns) {
        ensure(pwrite(file, body, 4096, (off_t)at) == 4096);
        ensure(fdatasync(file) == 0);
        at = (at + 4096) % PROBE_BYTES;
        count++;
    }
    printf("bare 4 KiB write and fdatasync: %.0f/s, %.0f us each\n", (double)count / seconds,
           seconds * 1e6 / (double)count);
    close(file);
    unlink(path);
}

static void say(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "%s\n", text);
}

static enum store_status ignore_batch(void *context, const struct journal_batch *batch)
{
    (void)context;
    (void)batch;
    return STORE_OK;
}

/* Nothing lives long here: a segment is dead as soon as it is sealed. */
static void find_dead(void *context)
{
    struct journal_mark all = {.seq = UINT64_MAX};

    (void)context;
    for (uint64_t s = 0; (s = journal_segment_next(journal, s)) != 0;)
        journal_segment_dead(journal, s, all);
}

int main(int count, char **words)
{
    static const unsigned under_way[] = {1, 8, 64, 512};
    double seconds = count > 2 ? strtod(words[2], NULL) : 2.0;
    char path[4096];
    uint64_t begin;

    if (count < 2) {
        fprintf(stderr, "usage: micro_commit DIRECTORY [SECONDS-EACH] [BYTES]\n");
        return 2;
    }
    memset(body, 'x', sizeof(body));
    body_span = (struct span){body, count > 3 ? strtoul(words[3], NULL, 10) : 1024};
    samples_us = xcalloc(SAMPLES_MAX, sizeof(*samples_us));
    measure_bare(words[1], seconds);

    (void)snprintf(path, sizeof(path), "%s/store", words[1]);
    begin = clock_monotonic_ns();
    struct journal_config config = {.path = path, .say = say};
    ensure(journal_open(&config, &journal) == STORE_OK);
    ensure(journal_recover(journal, (struct journal_mark){0}, ignore_batch, NULL) == STORE_OK);
    printf("open and recover: %.1f ms\n", (double)(clock_monotonic_ns() - begin) / 1e6);
    struct housekeeper *housekeeper = housekeeper_open(&(struct housekeeper_config){
        .journal = journal, .path = path, .find_dead = find_dead, .say = say});
    committer = committer_open(&(struct committer_config){.journal = journal});
    ensure(housekeeper != NULL && committer != NULL);

    for (unsigned i = 0; i < sizeof(under_way) / sizeof(*under_way); i++)
        measure(under_way[i], seconds);
    committer_close(&committer);
    housekeeper_close(&housekeeper);
    journal_close(&journal);
    free(samples_us);
    return 0;
}
