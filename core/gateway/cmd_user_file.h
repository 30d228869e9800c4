#ifndef CORE_GATEWAY_CMD_USER_FILE_H
#define CORE_GATEWAY_CMD_USER_FILE_H

/*
 * cmd_user_file: changing one line of the users file. All other lines, comments among them, stay as
 * they are. Whoever reads the file meanwhile sees the old one or the new one, also after a crash.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"

enum cmd_user_change {
    CMD_USER_ADD,      /* the name must not be there; makes the file when it is not there */
    CMD_USER_PASSWORD, /* the name must be there; what stands behind its password stays */
    CMD_USER_DELETE,   /* the name must be there */
};

struct cmd_user_edit {
    const char *path;
    const char *first_domain; /* of names in the file that have none */
    struct span account;      /* user@domain, lower case */
    enum cmd_user_change change;
    struct span field; /* "{SCHEME}hash"; not for CMD_USER_DELETE */
    bool for_group;    /* a new file can be read by `group`: the server's, when root makes it */
    gid_t group;
};

/* False with one line in `why` when it could not be done: then the file is as it was. Waits for
 * others that change it (a lock on "<path>.lock"). */
MUST_USE bool cmd_user_file_edit(const struct cmd_user_edit *edit, struct chain *why);

#endif
