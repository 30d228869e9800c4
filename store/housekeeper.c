#include "store/housekeeper.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "core/base/thread.h"
#include "store/blob/journal.h"
#include "store/disk.h"

enum {
    TURN_MS = 100,    /* between two moves of compaction */
    SECOND_MS = 1000, /* between two looks at the disk */
    PATH_SIZE = 4096,
    BALLAST_SPARE_FACTOR = 2, /* ballast is made only when this many times its size is free too */
};
#define MS_NS          UINT64_C(1000000)
#define FREE_BYTES_MIN ((uint64_t)16 << 20) /* under this the ballast is given up */

struct housekeeper {
    struct housekeeper_config config;
    struct thread *thread;
    uint64_t second_at_ns; /* when the tasks of each second are due */
    bool has_ballast;
    atomic_bool is_full, is_closing;
};

static void say(const struct housekeeper *h, const char *text)
{
    if (h->config.say != NULL)
        h->config.say(h->config.context, text);
}

/* ---- the disk ---- */

static void ballast_path(const char *store, char path_r[PATH_SIZE])
{
    int len = snprintf(path_r, PATH_SIZE, "%s/BALLAST", store);

    ensure(len < PATH_SIZE);
}

void housekeeper_ballast_drop(const struct disk *disk, const char *store)
{
    char path[PATH_SIZE];

    if (disk == NULL)
        disk = &disk_real;
    ballast_path(store, path);
    (void)disk->unlink(disk, path);
}

/* A file that merely takes room; half of one is no harm. */
static bool ballast_make(const struct housekeeper *h)
{
    const struct disk *disk = h->config.disk;
    char path[PATH_SIZE];
    int file, error;

    ballast_path(h->config.path, path);
    if (disk->size(disk, path) >= (int64_t)h->config.ballast_size)
        return true;
    file = disk->open(disk, path, O_RDWR | O_CREAT, 0600);
    if (file < 0)
        return false;
    error = disk->allocate(disk, file, h->config.ballast_size);
    disk->close(disk, file);
    return error == 0;
}

static void look_at_disk(struct housekeeper *h)
{
    uint64_t free_bytes, total, ballast = h->config.ballast_size;
    bool was_full = atomic_load(&h->is_full), is_full;

    if (h->config.disk->free_bytes(h->config.disk, h->config.path, &free_bytes, &total) != 0)
        return;
    is_full = free_bytes < h->config.free_min;
    atomic_store(&h->is_full, is_full);
    if (is_full && !was_full)
        say(h, "store: the disk is nearly full: no more mail is taken until there is room");
    if (was_full && !is_full)
        say(h, "store: there is room on the disk again");

    if (free_bytes < FREE_BYTES_MIN && h->has_ballast) {
        housekeeper_ballast_drop(h->config.disk, h->config.path);
        h->has_ballast = false;
        say(h, "store: gave up BALLAST, so that deleting can go on");
    } else if (!h->has_ballast && ballast > 0 &&
               free_bytes >= h->config.free_min + FREE_BYTES_MIN + BALLAST_SPARE_FACTOR * ballast) {
        h->has_ballast = ballast_make(h);
    }
}

/* ---- turns ---- */

static bool make_room(struct housekeeper *h)
{
    bool did = false;

    while (journal_prepare(h->config.journal) || journal_recycle(h->config.journal))
        did = true;
    return did;
}

static void each_second(struct housekeeper *h)
{
    look_at_disk(h);
    if (h->config.find_dead != NULL)
        h->config.find_dead(h->config.context);
}

static bool compact(struct housekeeper *h)
{
    if (h->config.purge_one != NULL && h->config.purge_one(h->config.context))
        return true;
    return h->config.compact_one != NULL && !atomic_load(&h->is_full) &&
           h->config.compact_one(h->config.context);
}

bool housekeeper_step(struct housekeeper *h)
{
    bool did = make_room(h);

    each_second(h);
    if (make_room(h))
        did = true;
    return compact(h) || did;
}

static void housekeeper_run(void *context)
{
    struct housekeeper *h = context;
    bool is_compacting = false;

    while (!atomic_load(&h->is_closing)) {
        uint64_t now = clock_monotonic_ns();

        make_room(h);
        if (now >= h->second_at_ns) {
            each_second(h);
            make_room(h);
            h->second_at_ns = now + SECOND_MS * MS_NS;
            is_compacting = true;
        }
        if (is_compacting)
            is_compacting = compact(h);
        journal_wait_need(h->config.journal, is_compacting ? TURN_MS : SECOND_MS);
    }
}

struct housekeeper *housekeeper_open(const struct housekeeper_config *config)
{
    struct housekeeper *h = xcalloc(1, sizeof(*h));
    char path[PATH_SIZE];

    h->config = *config;
    if (h->config.disk == NULL)
        h->config.disk = &disk_real;
    ballast_path(config->path, path);
    h->has_ballast = h->config.disk->size(h->config.disk, path) >= 0;
    look_at_disk(h);
    if (config->manual)
        return h;
    h->thread = thread_start("housekeeper", housekeeper_run, h);
    if (h->thread == NULL) {
        free(h);
        return NULL;
    }
    return h;
}

bool housekeeper_is_full(const struct housekeeper *h)
{
    return atomic_load_explicit(&h->is_full, memory_order_relaxed);
}

void housekeeper_close(struct housekeeper **housekeeper)
{
    struct housekeeper *h = *housekeeper;

    if (h == NULL)
        return;
    atomic_store(&h->is_closing, true);
    if (h->thread != NULL) {
        journal_wake(h->config.journal);
        thread_join(&h->thread);
    }
    free(h);
    *housekeeper = NULL;
}
