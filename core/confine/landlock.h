#ifndef CORE_CONFINE_LANDLOCK_H
#define CORE_CONFINE_LANDLOCK_H

/*
 * landlock: the only files that this process can reach from now on, whatever its user may
 * (landlock(7)). It holds for the calling thread and for all that it starts, so it comes before the
 * first thread; descriptors that are open stay usable. No new privileges must have been renounced.
 *
 * What the kernel can restrict grew with its versions, so everything that it knows of the following
 * is restricted: files, from version 4 TCP sockets (none may be bound or connected), from version 6
 * signals and abstract unix sockets (only to our own threads).
 */

#include <stdbool.h>

#include "core/base/attr.h"

enum landlock_use {
    LANDLOCK_LIST,   /* names below are read, and synced */
    LANDLOCK_READ,   /* files below are read, and names */
    LANDLOCK_APPEND, /* files below are made and written */
    LANDLOCK_OWN,    /* everything but starting programs and making devices */
};

struct landlock_place {
    const char *path; /* a file, or a directory with all below it; passed over when not there */
    enum landlock_use use;
};

struct landlock_config {
    const struct landlock_place *places;
    unsigned count;
    bool connects; /* TCP connections to elsewhere are made */
};

/* The version of the kernel's Landlock that holds now, or -errno: then nothing is restricted
 * (ENOSYS, EOPNOTSUPP: not in this kernel, or switched off). */
MUST_USE int landlock_enter(const struct landlock_config *config);

#endif
