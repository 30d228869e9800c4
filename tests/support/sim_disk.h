#ifndef TESTS_SUPPORT_SIM_DISK_H
#define TESTS_SUPPORT_SIM_DISK_H

/*
 * sim_disk: a disk in memory that can lose power, lie, fill up and say no (store/disk.h).
 *
 * It keeps two things apart: what the running process sees, and what would be there after a power
 * cut. Of a file that is what its last sync left, and of each 4 KiB page written since then any
 * version, old, new or between, one in three torn at a multiple of 512 bytes; of its size the old
 * or the new. Of a directory it is what its last sync left, and of each operation since then
 * whether it happened, in any order; a rename is whole or not at all. A sync of a file does not
 * make its name durable.
 *
 * Two ways to use it. With a hook that is called after each operation that changes anything: take
 * sim_disk_after_cut() there, run recovery on the image, compare with what was acknowledged so far,
 * free the image, and let the run go on. Or by letting a fault end the run. An image is a disk of
 * its own, on which nothing is open; the old one stays, so that what had it open can still close.
 *
 * Everything is decided by the seeds. One thread (manual mode). Paths are absolute and lie under
 * the root given to sim_disk_new(), which is there from the beginning and durable; it need not be
 * there on the real disk, but may, for LMDB makes its own calls to the real one.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "store/disk.h"

struct sim_disk;

MUST_USE struct sim_disk *sim_disk_new(const char *root, uint64_t seed);
void sim_disk_free(struct sim_disk **disk);
/* To be handed to the store; valid as long as the disk. */
const struct disk *sim_disk_table(struct sim_disk *d);

enum sim_cut {
    SIM_CUT_RANDOM,   /* as told above */
    SIM_CUT_ALL_LOST, /* nothing that was not synced is there */
    SIM_CUT_ALL_KEPT, /* everything is there: also what a killed process leaves behind */
};
/* The disk as it could be after a power cut now. Faults, hook and capacity are not inherited. */
MUST_USE struct sim_disk *sim_disk_after_cut(const struct sim_disk *d, enum sim_cut cut,
                                             uint64_t seed);
/* The disk as a new process finds it after a kill: what was not synced is there, and still not. */
MUST_USE struct sim_disk *sim_disk_after_kill(const struct sim_disk *d);

/* The same to this disk itself, which becomes the image; nothing is open on it afterwards, and who
 * had it open must not touch it again. For a forked child: what is clean is not copied. */
void sim_disk_cut(struct sim_disk *d, enum sim_cut cut, uint64_t seed);
void sim_disk_kill(struct sim_disk *d);
/* From now on its root has another name. Nothing may be open. */
void sim_disk_move(struct sim_disk *d, const char *root);

/* Makes bytes durable that are written: what a descriptor with O_DSYNC does. */
void sim_disk_sync_range(struct sim_disk *d, const char *path, uint64_t at, size_t len);

/* Called after each write, sync, truncate, allocate, rename, unlink, creation and make_dir; `what`
 * names it. Not called while it runs. */
void sim_disk_hook(struct sim_disk *d, void (*after)(void *context, const char *what),
                   void *context);
uint64_t sim_disk_operations(const struct sim_disk *d);

enum sim_fault {
    SIM_FAULT_SYNC,  /* sync_data and sync_all: -EIO; the pages are called clean and are not */
    SIM_FAULT_WRITE, /* pwritev: -EIO, with some of it written */
    SIM_FAULT_READ,  /* pread: -EIO */
    SIM_FAULT_KINDS,
};
/* The nth operation of that kind from now on (1: the next) fails, once. 0: none does. */
void sim_disk_fail(struct sim_disk *d, enum sim_fault kind, uint64_t nth);
/* Bytes that files may take in all; a write that needs more is short, then -ENOSPC. 0: no end. */
void sim_disk_set_capacity(struct sim_disk *d, uint64_t bytes);
/* One in n writes writes only part and says so; 0: none. */
void sim_disk_set_short_writes(struct sim_disk *d, unsigned n);

/* The file's bytes as they are now; NULL when there is none. Valid until it is written to. */
const char *sim_disk_bytes(const struct sim_disk *d, const char *path, size_t *len_r);
/* Changes bytes behind everybody's back, durably: rot. Inside the file. */
void sim_disk_poke(struct sim_disk *d, const char *path, uint64_t at, struct span bytes);

/* The simulator's own numbers: each call the next, from the state that the caller keeps. */
uint64_t sim_random(uint64_t *state);

#endif
