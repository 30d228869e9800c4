#ifndef TESTS_CRASH_LMDB_POWER_H
#define TESTS_CRASH_LMDB_POWER_H

/*
 * lmdb_power: LMDB's own files lose power with the simulated disk.
 *
 * LMDB makes its system calls itself and reads through a mapping, so its files are real ones. This
 * defines the calls that change files (open, write, pwrite, writev, fdatasync, fsync, ftruncate,
 * rename, unlink, mkdir), so that a program linked with it has them instead of the C library's:
 * each is done for real, and, when it is about a file under the watched root, once more on a
 * simulated disk. There the same pages are torn and forgotten as of the log's files, and the hook
 * of the disk sees one order of events for both. A write through a descriptor with O_DSYNC is two
 * events: written, and durable. LMDB's lock file is left out; a power cut takes it away. One
 * thread.
 */

#include <stdbool.h>

#include "tests/support/sim_disk.h"

/* From now on what happens to real files under `root` happens on `disk` too; `root` is the disk's
 * own root and a real directory. NULL ends it. */
void lmdb_power_watch(struct sim_disk *disk, const char *root);

/* A control: fdatasync of LMDB's data file no longer reaches the simulated disk. */
void lmdb_power_ignore_sync(bool ignore);

/* Makes the real files under `root` those of the disk: the index's directories of the store at
 * root/store. The real root must be there and empty. */
void lmdb_power_place(const struct sim_disk *disk, const char *root);

/* Whether real and simulated bytes of this file are the same: they must be, always. */
bool lmdb_power_is_true(const struct sim_disk *disk, const char *path);

#endif
