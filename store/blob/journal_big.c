/* Big messages: a file each, under big/. Its name is a random number that is never used again. */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/crc32c.h"
#include "core/base/ensure.h"
#include "core/base/random.h"
#include "store/blob/journal_private.h"

struct journal_big {
    struct journal *j;
    uint64_t id;
    uint32_t len, crc;
    int file;
    bool is_finished;
    char *map; /* of the first `mapped` bytes, or NULL */
    size_t mapped;
};

struct big_pin {
    struct journal_pin pin;
    struct journal *j;
    void *map;
    size_t len;
};

static void big_path(const struct journal *j, uint64_t id, const char *end, char *path_r)
{
    journal_path(j, path_r, "big/%02x/%016" PRIx64 ".%s", (unsigned)(id % JOURNAL_BIG_DIRS), id,
                 end);
}

/* ---- writing ---- */

enum store_status journal_big_open(struct journal *j, struct journal_big **big_r)
{
    struct journal_big *b = xcalloc(1, sizeof(*b));
    char path[JOURNAL_PATH_SIZE];

    b->j = j;
    do
        b->id = random_u64();
    while (b->id == 0);
    big_path(j, b->id, "eml.tmp", path);
    b->file = j->disk->open(j->disk, path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (b->file < 0) {
        enum store_status status = journal_status(b->file);

        free(b);
        return status == STORE_NOT_FOUND ? STORE_IO : status;
    }
    *big_r = b;
    return STORE_OK;
}

static void drop_map(struct journal_big *b)
{
    if (b->map != NULL)
        b->j->disk->unmap(b->j->disk, b->map, b->mapped);
    b->map = NULL;
}

enum store_status journal_big_add(struct journal_big *b, struct span bytes)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes.at, .iov_len = bytes.len};
    int error;

    ensure(!b->is_finished);
    if (bytes.len > UINT32_MAX - b->len)
        return STORE_INVALID;
    if (bytes.len == 0)
        return STORE_OK;
    drop_map(b);
    error = journal_write(b->j->disk, b->file, &part, 1, b->len);
    if (error != 0)
        return journal_status(error);
    b->crc = crc32c(b->crc, bytes.at, bytes.len);
    b->len += (uint32_t)bytes.len;
    return STORE_OK;
}

enum store_status journal_big_bytes(struct journal_big *b, struct span *bytes_r)
{
    *bytes_r = (struct span){NULL, 0};
    if (b->len == 0)
        return STORE_OK;
    if (b->map == NULL) {
        b->map = b->j->disk->map(b->j->disk, b->file, b->len);
        b->mapped = b->len;
    }
    if (b->map == NULL)
        return STORE_IO;
    *bytes_r = (struct span){b->map, b->len};
    return STORE_OK;
}

/* After a failed sync the file is given up: nothing names it yet. */
enum store_status journal_big_finish(struct journal_big *b, uint64_t *id_r, uint32_t *len_r,
                                     uint32_t *crc_r)
{
    const struct disk *disk = b->j->disk;
    char from[JOURNAL_PATH_SIZE], to[JOURNAL_PATH_SIZE], dir[16];
    int error = 0;

    big_path(b->j, b->id, "eml.tmp", from);
    big_path(b->j, b->id, "eml", to);
    (void)snprintf(dir, sizeof(dir), "big/%02x", (unsigned)(b->id % JOURNAL_BIG_DIRS));
    if (!b->j->config.without_sync)
        error = disk->sync_data(disk, b->file);
    if (error == 0)
        error = disk->rename(disk, from, to);
    if (error != 0)
        return journal_status(error);
    error = journal_sync_dir(b->j, dir);
    if (error != 0) {
        (void)disk->unlink(disk, to);
        return journal_status(error);
    }
    b->is_finished = true;
    *id_r = b->id;
    *len_r = b->len;
    *crc_r = b->crc;
    return STORE_OK;
}

void journal_big_close(struct journal_big **big)
{
    struct journal_big *b = *big;
    char path[JOURNAL_PATH_SIZE];

    if (b == NULL)
        return;
    drop_map(b);
    b->j->disk->close(b->j->disk, b->file);
    if (!b->is_finished) {
        big_path(b->j, b->id, "eml.tmp", path);
        (void)b->j->disk->unlink(b->j->disk, path);
    }
    free(b);
    *big = NULL;
}

void journal_big_remove(struct journal *j, uint64_t id)
{
    char path[JOURNAL_PATH_SIZE];

    big_path(j, id, "eml", path);
    (void)j->disk->unlink(j->disk, path);
}

/* ---- reading ---- */

/* A file that is shorter than its record says was cut; beyond its end a mapping can't be read. */
enum store_status journal_big_pin(struct journal *j, uint64_t id, uint32_t len,
                                  struct span *bytes_r, struct journal_pin **pin_r)
{
    char path[JOURNAL_PATH_SIZE];
    struct big_pin *p;
    int64_t size;
    int file;

    big_path(j, id, "eml", path);
    size = j->disk->size(j->disk, path);
    if (size < 0)
        return journal_status((int)size);
    if (size != len || len == 0)
        return STORE_CORRUPT;
    file = j->disk->open(j->disk, path, O_RDONLY, 0);
    if (file < 0)
        return journal_status(file);
    p = xcalloc(1, sizeof(*p));
    *p = (struct big_pin){.pin = {.is_big = true}, .j = j, .len = len};
    p->map = j->disk->map(j->disk, file, len);
    j->disk->close(j->disk, file);
    if (p->map == NULL) {
        free(p);
        return STORE_IO;
    }
    *bytes_r = (struct span){p->map, len};
    *pin_r = &p->pin;
    return STORE_OK;
}

void journal_big_unpin(struct journal_pin *pin)
{
    struct big_pin *p = (struct big_pin *)(void *)pin;

    p->j->disk->unmap(p->j->disk, p->map, p->len);
    free(p);
}

/* ---- sweeping ---- */

struct sweep {
    struct journal *j;
    unsigned dir;
    bool (*wanted)(void *context, uint64_t id);
    void *context;
};

static void sweep_name(void *context, const char *name)
{
    struct sweep *s = context;
    char path[JOURNAL_PATH_SIZE];
    uint64_t id;

    if (journal_hex_read(name, 16, &id) && strcmp(name + 16, ".eml") == 0 &&
        s->wanted(s->context, id))
        return;
    journal_path(s->j, path, "big/%02x/%s", s->dir, name);
    (void)s->j->disk->unlink(s->j->disk, path);
}

void journal_big_sweep(struct journal *j, bool (*wanted)(void *context, uint64_t id), void *context)
{
    struct sweep s = {.j = j, .wanted = wanted, .context = context};
    char path[JOURNAL_PATH_SIZE];

    ensure(!j->config.read_only);
    for (s.dir = 0; s.dir < JOURNAL_BIG_DIRS; s.dir++) {
        journal_path(j, path, "big/%02x", s.dir);
        (void)j->disk->list(j->disk, path, sweep_name, &s);
    }
}
