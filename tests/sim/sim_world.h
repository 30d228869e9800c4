#ifndef TESTS_SIM_SIM_WORLD_H
#define TESTS_SIM_SIM_WORLD_H

/*
 * sim_world: the gateway and what it stands on: a simulated disk for the log, real files in the
 * working directory for the index, lives that begin with recovery and end with a stop or a cut.
 *
 * The index is LMDB's, which makes its own system calls: after a cut it is what its last commit
 * left, as LMDB promises; or an older one; or gone.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/gateway/gateway.h"
#include "tests/sim/sim_run.h"
#include "tests/support/sim_disk.h"

/* The same words wherever the test runs, so that the same seed is the same run. */
#define WORLD_ROOT  "/proc/self/cwd"
#define WORLD_STORE WORLD_ROOT "/store"

struct index_copy; /* the files of the index */

struct world {
    struct run *run;
    struct sim_disk *disk;
    struct gateway *gateway; /* NULL: not running */
    bool without_sync;

    uint64_t cut_at;        /* the power goes after this operation of the disk, ... */
    bool cut_in_write;      /* ... or after the next write that follows it; cut_at 0: it stays */
    struct sim_disk *image; /* not NULL: it went, and this is what is left */
    struct index_copy *image_index, *old_index;
    bool cut_is_kill;

    /* What other threads do while the store's waits for the disk: called after each operation. */
    void (*meanwhile)(void *context);
    void *context;
};

/* The working directory must be empty. */
void world_begin(struct world *w, struct run *run, bool without_sync);
void world_end(struct world *w); /* removes all files */

/* Starts the gateway; after a cut on what the cut left. */
void world_start(struct world *w);

/* The power fails within the next `operations` of the disk. */
void world_cut_soon(struct world *w, uint64_t operations);
void world_cut_now(struct world *w, const char *when);
bool world_was_cut(const struct world *w);
void world_keep_index(struct world *w); /* as it is now, for a later cut */

/* Ends this life, all clients gone: in order, or by the cut that has come. */
void world_stop(struct world *w);

/* Looks into the stopped store and holds it against the model (sim_verify.c). */
void world_verify(struct world *w);
/* The same of the mailboxes that come and go (sim_verify_folders.c). */
struct store_view;
void world_verify_folders(struct world *w, struct store_view *v);
/* `ringpost store check` of it. */
void world_check(struct world *w);

struct store_config;
struct store_config world_store_config(struct world *w); /* for these two */

#endif
