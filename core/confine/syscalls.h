#ifndef CORE_CONFINE_SYSCALLS_H
#define CORE_CONFINE_SYSCALLS_H

/*
 * syscalls: the only system calls that this process can make from now on (seccomp(2)), in all its
 * threads. The last step of a start: rings are made, listeners are open, threads run. What is left
 * is reading, writing, files, threads, clocks; gone are starting programs, looking into other
 * processes, new rings, raw sockets, mounts, and all that nobody here thought of.
 */

#include <stdbool.h>

#include "core/base/attr.h"

struct syscalls_config {
    bool connects;   /* TCP and UDP sockets are made to reach elsewhere */
    bool kill_other; /* another call ends the process, in place of failing with EPERM */
};

/* 0 or -errno: then nothing is restricted (EINVAL, EOPNOTSUPP: not in this kernel; ENOTSUP too in a
 * build with sanitizers, which need calls of their own). No new privileges must have been
 * renounced.
 */
MUST_USE int syscalls_restrict(const struct syscalls_config *config);

#endif
