#include "tests/support/sim_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "tests/support/sim_disk_private.h"

enum {
    HANDLE_FIRST = 1000,
};

uint64_t sim_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

bool sim_one_in(uint64_t *state, uint64_t n)
{
    return sim_random(state) % n == 0;
}

static struct sim_disk *sim_of(const struct disk *d)
{
    return d->context;
}

static void operation_done(struct sim_disk *d, const char *what)
{
    d->operations++;
    if (d->after == NULL || d->in_hook)
        return;
    d->in_hook = true;
    d->after(d->context, what);
    d->in_hook = false;
}

static bool fault_strikes(struct sim_disk *d, enum sim_fault kind)
{
    return d->fail_at[kind] > 0 && --d->fail_at[kind] == 0;
}

/* ---- the table ---- */

static struct sim_handle *handle_of(struct sim_disk *d, int file)
{
    size_t n = (size_t)(file - HANDLE_FIRST);

    ensure(file >= HANDLE_FIRST && n < d->handle_count);
    ensure(d->handles[n].inode != NULL);
    return &d->handles[n];
}

static int sim_open(const struct disk *table, const char *name, int flags, mode_t mode)
{
    struct sim_disk *d = sim_of(table);
    char path[SIM_PATH_SIZE], parent[SIM_PATH_SIZE];
    struct sim_inode *inode, *dir;

    (void)mode;
    sim_path_clean(name, path);
    sim_path_parent(path, parent);
    inode = sim_find(d, path);
    if (inode == NULL) {
        dir = sim_find(d, parent);
        if ((flags & O_CREAT) == 0 || dir == NULL)
            return -ENOENT;
        inode = sim_inode_new(d, false);
        sim_change_name(d, SIM_LINK, path, NULL, inode);
        operation_done(d, "create");
    } else if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) {
        return -EEXIST;
    } else if ((flags & O_TRUNC) != 0) {
        if (inode->size > 0)
            memset(inode->live, 0, inode->size);
        inode->size = 0;
    }
    if (inode->is_dir && (flags & O_ACCMODE) != O_RDONLY)
        return -EISDIR;
    if (d->handle_count == d->handle_size) {
        d->handle_size = d->handle_size == 0 ? 64 : d->handle_size * 2;
        d->handles = xrealloc(d->handles, d->handle_size * sizeof(*d->handles));
    }
    d->handles[d->handle_count] = (struct sim_handle){.inode = inode, .path = xstrdup(path)};
    return HANDLE_FIRST + (int)d->handle_count++;
}

static int sim_close(const struct disk *table, int file)
{
    struct sim_handle *h = handle_of(sim_of(table), file);

    if (h->holds_lock)
        h->inode->is_locked = false;
    h->inode = NULL;
    free(h->path);
    h->path = NULL;
    return 0;
}

static ssize_t sim_pread(const struct disk *table, int file, void *at, size_t size, uint64_t from)
{
    struct sim_inode *inode = handle_of(sim_of(table), file)->inode;

    if (fault_strikes(sim_of(table), SIM_FAULT_READ))
        return -EIO;
    if (from >= inode->size)
        return 0;
    if (size > inode->size - from)
        size = inode->size - from;
    memcpy(at, inode->live + from, size);
    return (ssize_t)size;
}

/* Whole pages are written part by part; else a page gets all that is written to it at once. */
static void inode_writev(struct sim_inode *inode, uint64_t at, const struct iovec *parts, int count,
                         size_t len)
{
    bool is_pages = at % SIM_PAGE == 0;
    size_t done = 0, whole = 0;
    char *bytes;

    for (int i = 0; i < count; i++) {
        is_pages = is_pages && parts[i].iov_len % SIM_PAGE == 0;
        whole += parts[i].iov_len;
    }
    bytes = is_pages ? NULL : xmalloc(whole + 1);
    for (int i = 0; i < count && done < len; i++) {
        size_t some = parts[i].iov_len < len - done ? parts[i].iov_len : len - done;
        if (is_pages)
            sim_inode_write(inode, at + done, (struct span){parts[i].iov_base, some});
        else if (some > 0)
            memcpy(bytes + done, parts[i].iov_base, some);
        done += some;
    }
    if (!is_pages)
        sim_inode_write(inode, at, (struct span){bytes, done});
    free(bytes);
}

static ssize_t sim_pwritev(const struct disk *table, int file, const struct iovec *parts, int count,
                           uint64_t at)
{
    struct sim_disk *d = sim_of(table);
    struct sim_inode *inode = handle_of(d, file)->inode;
    size_t len = 0, some;
    bool fails = fault_strikes(d, SIM_FAULT_WRITE);

    ensure(count > 0 && count <= 1024);
    for (int i = 0; i < count; i++)
        len += parts[i].iov_len;
    some = sim_room_for(d, inode, at, len);
    if (some == 0 && len > 0)
        return -ENOSPC;
    if (some > 1 && (fails || (d->short_writes > 0 && sim_one_in(&d->random, d->short_writes))))
        some = 1 + (size_t)(sim_random(&d->random) % (some - 1));
    inode_writev(inode, at, parts, count, some);
    operation_done(d, "write");
    return fails ? -EIO : (ssize_t)some;
}

static int sim_sync(const struct disk *table, int file)
{
    struct sim_disk *d = sim_of(table);
    struct sim_handle *h = handle_of(d, file);
    bool fails = fault_strikes(d, SIM_FAULT_SYNC);

    if (!h->inode->is_dir)
        sim_inode_sync(h->inode, fails, &d->random);
    else if (!fails)
        sim_sync_names(d, h->path);
    operation_done(d, "sync");
    return fails ? -EIO : 0;
}

static int sim_truncate(const struct disk *table, int file, uint64_t size)
{
    struct sim_disk *d = sim_of(table);
    struct sim_inode *inode = handle_of(d, file)->inode;

    if (size > inode->size && sim_room_for(d, inode, 0, size) < size)
        return -ENOSPC;
    sim_inode_grow(inode, size);
    if (size < inode->size) {
        memset(inode->live + size, 0, inode->size - size);
        inode->size = size;
    }
    operation_done(d, "truncate");
    return 0;
}

static int sim_allocate(const struct disk *table, int file, uint64_t size)
{
    struct sim_inode *inode = handle_of(sim_of(table), file)->inode;

    return size > inode->size ? sim_truncate(table, file, size) : 0;
}

static int sim_rename(const struct disk *table, const char *from, const char *to)
{
    struct sim_disk *d = sim_of(table);
    char path[SIM_PATH_SIZE], target[SIM_PATH_SIZE], parent[SIM_PATH_SIZE],
        target_parent[SIM_PATH_SIZE];
    struct sim_inode *inode;

    sim_path_clean(from, path);
    sim_path_clean(to, target);
    sim_path_parent(path, parent);
    sim_path_parent(target, target_parent);
    ensure(strcmp(parent, target_parent) == 0); /* nobody renames across directories yet */
    inode = sim_find(d, path);
    if (inode == NULL)
        return -ENOENT;
    sim_change_name(d, SIM_RENAME, path, target, inode);
    operation_done(d, "rename");
    return 0;
}

static int sim_unlink(const struct disk *table, const char *name)
{
    struct sim_disk *d = sim_of(table);
    char path[SIM_PATH_SIZE];
    struct sim_inode *inode;

    sim_path_clean(name, path);
    inode = sim_find(d, path);
    if (inode == NULL)
        return -ENOENT;
    if (inode->is_dir)
        return -EISDIR;
    sim_change_name(d, SIM_UNLINK, path, NULL, inode);
    operation_done(d, "unlink");
    return 0;
}

static int sim_make_dir(const struct disk *table, const char *name, mode_t mode)
{
    struct sim_disk *d = sim_of(table);
    char path[SIM_PATH_SIZE], parent[SIM_PATH_SIZE];

    (void)mode;
    sim_path_clean(name, path);
    sim_path_parent(path, parent);
    if (sim_find(d, path) != NULL)
        return 0;
    if (sim_find(d, parent) == NULL)
        return -ENOENT;
    sim_change_name(d, SIM_LINK, path, NULL, sim_inode_new(d, true));
    operation_done(d, "make_dir");
    return 0;
}

/* The names are gathered first: the caller may unlink while it is told. */
static int sim_list(const struct disk *table, const char *name,
                    void (*entry)(void *context, const char *name), void *context)
{
    struct sim_disk *d = sim_of(table);
    char path[SIM_PATH_SIZE], parent[SIM_PATH_SIZE];
    char **found;
    size_t count = 0;
    uint32_t hash;

    sim_path_clean(name, path);
    if (sim_find(d, path) == NULL)
        return -ENOENT;
    found = xcalloc(d->live.count + 1, sizeof(char *));
    hash = sim_path_hash(path);
    for (size_t i = 0; i < d->live.count; i++) {
        if (d->live.at[i].parent_hash != hash)
            continue;
        sim_path_parent(d->live.at[i].path, parent);
        if (strcmp(parent, path) == 0 && strcmp(d->live.at[i].path, path) != 0)
            found[count++] = xstrdup(d->live.at[i].path + strlen(path) + 1);
    }
    for (size_t i = 0; i < count; i++) {
        entry(context, found[i]);
        free(found[i]);
    }
    free(found);
    return 0;
}

static int64_t sim_size(const struct disk *table, const char *name)
{
    char path[SIM_PATH_SIZE];
    struct sim_inode *inode;

    sim_path_clean(name, path);
    inode = sim_find(sim_of(table), path);
    return inode != NULL ? (int64_t)inode->size : -ENOENT;
}

static int sim_link_count(const struct disk *table, const char *name)
{
    return sim_size(table, name) < 0 ? -ENOENT : 1;
}

static int sim_free_bytes(const struct disk *table, const char *path, uint64_t *free_r,
                          uint64_t *total_r)
{
    struct sim_disk *d = sim_of(table);
    uint64_t used = sim_used_bytes(d);

    (void)path;
    *total_r = d->capacity != 0 ? d->capacity : UINT64_C(1) << 50;
    *free_r = used < *total_r ? *total_r - used : 0;
    return 0;
}

static int sim_lock(const struct disk *table, int file)
{
    struct sim_handle *h = handle_of(sim_of(table), file);

    if (h->inode->is_locked)
        return h->holds_lock ? 0 : -EWOULDBLOCK;
    h->inode->is_locked = h->holds_lock = true;
    return 0;
}

static struct sim_inode *inode_at(struct sim_disk *d, const void *live)
{
    for (size_t i = 0; i < d->inode_count; i++) {
        if (d->inodes[i]->live == live)
            return d->inodes[i];
    }
    return NULL;
}

static void *sim_map(const struct disk *table, int file, size_t size)
{
    struct sim_inode *inode = handle_of(sim_of(table), file)->inode;

    if (size == 0 || size > inode->size)
        return NULL;
    inode->maps++;
    return inode->live;
}

static void sim_unmap(const struct disk *table, void *at, size_t size)
{
    struct sim_inode *inode = inode_at(sim_of(table), at);

    (void)size;
    ensure(inode != NULL && inode->maps > 0);
    inode->maps--;
}

static const struct disk sim_table = {
    .open = sim_open,
    .close = sim_close,
    .pread = sim_pread,
    .pwritev = sim_pwritev,
    .sync_data = sim_sync,
    .sync_all = sim_sync,
    .allocate = sim_allocate,
    .truncate = sim_truncate,
    .rename = sim_rename,
    .unlink = sim_unlink,
    .make_dir = sim_make_dir,
    .list = sim_list,
    .size = sim_size,
    .link_count = sim_link_count,
    .free_bytes = sim_free_bytes,
    .lock = sim_lock,
    .map = sim_map,
    .unmap = sim_unmap,
};

/* ---- life ---- */

struct sim_disk *sim_disk_bare(const char *root, uint64_t seed)
{
    struct sim_disk *d = xcalloc(1, sizeof(*d));

    d->table = sim_table;
    d->table.context = d;
    d->root = xstrdup(root);
    d->random = seed;
    return d;
}

struct sim_disk *sim_disk_new(const char *root, uint64_t seed)
{
    char path[SIM_PATH_SIZE];
    struct sim_disk *d;
    struct sim_inode *dir;

    sim_path_clean(root, path);
    d = sim_disk_bare(path, seed);
    dir = sim_inode_new(d, true);
    sim_names_put(&d->live, path, dir);
    sim_names_put(&d->durable, path, dir);
    return d;
}

void sim_disk_free(struct sim_disk **disk)
{
    struct sim_disk *d = *disk;

    if (d == NULL)
        return;
    for (size_t i = 0; i < d->inode_count; i++)
        sim_inode_free(d->inodes[i]);
    for (size_t i = 0; i < d->pending_count; i++)
        sim_operation_free(&d->pending[i]);
    for (size_t i = 0; i < d->handle_count; i++)
        free(d->handles[i].path);
    sim_names_free(&d->live);
    sim_names_free(&d->durable);
    free(d->inodes);
    free(d->pending);
    free(d->handles);
    free(d->root);
    free(d);
    *disk = NULL;
}

const struct disk *sim_disk_table(struct sim_disk *d)
{
    return &d->table;
}

/* ---- what tests turn ---- */

void sim_disk_hook(struct sim_disk *d, void (*after)(void *context, const char *what),
                   void *context)
{
    d->after = after;
    d->context = context;
}

uint64_t sim_disk_operations(const struct sim_disk *d)
{
    return d->operations;
}

void sim_disk_fail(struct sim_disk *d, enum sim_fault kind, uint64_t nth)
{
    d->fail_at[kind] = nth;
}

void sim_disk_set_capacity(struct sim_disk *d, uint64_t bytes)
{
    d->capacity = bytes;
}

void sim_disk_set_short_writes(struct sim_disk *d, unsigned n)
{
    d->short_writes = n;
}

const char *sim_disk_bytes(const struct sim_disk *d, const char *name, size_t *len_r)
{
    char path[SIM_PATH_SIZE];
    struct sim_inode *inode;

    sim_path_clean(name, path);
    inode = sim_find(d, path);
    if (inode == NULL)
        return NULL;
    *len_r = inode->size;
    return inode->live;
}

void sim_disk_sync_range(struct sim_disk *d, const char *name, uint64_t at, size_t len)
{
    char path[SIM_PATH_SIZE];
    struct sim_inode *inode;

    sim_path_clean(name, path);
    inode = sim_find(d, path);
    ensure(inode != NULL && at + len <= inode->size);
    sim_inode_sync_range(inode, at, len);
    operation_done(d, "sync");
}

void sim_disk_poke(struct sim_disk *d, const char *name, uint64_t at, struct span bytes)
{
    char path[SIM_PATH_SIZE];
    struct sim_inode *inode;

    sim_path_clean(name, path);
    inode = sim_find(d, path);
    ensure(inode != NULL && at + bytes.len <= inode->size);
    memcpy(inode->live + at, bytes.at, bytes.len);
    for (size_t n = at / SIM_PAGE; bytes.len > 0 && n <= (at + bytes.len - 1) / SIM_PAGE; n++) {
        if (inode->pages[n] != NULL && inode->pages[n]->count == 0)
            memcpy(sim_page_own(&inode->pages[n]->durable), inode->live + n * SIM_PAGE, SIM_PAGE);
    }
}
