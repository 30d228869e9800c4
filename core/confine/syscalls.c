#include "core/confine/syscalls.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER 0
#endif

enum {
    SET_VMA = 0x53564d41, /* PR_SET_VMA: names for memory, which jemalloc gives */
};

/* By name, for not every architecture has each of them, and not every library knows the newest. */
static const char *const allowed[] = {
    /* bytes */
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
    "pwrite64",
    "preadv",
    "pwritev",
    "preadv2",
    "pwritev2",
    "sendto",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "sendmmsg",
    "recvmmsg",
    "copy_file_range",
    "lseek",
    "_llseek",
    "io_uring_enter",
    /* descriptors */
    "close",
    "close_range",
    "dup",
    "dup2",
    "dup3",
    "fcntl",
    "fcntl64",
    "eventfd2",
    "pipe2",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    /* sockets that are there */
    "accept",
    "accept4",
    "shutdown",
    "getsockname",
    "getpeername",
    "getsockopt",
    "setsockopt",
    "connect",
    /* files, within what Landlock and the user's rights leave */
    "open",
    "openat",
    "openat2",
    "creat",
    "stat",
    "lstat",
    "fstat",
    "stat64",
    "lstat64",
    "fstat64",
    "newfstatat",
    "fstatat64",
    "statx",
    "statfs",
    "fstatfs",
    "statfs64",
    "fstatfs64",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getcwd",
    "getdents",
    "getdents64",
    "mkdir",
    "mkdirat",
    "rmdir",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "ftruncate",
    "ftruncate64",
    "fallocate",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "fadvise64",
    "flock",
    "fchmod",
    /* memory */
    "brk",
    "munmap",
    "mremap",
    "madvise",
    "msync",
    "mincore",
    "membarrier",
    /* threads and signals of our own */
    "futex",
    "futex_waitv",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "set_tid_address",
    "sched_yield",
    "sched_getaffinity",
    "getcpu",
    "exit",
    "exit_group",
    "gettid",
    "getpid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "rt_sigpending",
    "sigaltstack",
    "tgkill",
    "alarm",
    "setitimer",
    "restart_syscall",
    /* clocks, chance and what the machine is */
    "clock_gettime",
    "clock_gettime64",
    "clock_getres",
    "clock_nanosleep",
    "clock_nanosleep_time64",
    "nanosleep",
    "gettimeofday",
    "time",
    "getrandom",
    "uname",
    "sysinfo",
    "getrusage",
    "getrlimit",
    "ugetrlimit",
};

/* What libraries try and can do without: they go on when it fails, also where others are ended by
 * it. A clone3() that is "not there" becomes a clone(), whose flags can be looked at. Ending a
 * registration with a ring is tried when it is closed. */
static const struct {
    const char *name;
    int error;
} refused[] = {
    {"clone3",             ENOSYS},
    {"io_uring_register",  EPERM },
    {"sched_setscheduler", EPERM },
    {"sched_setaffinity",  EPERM },
    {"setpriority",        EPERM },
    {"memfd_create",       EPERM },
};

/* Calls of which only some are allowed, by one of their arguments. */
static const struct {
    const char *name;
    unsigned argument;
    enum scmp_compare compare;
    scmp_datum_t with, value;
} allowed_some[] = {
    {"mmap",      2, SCMP_CMP_MASKED_EQ, PROT_EXEC,              0           },
    {"mmap",      2, SCMP_CMP_MASKED_EQ, PROT_EXEC | PROT_WRITE, PROT_EXEC   }, /* libraries */
    {"mmap2",     2, SCMP_CMP_MASKED_EQ, PROT_EXEC,              0           },
    {"mmap2",     2, SCMP_CMP_MASKED_EQ, PROT_EXEC | PROT_WRITE, PROT_EXEC   },
    {"mprotect",  2, SCMP_CMP_MASKED_EQ, PROT_EXEC,              0           },
    {"clone",     0, SCMP_CMP_MASKED_EQ, CLONE_THREAD,           CLONE_THREAD},
    {"socket",    0, SCMP_CMP_EQ,        AF_UNIX,                0           }, /* syslog */
    {"prctl",     0, SCMP_CMP_EQ,        PR_SET_NAME,            0           },
    {"prctl",     0, SCMP_CMP_EQ,        PR_GET_NAME,            0           },
    {"prctl",     0, SCMP_CMP_EQ,        PR_GET_DUMPABLE,        0           },
    {"prctl",     0, SCMP_CMP_EQ,        SET_VMA,                0           },
    {"prlimit64", 2, SCMP_CMP_EQ,        0,                      0           }, /* to be told */
    {"ioctl",     1, SCMP_CMP_EQ,        TCGETS,                 0           }, /* a terminal? */
    {"ioctl",     1, SCMP_CMP_EQ,        FIONREAD,               0           },
};

static const int families_to_connect[] = {AF_INET, AF_INET6, AF_NETLINK};

static int rule(scmp_filter_ctx filter, uint32_t action, const char *name, unsigned conditions,
                struct scmp_arg_cmp condition)
{
    int number = seccomp_syscall_resolve_name(name), error;

    if (number == __NR_SCMP_ERROR)
        return 0;
    error = seccomp_rule_add_array(filter, action, number, conditions, &condition);
    return error == -EDOM ? 0 : error; /* not on this architecture */
}

static int add_allowed(scmp_filter_ctx filter)
{
    int error = 0;

    for (size_t i = 0; i < COUNT_OF(allowed) && error == 0; i++)
        error = rule(filter, SCMP_ACT_ALLOW, allowed[i], 0, (struct scmp_arg_cmp){0});
    for (size_t i = 0; i < COUNT_OF(allowed_some) && error == 0; i++)
        error = rule(filter, SCMP_ACT_ALLOW, allowed_some[i].name, 1,
                     (struct scmp_arg_cmp){allowed_some[i].argument, allowed_some[i].compare,
                                           allowed_some[i].with, allowed_some[i].value});
    return error;
}

static int add_connecting(scmp_filter_ctx filter)
{
    int error = rule(filter, SCMP_ACT_ALLOW, "bind", 0, (struct scmp_arg_cmp){0}); /* of UDP */

    /* libcurl wakes itself by a pair of its own. */
    if (error == 0)
        error = rule(filter, SCMP_ACT_ALLOW, "socketpair", 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
    for (size_t i = 0; i < COUNT_OF(families_to_connect) && error == 0; i++)
        error = rule(filter, SCMP_ACT_ALLOW, "socket", 1,
                     SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families_to_connect[i]));
    return error;
}

static int add_refused(scmp_filter_ctx filter)
{
    int error = 0;

    for (size_t i = 0; i < COUNT_OF(refused) && error == 0; i++)
        error = rule(filter, SCMP_ACT_ERRNO((uint16_t)refused[i].error), refused[i].name, 0,
                     (struct scmp_arg_cmp){0});
    return error == -EACCES ? 0 : error;
}

int syscalls_restrict(const struct syscalls_config *config)
{
    scmp_filter_ctx filter;
    int error;

    if (HAS_SANITIZER)
        return -ENOTSUP;
    filter = seccomp_init(config->kill_other ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL)
        return -EINVAL;
    error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (error == 0)
        error = add_allowed(filter);
    if (error == 0 && config->connects)
        error = add_connecting(filter);
    if (error == 0)
        error = add_refused(filter);
    if (error == 0)
        error = seccomp_load(filter);
    seccomp_release(filter);
    return error;
}
