/* The C library's calls are to be defined by their plain names; their names for large files, which
 * are the same on machines of 64 bits, follow below. */
#undef _FILE_OFFSET_BITS
#include "tests/crash/lmdb_power.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"

enum {
    FILES_MAX = 1024,
    PATH_SIZE = 4096,
};

struct watched { /* by descriptor */
    bool is_used;
    bool is_dsync;
    int file; /* its handle on the simulated disk */
    char *path;
};

static struct watched files[FILES_MAX];
static struct sim_disk *disk;
static char root[PATH_SIZE];
static bool ignores_sync;

/* ---- which calls are watched ---- */

static bool is_watched_path(const char *path)
{
    size_t len = strlen(root), path_len = strlen(path);
    static const char lock[] = "/lock.mdb";

    return disk != NULL && strncmp(path, root, len) == 0 && path[len] == '/' &&
           (path_len < sizeof(lock) || strcmp(path + path_len + 1 - sizeof(lock), lock) != 0);
}

static struct watched *watched_file(int file)
{
    return disk != NULL && file >= 0 && file < FILES_MAX && files[file].is_used ? &files[file]
                                                                                : NULL;
}

static const struct disk *table(void)
{
    return sim_disk_table(disk);
}

static void forget(int file)
{
    free(files[file].path);
    files[file] = (struct watched){0};
}

void lmdb_power_watch(struct sim_disk *new_disk, const char *new_root)
{
    for (int i = 0; i < FILES_MAX; i++)
        forget(i);
    disk = new_disk;
    if (disk != NULL)
        (void)snprintf(root, sizeof(root), "%s", new_root);
}

void lmdb_power_ignore_sync(bool ignore)
{
    ignores_sync = ignore;
}

/* ---- the same on the simulated disk; errno stays that of the real call ---- */

static void opened(int file, const char *path, int flags)
{
    int error = errno;
    struct watched *w = &files[file];

    ensure(file < FILES_MAX);
    forget(file);
    w->file = table()->open(table(), path, flags, 0600);
    ensure(w->file >= 0);
    w->path = xstrdup(path);
    w->is_dsync = (flags & (O_DSYNC | O_SYNC)) != 0;
    w->is_used = true;
    errno = error;
}

static void wrote(struct watched *w, const char *bytes, size_t len, uint64_t at)
{
    int error = errno;

    for (size_t done = 0; done < len;) {
        struct iovec part = {(void *)(uintptr_t)(bytes + done), len - done};
        ssize_t some = table()->pwritev(table(), w->file, &part, 1, at + done);
        ensure(some > 0);
        done += (size_t)some;
    }
    if (w->is_dsync)
        sim_disk_sync_range(disk, w->path, at, len);
    errno = error;
}

static void synced(struct watched *w, bool all)
{
    int error = errno;

    if (!ignores_sync || strstr(w->path, "/data.mdb") == NULL)
        ensure((all ? table()->sync_all : table()->sync_data)(table(), w->file) == 0);
    errno = error;
}

/* ---- the calls ---- */

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list args;
    int file;

    if ((flags & O_CREAT) != 0) {
        va_start(args, flags);
        mode = (mode_t)va_arg(args, int);
        va_end(args);
    }
    file = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (file >= 0 && is_watched_path(path))
        opened(file, path, flags);
    return file;
}

int close(int file)
{
    struct watched *w = watched_file(file);

    if (w != NULL) {
        table()->close(table(), w->file);
        forget(file);
    }
    return (int)syscall(SYS_close, file);
}

ssize_t pwrite(int file, const void *bytes, size_t len, off_t at)
{
    ssize_t done = syscall(SYS_pwrite64, file, bytes, len, at);
    struct watched *w = watched_file(file);

    if (w != NULL && done > 0)
        wrote(w, bytes, (size_t)done, (uint64_t)at);
    return done;
}

ssize_t write(int file, const void *bytes, size_t len)
{
    struct watched *w = watched_file(file);
    off_t at = w != NULL ? lseek(file, 0, SEEK_CUR) : 0;
    ssize_t done = syscall(SYS_write, file, bytes, len);

    if (w != NULL && done > 0)
        wrote(w, bytes, (size_t)done, (uint64_t)at);
    return done;
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
    struct watched *w = watched_file(file);
    off_t at = w != NULL ? lseek(file, 0, SEEK_CUR) : 0;
    ssize_t done = syscall(SYS_writev, file, parts, count);
    size_t left = done > 0 ? (size_t)done : 0, len = left;
    char *bytes;

    if (w == NULL || left == 0)
        return done;
    bytes = xmalloc(len);
    for (int i = 0; left > 0; i++) {
        size_t some = parts[i].iov_len < left ? parts[i].iov_len : left;
        memcpy(bytes + len - left, parts[i].iov_base, some);
        left -= some;
    }
    wrote(w, bytes, len, (uint64_t)at);
    free(bytes);
    return done;
}

int fdatasync(int file)
{
    struct watched *w = watched_file(file);
    int rc = (int)syscall(SYS_fdatasync, file);

    if (w != NULL && rc == 0)
        synced(w, false);
    return rc;
}

int fsync(int file)
{
    struct watched *w = watched_file(file);
    int rc = (int)syscall(SYS_fsync, file);

    if (w != NULL && rc == 0)
        synced(w, true);
    return rc;
}

int ftruncate(int file, off_t size)
{
    struct watched *w = watched_file(file);
    int rc = (int)syscall(SYS_ftruncate, file, size);
    int error = errno;

    if (w != NULL && rc == 0)
        ensure(table()->truncate(table(), w->file, (uint64_t)size) == 0);
    errno = error;
    return rc;
}

int rename(const char *from, const char *to)
{
    int rc = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    int error = errno;

    if (rc == 0 && is_watched_path(from))
        ensure(table()->rename(table(), from, to) == 0);
    errno = error;
    return rc;
}

int unlink(const char *path)
{
    int rc = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    int error = errno;

    if (rc == 0 && is_watched_path(path))
        ensure(table()->unlink(table(), path) == 0);
    errno = error;
    return rc;
}

int mkdir(const char *path, mode_t mode)
{
    int rc = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    int error = errno;

    if (rc == 0 && is_watched_path(path))
        ensure(table()->make_dir(table(), path, mode) == 0);
    errno = error;
    return rc;
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
ssize_t pwrite64(int file, const void *bytes, size_t len, off64_t at)
    __attribute__((alias("pwrite")));
int ftruncate64(int file, off64_t size) __attribute__((alias("ftruncate")));

/* ---- from the simulated disk to real files ---- */

struct place {
    const struct sim_disk *disk;
    const char *directory;
};

static void place_file(void *context, const char *name)
{
    const struct place *p = context;
    char path[PATH_SIZE];
    const char *bytes;
    size_t len;
    int file;

    (void)snprintf(path, sizeof(path), "%s/%s", p->directory, name);
    bytes = sim_disk_bytes(p->disk, path, &len);
    file = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ensure(file >= 0);
    ensure(syscall(SYS_pwrite64, file, bytes, len, 0) == (long)len);
    syscall(SYS_close, file);
}

static void place_directory(void *context, const char *name)
{
    const struct place *p = context;
    const struct disk *from = sim_disk_table((struct sim_disk *)(uintptr_t)p->disk);
    char path[PATH_SIZE];
    struct place inside = {p->disk, path};

    if (strncmp(name, "idx", 3) != 0)
        return;
    (void)snprintf(path, sizeof(path), "%s/%s", p->directory, name);
    ensure(syscall(SYS_mkdirat, AT_FDCWD, path, 0700) == 0);
    ensure(from->list(from, path, place_file, &inside) == 0);
}

void lmdb_power_place(const struct sim_disk *from, const char *new_root)
{
    const struct disk *d = sim_disk_table((struct sim_disk *)(uintptr_t)from);
    char path[PATH_SIZE];
    struct place place = {from, path};

    (void)snprintf(path, sizeof(path), "%s/store", new_root);
    ensure(syscall(SYS_mkdirat, AT_FDCWD, path, 0700) == 0);
    (void)d->list(d, path, place_directory, &place);
}

bool lmdb_power_is_true(const struct sim_disk *from, const char *path)
{
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    size_t len = 0;
    const char *simulated = sim_disk_bytes(from, path, &len);
    char *real;
    bool same;

    if (file < 0 || simulated == NULL) {
        if (file >= 0)
            syscall(SYS_close, file);
        return file < 0 && simulated == NULL;
    }
    real = xmalloc(len + 1);
    same = syscall(SYS_pread64, file, real, len + 1, 0) == (long)len &&
           memcmp(real, simulated, len) == 0;
    free(real);
    syscall(SYS_close, file);
    return same;
}
