#ifndef STORE_HOUSEKEEPER_H
#define STORE_HOUSEKEEPER_H

/*
 * housekeeper: the thread that keeps room. It makes segments ready before the committer needs them,
 * recycles those that are dead, watches how full the disk is, and lets the index's side move what
 * still lives out of segments that are mostly dead.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"

struct disk;
struct housekeeper;
struct journal;

struct housekeeper_config {
    struct journal *journal; /* recovered */
    const struct disk *disk; /* NULL: the real one */
    const char *path;        /* the store's directory */
    uint64_t free_min;       /* bytes free under which deliveries get STORE_FULL */
    uint64_t ballast_size;   /* bytes held back, for going on when the disk is full; 0: none */
    bool manual;

    /* Each second: say journal_segment_dead() of every sealed segment in which nothing is live.
     * May be NULL. */
    void (*find_dead)(void *context);
    /* Submits the release of some of what deleted mailboxes hold; false when there is none. Also
     * when the disk is full. May be NULL. */
    bool (*purge_one)(void *context);
    /* Submits the move of some live bodies (a few MiB at most) out of the segment that is worth it
     * most; false when none is. Called at a low rate, never when the disk is full. May be NULL. */
    bool (*compact_one)(void *context);
    /* Something a human must read. May be NULL. */
    void (*say)(void *context, const char *text);
    void *context;
};

/* NULL when there is no thread for it. */
MUST_USE struct housekeeper *housekeeper_open(const struct housekeeper_config *config);
/* manual: all that is to be done now, the tasks of each second too; false when nothing was. */
bool housekeeper_step(struct housekeeper *h);
bool housekeeper_is_full(const struct housekeeper *h); /* any thread, cheap */
void housekeeper_close(struct housekeeper **h);        /* before the journal */

/* Gives up the ballast, when even recovery has no room. Later a housekeeper makes it again. */
void housekeeper_ballast_drop(const struct disk *disk, const char *path);

#endif
