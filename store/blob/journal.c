/* Opening and closing the log: directories, FORMAT and LOCK. */

#include "store/blob/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "core/base/number.h"
#include "core/base/random.h"
#include "store/blob/journal_private.h"

enum {
    FORMAT_SIZE_MAX = 512, /* bytes of the FORMAT file */
};

void journal_path(const struct journal *j, char *path_r, const char *format, ...)
{
    int len = snprintf(path_r, JOURNAL_PATH_SIZE, "%s/", j->path);
    va_list arguments;

    va_start(arguments, format);
    len += vsnprintf(path_r + len, (size_t)(JOURNAL_PATH_SIZE - len), format, arguments);
    va_end(arguments);
    ensure(len < JOURNAL_PATH_SIZE);
}

void journal_say(const struct journal *j, const char *format, ...)
{
    char text[512];
    va_list arguments;

    if (j->config.say == NULL)
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    j->config.say(j->config.context, text);
}

void journal_fail(const struct journal *j, const char *what, int error)
{
    journal_say(j, "store: %s failed: %s; stopping, since nobody knows what is on the disk", what,
                strerror(-error));
    abort();
}

enum store_status journal_status(int error)
{
    switch (error) {
    case 0:
        return STORE_OK;
    case -ENOENT:
        return STORE_NOT_FOUND;
    case -ENOSPC:
    case -EDQUOT:
    case -EFBIG:
        return STORE_FULL;
    case -EWOULDBLOCK:
        return STORE_LOCKED;
    default:
        return STORE_IO;
    }
}

int journal_write(const struct disk *disk, int file, struct iovec *parts, size_t count, uint64_t at)
{
    while (count > 0) {
        int now = count < IOV_MAX ? (int)count : IOV_MAX;
        ssize_t written = disk->pwritev(disk, file, parts, now, at);

        if (written <= 0)
            return written < 0 ? (int)written : -EIO;
        at += (uint64_t)written;
        while (count > 0 && (size_t)written >= parts->iov_len) {
            written -= (ssize_t)parts->iov_len;
            parts++;
            count--;
        }
        if (written > 0) {
            parts->iov_base = (char *)parts->iov_base + written;
            parts->iov_len -= (size_t)written;
        }
    }
    return 0;
}

int journal_sync_dir(const struct journal *j, const char *name)
{
    char path[JOURNAL_PATH_SIZE];
    int dir, error;

    if (j->config.without_sync)
        return 0;
    journal_path(j, path, "%s", name);
    dir = j->disk->open(j->disk, path, O_RDONLY | O_DIRECTORY, 0);
    if (dir < 0)
        return dir;
    error = j->disk->sync_all(j->disk, dir);
    j->disk->close(j->disk, dir);
    return error;
}

/* ---- FORMAT ---- */

static int format_write(struct journal *j)
{
    char from[JOURNAL_PATH_SIZE], to[JOURNAL_PATH_SIZE], text[FORMAT_SIZE_MAX];
    int len = snprintf(text, sizeof(text), "ringpost store\nversion %d\nid ", JOURNAL_VERSION);
    struct iovec part = {.iov_base = text};
    int file, error;

    for (unsigned i = 0; i < JOURNAL_ID_SIZE; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len, "%02x", j->id[i]);
    len += snprintf(text + len, sizeof(text) - (size_t)len, "\nalign %d\ncreated_us %" PRId64 "\n",
                    JOURNAL_ALIGN, clock_wall_us());
    part.iov_len = (size_t)len;

    journal_path(j, from, "FORMAT.tmp");
    journal_path(j, to, "FORMAT");
    file = j->disk->open(j->disk, from, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0)
        return file;
    error = journal_write(j->disk, file, &part, 1, 0);
    if (error == 0 && !j->config.without_sync)
        error = j->disk->sync_all(j->disk, file);
    j->disk->close(j->disk, file);
    if (error == 0)
        error = j->disk->rename(j->disk, from, to);
    return error != 0 ? error : journal_sync_dir(j, "");
}

/* What stands behind a word at the beginning of a line, up to its end. */
static struct span format_value(const char *text, const char *word)
{
    const char *at = strstr(text, word);

    return at == NULL ? (struct span){NULL, 0}
                      : (struct span){at + strlen(word), strcspn(at + strlen(word), "\n")};
}

static enum store_status format_parse(struct journal *j, const char *text)
{
    struct span id = format_value(text, "\nid "), version = format_value(text, "\nversion ");
    uint64_t number;

    if (strncmp(text, "ringpost store\n", 15) != 0 || id.len != (size_t)2 * JOURNAL_ID_SIZE ||
        !number_parse(version, UINT32_MAX, &number))
        return STORE_CORRUPT;
    if (number > JOURNAL_VERSION)
        return STORE_VERSION;
    for (unsigned i = 0; i < JOURNAL_ID_SIZE; i++) {
        if (!journal_hex_read(id.at + (size_t)2 * i, 2, &number))
            return STORE_CORRUPT;
        j->id[i] = (unsigned char)number;
    }
    return STORE_OK;
}

static enum store_status format_read(struct journal *j)
{
    char path[JOURNAL_PATH_SIZE];
    char text[FORMAT_SIZE_MAX + 1] = {0}; /* zeros behind: parsing stops there */
    ssize_t len;
    int file;

    journal_path(j, path, "FORMAT");
    file = j->disk->open(j->disk, path, O_RDONLY, 0);
    if (file < 0)
        return journal_status(file);
    len = j->disk->pread(j->disk, file, text, FORMAT_SIZE_MAX, 0);
    j->disk->close(j->disk, file);
    return len < 0 ? journal_status((int)len) : format_parse(j, text);
}

/* ---- opening ---- */

static void count_name(void *context, const char *name)
{
    (void)name;
    ++*(unsigned *)context;
}

static int make_dirs(struct journal *j)
{
    char path[JOURNAL_PATH_SIZE];
    int error;

    journal_path(j, path, "seg");
    error = j->disk->make_dir(j->disk, path, 0700);
    journal_path(j, path, "big");
    if (error == 0)
        error = j->disk->make_dir(j->disk, path, 0700);
    for (unsigned i = 0; i < JOURNAL_BIG_DIRS && error == 0; i++) {
        journal_path(j, path, "big/%02x", i);
        error = j->disk->make_dir(j->disk, path, 0700);
    }
    if (error == 0)
        error = journal_sync_dir(j, "seg");
    if (error == 0)
        error = journal_sync_dir(j, "big");
    if (error == 0)
        error = journal_sync_dir(j, "");
    return error != 0 ? error : journal_sync_dir(j, "..");
}

/* FORMAT comes last: without it there is no store yet, and making it begins anew. */
static enum store_status make_store(struct journal *j)
{
    char path[JOURNAL_PATH_SIZE];
    unsigned segments = 0;
    int error;

    journal_path(j, path, "seg");
    (void)j->disk->list(j->disk, path, count_name, &segments);
    if (segments > 0 || j->config.read_only) {
        journal_say(j, "store: there is no FORMAT in %s", j->path);
        return segments > 0 ? STORE_CORRUPT : STORE_NOT_FOUND;
    }
    random_bytes(j->id, sizeof(j->id));
    error = make_dirs(j);
    return journal_status(error != 0 ? error : format_write(j));
}

static enum store_status lock_store(struct journal *j)
{
    char path[JOURNAL_PATH_SIZE];
    int error;

    journal_path(j, path, "LOCK");
    j->lock_file = j->disk->open(j->disk, path, O_RDWR | O_CREAT, 0600);
    if (j->lock_file < 0)
        return journal_status(j->lock_file);
    error = j->disk->lock(j->disk, j->lock_file);
    if (error == -EWOULDBLOCK)
        journal_say(j, "store: %s is open in another process", j->path);
    return journal_status(error);
}

/* The last process may have been killed between a write and its sync, or between a rename and its
 * sync. What we see then need not be durable yet, and we are about to build on it: applied to the
 * index, it must not be lost any more. Only the newest segment can hold such a write. */
static int make_durable(struct journal *j)
{
    struct journal_segment *last;
    int error;

    if (j->used_count == 0)
        return make_dirs(j);
    last = j->used[j->used_count - 1];
    error = journal_segment_open(last);
    if (error == 0 && !j->config.without_sync)
        error = j->disk->sync_data(j->disk, last->file);
    return error != 0 ? error : journal_sync_dir(j, "seg");
}

static enum store_status open_files(struct journal *j)
{
    enum store_status status;
    int error;

    if (!j->config.read_only) {
        error = j->disk->make_dir(j->disk, j->path, 0700);
        if (error != 0)
            return journal_status(error);
    }
    status = lock_store(j);
    if (status != STORE_OK)
        return status;
    status = format_read(j);
    if (status == STORE_CORRUPT)
        journal_say(j, "store: FORMAT in %s can't be understood", j->path);
    if (status == STORE_NOT_FOUND)
        status = make_store(j);
    if (status == STORE_OK)
        status = journal_segments_load(j);
    if (status == STORE_OK && !j->config.read_only)
        status = journal_status(make_durable(j));
    return status;
}

static struct journal *journal_new(const struct journal_config *config)
{
    struct journal *j = xcalloc(1, sizeof(*j));
    pthread_condattr_t monotonic;

    j->config = *config;
    j->disk = config->disk != NULL ? config->disk : &disk_real;
    j->path = xstrdup(config->path);
    j->segment_size = config->segment_size != 0 ? config->segment_size : JOURNAL_SEGMENT_SIZE;
    j->lock_file = -1;
    pthread_mutex_init(&j->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&j->need, &monotonic);
    pthread_cond_init(&j->ready_more, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return j;
}

enum store_status journal_open(const struct journal_config *config, struct journal **journal_r)
{
    struct journal *j;
    enum store_status status;

    if (strlen(config->path) > JOURNAL_STORE_PATH_MAX)
        return STORE_INVALID;
    j = journal_new(config);
    if (j->segment_size % JOURNAL_ALIGN != 0 || j->segment_size < JOURNAL_SEGMENT_SIZE_MIN ||
        j->segment_size > JOURNAL_SEGMENT_SIZE_MAX)
        status = STORE_INVALID;
    else
        status = open_files(j);
    if (status != STORE_OK) {
        journal_close(&j);
        return status;
    }
    *journal_r = j;
    return STORE_OK;
}

void journal_close(struct journal **journal)
{
    struct journal *j = *journal;

    if (j == NULL)
        return;
    journal_segments_free(j);
    if (j->lock_file >= 0)
        j->disk->close(j->disk, j->lock_file);
    pthread_cond_destroy(&j->need);
    pthread_cond_destroy(&j->ready_more);
    pthread_mutex_destroy(&j->lock);
    free(j->staging);
    free(j->parts);
    free(j->path);
    free(j);
    *journal = NULL;
}

struct span journal_store_id(const struct journal *j)
{
    return (struct span){(const char *)j->id, sizeof(j->id)};
}

void journal_numbers(const struct journal *j, struct store_numbers *numbers_r)
{
    struct journal *unlocked =
        (struct journal *)(uintptr_t)j; /* the lock is no part of its state */

    numbers_r->syncs += atomic_load_explicit(&j->syncs, memory_order_relaxed);
    numbers_r->sync_ns_total += atomic_load_explicit(&j->sync_ns, memory_order_relaxed);
    numbers_r->bytes_written += atomic_load_explicit(&j->bytes_written, memory_order_relaxed);
    pthread_mutex_lock(&unlocked->lock);
    numbers_r->segments += j->used_count;
    numbers_r->segments_spare += j->ready_count + j->pool_count;
    for (unsigned i = 0; i < j->used_count; i++)
        numbers_r->log_bytes += j->used[i]->size;
    pthread_mutex_unlock(&unlocked->lock);
}
