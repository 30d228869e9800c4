#ifndef CORE_GATEWAY_CONFINEMENT_H
#define CORE_GATEWAY_CONFINEMENT_H

/*
 * confinement: after its start, this process can do what a mail gateway does and no more
 * (HOSTILE.md section 9; core/confine has the steps). In this order:
 *
 *   - the files are read and the sockets are open, by root if root started us;
 *   - confinement_enter(): root becomes mail_owner; capabilities, new privileges, core files and
 *     files outside the configured directories are given up;
 *   - the log, the store, the threads and the rings start;
 *   - confinement_seal(): the system calls of all that are given up, new rings among them.
 *
 * What later reads files again (SIGHUP) does it as mail_owner. The main thread.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/gateway/config.h"

struct confinement {
    int mode;               /* enum config_confinement */
    bool connects;          /* the configuration makes us a client of somebody */
    char user[64];          /* who we are now */
    int landlock, syscalls; /* a version and 0; -errno: why not */
};

/* Before the first thread. False with one line "what; what to do" for each finding in `why`: the
 * process must not go on. Warnings go to `why` as well. */
MUST_USE bool confinement_enter(struct confinement *c, const struct config *config,
                                struct chain *why);

/* After the last ring. As above. */
MUST_USE bool confinement_seal(struct confinement *c, struct chain *why);

/* Appends "user ringpost, no new privileges, Landlock ABI 7, seccomp". */
void confinement_describe(const struct confinement *c, struct chain *out);

/* For `ringpost check`, which may run as anybody: one line for each thing that would be in the way
 * of a start; returns how many. */
unsigned confinement_check(const struct config *config, struct chain *why);

#endif
