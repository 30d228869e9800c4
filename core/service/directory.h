#ifndef CORE_SERVICE_DIRECTORY_H
#define CORE_SERVICE_DIRECTORY_H

/*
 * directory: who exists and what is ours. An immutable snapshot made from the configuration, the
 * users file, aliases and virtual; swapped whole on reload (core/work/shared.h). All look-ups are
 * in memory and never block. Any thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"

struct directory;

enum {
    DIRECTORY_TARGETS_MAX = 1000,  /* accounts that one recipient may expand to */
    DIRECTORY_ALIAS_DEPTH_MAX = 16,
};

struct directory_config {
    const char *users_path;       /* user@domain:{SCHEME}hash:... one a line, passwd-file format */
    const char *const *alias_paths;   /* alias_maps: local names, Postfix's aliases(5) */
    unsigned alias_count;
    const char *const *virtual_paths; /* virtual_alias_maps: Postfix's virtual(5) */
    unsigned virtual_count;
    const char *const *domains;   /* mydestination and virtual_mailbox_domains; the first is the default */
    unsigned domain_count;
    const char *recipient_delimiter; /* "+": any of these bytes */
    const char *catch_all;        /* luser_relay: "" or an address */
};

/* NULL with one line "file:line: what is wrong; what to do" appended to `why`, else the snapshot. */
MUST_USE struct directory *directory_load(const struct directory_config *config,
                                          struct chain *why);
void directory_free(struct directory **directory);
unsigned directory_user_count(const struct directory *d);

enum directory_answer {
    DIRECTORY_LOCAL,        /* targets are filled in */
    DIRECTORY_UNKNOWN,      /* our domain, no such user */
    DIRECTORY_NOT_OURS,     /* some other domain */
    DIRECTORY_ALIAS_BROKEN, /* expands to itself or too deep or to too many */
};

struct directory_target {
    struct span account;  /* user@domain, canonical; lives as long as the snapshot */
    struct span detail;   /* what stood behind the delimiter: the folder; lives as the address given */
};

/* Up to `max` accounts that mail for local@domain goes to (domain "": the first of ours), each once.
 * local is unquoted. Case of both is folded for the look-up. Aliases to addresses elsewhere are
 * reported in *others_r as a count: they need the relay. */
MUST_USE enum directory_answer directory_resolve(const struct directory *d, struct span local,
                                                 struct span domain,
                                                 struct directory_target *targets_r, unsigned max,
                                                 unsigned *count_r, unsigned *others_r);

MUST_USE bool directory_is_ours(const struct directory *d, struct span domain);

/* The account that a login name means ("vagrant": with the first of our domains) and its password
 * field "{SCHEME}hash"; false when there is none. */
MUST_USE bool directory_login(const struct directory *d, struct span name, struct span *account_r,
                              struct span *password_r);

#endif
