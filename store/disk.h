#ifndef STORE_DISK_H
#define STORE_DISK_H

/*
 * disk: the system calls that the log makes, as a table, so that tests and the simulator can put a
 * disk behind it that loses power, fills up or says no. All calls return -errno on failure, and a
 * count or 0 otherwise. Offsets and lengths are bytes. LMDB makes its own calls. Any thread.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct disk {
    /* O_DIRECT is a wish: a file system without it gives a file that is cached. */
    int (*open)(const struct disk *d, const char *path, int flags, mode_t mode);
    int (*close)(const struct disk *d, int file);
    ssize_t (*pread)(const struct disk *d, int file, void *at, size_t size, uint64_t from);
    ssize_t (*pwritev)(const struct disk *d, int file, const struct iovec *parts, int count,
                       uint64_t at);
    int (*sync_data)(const struct disk *d, int file);               /* fdatasync */
    int (*sync_all)(const struct disk *d, int file);                /* fsync, of directories too */
    int (*allocate)(const struct disk *d, int file, uint64_t size); /* room for it, or -ENOSPC */
    int (*truncate)(const struct disk *d, int file, uint64_t size);
    int (*rename)(const struct disk *d, const char *from, const char *to);
    int (*unlink)(const struct disk *d, const char *path);
    int (*make_dir)(const struct disk *d, const char *path, mode_t mode); /* 0 when it exists */
    /* Names in a directory, one call each, "." and ".." left out. */
    int (*list)(const struct disk *d, const char *path,
                void (*entry)(void *context, const char *name), void *context);
    int64_t (*size)(const struct disk *d, const char *path);   /* bytes, or -errno */
    int (*link_count)(const struct disk *d, const char *path); /* names of the file, or -errno */
    int (*free_bytes)(const struct disk *d, const char *path, uint64_t *free_r, uint64_t *total_r);
    int (*lock)(const struct disk *d,
                int file); /* exclusive, held for the file's life; -EWOULDBLOCK */
    /* Read-only mapping of a whole file; NULL when it can't be. */
    void *(*map)(const struct disk *d, int file, size_t size);
    void (*unmap)(const struct disk *d, void *at, size_t size);
    void *context;
};

extern const struct disk disk_real;

#endif
