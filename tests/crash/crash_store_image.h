#ifndef TESTS_CRASH_CRASH_STORE_IMAGE_H
#define TESTS_CRASH_CRASH_STORE_IMAGE_H

/*
 * crash_store_image: a run of crash_store, and the check of what a power cut leaves of it.
 *
 * The run's own process keeps the disk; a child that was forked at an event lets the power go on
 * its copy and tells through the verdict what it found. One thread.
 */

#include "tests/crash/crash_store_load.h"
#include "tests/support/sim_disk.h"

enum {
    CRASH_CHANGES_MAX = 2048, /* of a run */
};

enum variant {
    V_LOST,
    V_KEPT,
    V_RANDOM, /* these of each event, those that follow of every fourth */
    V_RANDOM_TOO,
    V_KILLED,      /* what is not synced is there, and still not synced */
    V_INDEX_GONE,  /* at random, and the index was removed */
    V_INDEX_OLDER, /* at random, and an older copy of it lies there */
    VARIANTS,
};

enum control {
    C_NONE,
    C_LOG_SYNC,  /* the log is not synced */
    C_EARLY,     /* submitted is called acknowledged */
    C_LMDB_SYNC, /* LMDB's fdatasync does nothing */
    CONTROLS,
};

/* Between the run and its children. */
struct verdict {
    bool is_bad;
    unsigned rebuilt; /* times that the index was made again */
    char why[600];
};
struct shared {
    /* Of all that a view shows after so many changes; 0: not seen yet. */
    uint64_t hashes[CRASH_CHANGES_MAX];
    struct verdict verdicts[VARIANTS];
};

struct run {
    uint64_t seed, random;
    enum control control;
    struct sim_disk *disk;
    struct store_config config;
    char root[128], path[160];
    char *older; /* a copy of the index as it was */
    size_t older_len;
    struct load load;
    uint64_t event, images, bad, rebuilt, crashed;
    char said[300];
};

extern struct run crash_run;          /* the one of this process; large */
extern struct shared *crash_shared;   /* in memory that children share */
extern struct verdict *crash_verdict; /* of the child at hand; NULL in the run itself */
extern bool crash_is_loud;

/* What the run's seed decides about an event; the same in each process. */
uint64_t crash_event_random(const struct run *r, unsigned variant);

bool crash_open(struct run *r); /* false: said so */
void crash_close(struct run *r);
/* Some changes, and some of the work that waits; or all of it. */
void crash_changes(struct run *r);
void crash_drain(struct run *r);
/* Whether a view shows what the store should hold after `change`. */
bool crash_look_for(struct run *r, const char *when, uint32_t change, uint64_t *hash_r);
/* The first that is found goes into the verdict; in the run itself it ends the program. */
void crash_bad(const char *what, const char *why);
void crash_say(void *context, const char *text);
void crash_remove_tree(const char *path);

/* Lets the power go, recovers, compares, works on, compares again. For a child: nothing of the run
 * can be used afterwards. */
void crash_check_image(struct run *r, enum variant variant);

#endif
