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
    DIRECTORY_TARGETS_MAX = 1000, /* accounts that one recipient may expand to */
    DIRECTORY_ALIAS_DEPTH_MAX = 16,
    DIRECTORY_STEPS_MAX = 4096,  /* addresses looked at for one recipient */
    DIRECTORY_ADDRESS_MAX = 320, /* bytes of local@domain; longer ones are nobody's */
};

struct directory_config {
    const char *users_path; /* user@domain:{SCHEME}hash:... one a line, passwd-file format */
    const char *const *alias_paths; /* alias_maps: local names, Postfix's aliases(5) */
    unsigned alias_count;
    const char *const *virtual_paths; /* virtual_alias_maps: Postfix's virtual(5) */
    unsigned virtual_count;
    const char *const *domains; /* mydestination, then virtual_mailbox_domains; the first is the
                                   domain of names without one */
    unsigned domain_count;
    unsigned mailbox_domain_count;   /* so many at their end are virtual_mailbox_domains: alias_maps
                                        do not apply there, and accounts of the first domain don't
                                        answer there */
    const char *recipient_delimiter; /* "+": any of these bytes */
    const char *catch_all;           /* luser_relay: "" or an address */
};

/* The snapshot, or NULL with a line "file:line: what is wrong; what to do" for each finding (the
 * first DIRECTORY_FINDINGS_MAX of them) appended to `why`. Reads files: not on a reactor. */
enum {
    DIRECTORY_FINDINGS_MAX = 50
};
MUST_USE struct directory *directory_load(const struct directory_config *config, struct chain *why);
void directory_free(struct directory **directory);
unsigned directory_user_count(const struct directory *d);

enum directory_answer {
    DIRECTORY_LOCAL,        /* targets are filled in */
    DIRECTORY_UNKNOWN,      /* our domain, no such user */
    DIRECTORY_NOT_OURS,     /* some other domain */
    DIRECTORY_ALIAS_BROKEN, /* expands to itself or too deep or to too many */
};

struct directory_target {
    struct span account; /* user@domain, canonical; lives as long as the snapshot */
    struct span detail;  /* what stood behind the delimiter: the folder; lives as the address given
                            and the snapshot */
    bool is_elsewhere;   /* an alias names somebody who is not ours: `account` is his local part,
                            unquoted, and `detail` his domain */
};

/*
 * How an address is looked up, each step first with its detail and then without:
 *   1. virtual: local@domain, then local alone for domains of mydestination;
 *   2. aliases, for domains of mydestination;
 *   3. accounts: local@domain, then (mydestination) local at the first domain;
 *   4. postmaster, who must exist (RFC 5321 4.5.1): the first account of the users file;
 *   5. virtual: @domain; then the catch-all.
 * What 1, 2 and 5 give is looked up in the same way. A name that leads back to itself is taken as
 * it stands ("bob: bob, jane" keeps bob's copy). A detail that virtual did not name goes on to what
 * it names; one that aliases did not name ends there. Targets that do not exist are passed over
 * while there are others.
 */

/* Up to `max` accounts that mail for local@domain goes to (domain "": the first of ours), each
 * once. local is unquoted. Case of both is folded for the look-up. Aliases to addresses elsewhere
 * are among them; *others_r says how many of them there are: they need the relay. */
MUST_USE enum directory_answer directory_resolve(const struct directory *d, struct span local,
                                                 struct span domain,
                                                 struct directory_target *targets_r, unsigned max,
                                                 unsigned *count_r, unsigned *others_r);

/* The account that a login name means ("vagrant": with the first of our domains) and its password
 * field "{SCHEME}hash"; false when there is none. */
MUST_USE bool directory_login(const struct directory *d, struct span name, struct span *account_r,
                              struct span *password_r);

/* Walks all accounts in the order of the users file, from index 0; false past the last. */
MUST_USE bool directory_user_at(const struct directory *d, unsigned index, struct span *account_r,
                                struct span *password_r);

#endif
