#include "store/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int outcome(int result)
{
    return result < 0 ? -errno : result;
}

static int real_open(const struct disk *d, const char *path, int flags, mode_t mode)
{
    int file = open(path, flags | O_CLOEXEC, mode);

    (void)d;
    if (file < 0 && errno == EINVAL && (flags & O_DIRECT) != 0)
        file = open(path, (flags & ~O_DIRECT) | O_CLOEXEC, mode);
    return outcome(file);
}

static int real_close(const struct disk *d, int file)
{
    (void)d;
    return outcome(close(file));
}

static ssize_t real_pread(const struct disk *d, int file, void *at, size_t size, uint64_t from)
{
    ssize_t count;

    (void)d;
    do
        count = pread(file, at, size, (off_t)from);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

static ssize_t real_pwritev(const struct disk *d, int file, const struct iovec *parts, int count,
                            uint64_t at)
{
    ssize_t written;

    (void)d;
    do
        written = pwritev(file, parts, count, (off_t)at);
    while (written < 0 && errno == EINTR);
    return written < 0 ? -errno : written;
}

static int real_sync_data(const struct disk *d, int file)
{
    (void)d;
    return outcome(fdatasync(file));
}

static int real_sync_all(const struct disk *d, int file)
{
    (void)d;
    return outcome(fsync(file));
}

static int real_allocate(const struct disk *d, int file, uint64_t size)
{
    (void)d;
    return -posix_fallocate(file, 0, (off_t)size);
}

static int real_truncate(const struct disk *d, int file, uint64_t size)
{
    (void)d;
    return outcome(ftruncate(file, (off_t)size));
}

static int real_rename(const struct disk *d, const char *from, const char *to)
{
    (void)d;
    return outcome(rename(from, to));
}

static int real_unlink(const struct disk *d, const char *path)
{
    (void)d;
    return outcome(unlink(path));
}

static int real_make_dir(const struct disk *d, const char *path, mode_t mode)
{
    (void)d;
    return mkdir(path, mode) < 0 && errno != EEXIST ? -errno : 0;
}

static int real_list(const struct disk *d, const char *path,
                     void (*entry)(void *context, const char *name), void *context)
{
    DIR *dir = opendir(path);
    struct dirent *found;
    int error;

    (void)d;
    if (dir == NULL)
        return -errno;
    while (errno = 0, (found = readdir(dir)) != NULL) {
        if (strcmp(found->d_name, ".") != 0 && strcmp(found->d_name, "..") != 0)
            entry(context, found->d_name);
    }
    error = errno;
    closedir(dir);
    return -error;
}

static int64_t real_size(const struct disk *d, const char *path)
{
    struct stat about;

    (void)d;
    return stat(path, &about) < 0 ? -errno : about.st_size;
}

static int real_link_count(const struct disk *d, const char *path)
{
    struct stat about;

    (void)d;
    return stat(path, &about) < 0 ? -errno : (int)about.st_nlink;
}

static int real_free_bytes(const struct disk *d, const char *path, uint64_t *free_r,
                           uint64_t *total_r)
{
    struct statvfs about;

    (void)d;
    if (statvfs(path, &about) < 0)
        return -errno;
    *free_r = (uint64_t)about.f_bavail * about.f_frsize;
    *total_r = (uint64_t)about.f_blocks * about.f_frsize;
    return 0;
}

static int real_lock(const struct disk *d, int file)
{
    (void)d;
    return outcome(flock(file, LOCK_EX | LOCK_NB));
}

static void *real_map(const struct disk *d, int file, size_t size)
{
    void *at = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);

    (void)d;
    return at == MAP_FAILED ? NULL : at;
}

static void real_unmap(const struct disk *d, void *at, size_t size)
{
    (void)d;
    munmap(at, size);
}

const struct disk disk_real = {
    .open = real_open,
    .close = real_close,
    .pread = real_pread,
    .pwritev = real_pwritev,
    .sync_data = real_sync_data,
    .sync_all = real_sync_all,
    .allocate = real_allocate,
    .truncate = real_truncate,
    .rename = real_rename,
    .unlink = real_unlink,
    .make_dir = real_make_dir,
    .list = real_list,
    .size = real_size,
    .link_count = real_link_count,
    .free_bytes = real_free_bytes,
    .lock = real_lock,
    .map = real_map,
    .unmap = real_unmap,
};
