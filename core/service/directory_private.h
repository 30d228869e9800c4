#ifndef CORE_SERVICE_DIRECTORY_PRIVATE_H
#define CORE_SERVICE_DIRECTORY_PRIVATE_H

/* directory_private: the snapshot, shared by directory.c (look-ups) and directory_load.c. */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/map.h"
#include "core/base/span.h"

struct directory_user {
    struct span account, password; /* into bytes[] */
    unsigned line;
    char bytes[];
};

/* An address on the right side of an alias. */
struct directory_address {
    struct span local;  /* unquoted; empty: the same as of the address looked up ("@domain") */
    struct span domain; /* "": the first of ours */
    bool is_final;      /* "\name": an account, whatever aliases say */
};

struct directory_alias {
    const char *path; /* where it is written */
    unsigned line;
    unsigned count;
    struct directory_address *targets;
    char *bytes; /* what the targets point into */
};

struct directory {
    struct map *domains;  /* folded -> &domain_is_local or &domain_is_virtual */
    struct map *users;    /* folded user@domain -> struct directory_user */
    struct map *aliases;  /* folded local name -> struct directory_alias */
    struct map *virtuals; /* folded user@domain, user, @domain or domain -> the same */
    struct directory_user **user_order; /* as in the file */
    unsigned user_count, user_room;
    char **paths; /* copies, for directory_alias.path */
    unsigned path_count;
    char *first_domain, *delimiter;
    struct directory_alias *catch_all; /* NULL: none */
};

extern char directory_domain_is_local, directory_domain_is_virtual;

/* A key of the maps: lower-case bytes on the caller's stack. */
struct directory_key {
    char bytes[320];
    size_t len;
};
/* local@domain, or what of it is not empty. False when too long. */
MUST_USE bool directory_key(struct directory_key *key, struct span local, bool at,
                            struct span domain);

#endif
