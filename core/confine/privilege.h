#ifndef CORE_CONFINE_PRIVILEGE_H
#define CORE_CONFINE_PRIVILEGE_H

/*
 * privilege: giving up for good what root, or a capability, can do. Before the first thread is
 * started: users, capabilities and no-new-privileges belong to a thread and are inherited.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/base/attr.h"

struct privilege_user {
    uid_t user;
    gid_t group;
};

/* The user of that name and its group; false when the system knows none. */
MUST_USE bool privilege_find(const char *name, struct privilege_user *user_r);

/* For root: becomes that user with its group only, and proves that there is no way back. A user
 * that is root stays what it is. False with one line in `why`; the process must not go on then. */
MUST_USE bool privilege_become(const struct privilege_user *user, char *why, size_t why_size);

/* For everybody: no capabilities, none to be gained by starting a program, no core files, no
 * reading of our memory by others of our user, no new memory that is both code and data, new files
 * for ourselves only. False with one line in `why`, as above. */
MUST_USE bool privilege_renounce(char *why, size_t why_size);

#endif
