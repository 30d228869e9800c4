/*
 * What is given up is gone. None of it can be had back, so each case runs in a child of its own,
 * which ends with 0 when all was as it should be, or with the line that was not.
 */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/thread.h"
#include "core/confine/landlock.h"
#include "core/confine/privilege.h"
#include "core/confine/syscalls.h"

enum {
    NOT_HERE = 77, /* this kernel, or this build, cannot do it */
    NOBODY = 65534,
};

/* For children, which end with 1 when something is not so. */
#define WANT(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s (%d)\n", __FILE__, __LINE__, #condition, errno);    \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static char inside[64], outside[64], why[200];

static void path_in(char path[128], const char *directory, const char *name)
{
    (void)snprintf(path, 128, "%s/%s", directory, name);
}

static int run(void (*child)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        child();
        _exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void expect_good(void (*child)(void))
{
    int status = run(child);

    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NOT_HERE)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- privileges ---- */

static void child_renounces(void)
{
    struct rlimit core;

    WANT(privilege_renounce(why, sizeof(why)));
    WANT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    WANT(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
    WANT(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0);
    WANT(prctl(PR_CAPBSET_DROP, 0, 0, 0, 0) < 0); /* that needs a capability */
    WANT(umask(0) == 077);
}

static void test_renounce(void **state)
{
    (void)state;
    expect_good(child_renounces);
}

static void child_becomes_nobody(void)
{
    const struct privilege_user nobody = {NOBODY, NOBODY};
    uid_t real, effective, saved;
    gid_t groups[1];

    if (geteuid() != 0)
        _exit(NOT_HERE);
    WANT(privilege_become(&nobody, why, sizeof(why)));
    WANT(getresuid(&real, &effective, &saved) == 0);
    WANT(real == NOBODY && effective == NOBODY && saved == NOBODY);
    WANT(getgid() == NOBODY && getegid() == NOBODY && getgroups(1, groups) == 0);
    WANT(setuid(0) < 0 && setgid(0) < 0 && setresuid(0, 0, 0) < 0);
    WANT(prctl(PR_CAPBSET_READ, 7 /* CAP_SETUID */, 0, 0, 0) == 0);
}

static void test_become(void **state)
{
    (void)state;
    expect_good(child_becomes_nobody);
}

static void test_unknown_user(void **state)
{
    struct privilege_user user;

    (void)state;
    assert_false(privilege_find("there-is-no-such-user", &user));
    assert_true(privilege_find("root", &user));
    assert_int_equal(user.user, 0);
}

/* ---- files ---- */

static bool opens(const char *directory, const char *name, int flags)
{
    char path[128];
    int fd;

    path_in(path, directory, name);
    fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int enter(enum landlock_use use)
{
    const struct landlock_place places[] = {
        {inside,                    use},
        {"/there/is/no/such/place", use}
    };
    int version;

    WANT(privilege_renounce(why, sizeof(why)));
    version = landlock_enter(&(struct landlock_config){.places = places, .count = 2});
    if (version == -ENOSYS || version == -EOPNOTSUPP)
        _exit(NOT_HERE);
    WANT(version > 0);
    return version;
}

static void child_owns(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int version = enter(LANDLOCK_OWN), fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char from[128], to[128];

    path_in(from, inside, "new");
    path_in(to, inside, "newer");
    WANT(opens(inside, "new", O_RDWR | O_CREAT));
    WANT(rename(from, to) == 0);
    WANT(opens(inside, "newer", O_RDWR | O_TRUNC) && unlink(to) == 0);
    WANT(!opens(outside, "old", O_RDONLY) && errno == EACCES);
    WANT(!opens(outside, "new", O_WRONLY | O_CREAT) && errno == EACCES);
    WANT(!opens("/etc", "passwd", O_RDONLY) && errno == EACCES);
    if (version >= 4)
        WANT(bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 && errno == EACCES);
}

static void child_reads(void)
{
    (void)enter(LANDLOCK_READ);
    WANT(opens(inside, "old", O_RDONLY) && opens(inside, ".", O_RDONLY | O_DIRECTORY));
    WANT(!opens(inside, "old", O_WRONLY) && errno == EACCES);
    WANT(!opens(inside, "new", O_WRONLY | O_CREAT) && errno == EACCES);
}

static void child_appends(void)
{
    (void)enter(LANDLOCK_APPEND);
    WANT(opens(inside, "old", O_WRONLY | O_APPEND) && opens(inside, "log", O_WRONLY | O_CREAT));
    WANT(!opens(inside, "old", O_RDONLY) && errno == EACCES);
}

static void child_lists(void)
{
    (void)enter(LANDLOCK_LIST);
    WANT(opens(inside, ".", O_RDONLY | O_DIRECTORY));
    WANT(!opens(inside, "old", O_RDONLY) && errno == EACCES);
}

static void test_files(void **state)
{
    (void)state;
    expect_good(child_owns);
    expect_good(child_reads);
    expect_good(child_appends);
    expect_good(child_lists);
}

/* ---- system calls ---- */

static void restrict_calls(bool connects, bool kill_other)
{
    int error;

    WANT(privilege_renounce(why, sizeof(why)));
    error = syscalls_restrict(
        &(struct syscalls_config){.connects = connects, .kill_other = kill_other});
    if (error == -EINVAL || error == -EOPNOTSUPP)
        _exit(NOT_HERE);
    WANT(error == 0);
}

static void add_one(void *context)
{
    ++*(int *)context;
}

static bool refused(long result)
{
    return result < 0 && errno == EPERM;
}

static void child_is_restricted(void)
{
    char *const none[] = {NULL};
    char parameters[128] = {0};
    struct thread *t;
    void *page;
    int count = 0;

    restrict_calls(false, false);
    WANT(refused(syscall(SYS_execve, "/bin/true", none, none)));
    WANT(refused(fork()));
    WANT(refused(syscall(SYS_io_uring_setup, 8, parameters)));
    WANT(refused(syscall(SYS_io_uring_register, 0, 0, NULL, 0)));
    WANT(refused(syscall(SYS_ptrace, 0, 0, 0, 0)));
    WANT(refused(syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0)));
    WANT(refused(syscall(SYS_kill, getppid(), 0)));
    WANT(refused(syscall(SYS_bpf, 0, NULL, 0)));
    WANT(refused(socket(AF_INET, SOCK_STREAM, 0)) && refused(socket(AF_PACKET, SOCK_RAW, 0)));
    WANT(refused(prctl(PR_SET_SECCOMP, 0, 0, 0, 0)));
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    WANT(page == MAP_FAILED);
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    WANT(page != MAP_FAILED && mprotect(page, 4096, PROT_READ | PROT_EXEC) < 0);

    WANT(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0);
    t = thread_start("one more", add_one, &count);
    WANT(t != NULL);
    thread_join(&t);
    WANT(count == 1);
}

static void child_may_connect(void)
{
    restrict_calls(true, false);
    WANT(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0);
    WANT(refused(socket(AF_PACKET, SOCK_RAW, 0)));
}

static void child_is_killed(void)
{
    restrict_calls(false, true);
    (void)syscall(SYS_ptrace, 0, 0, 0, 0);
}

static void test_system_calls(void **state)
{
    int status;

    (void)state;
    expect_good(child_is_restricted);
    expect_good(child_may_connect);
    status = run(child_is_killed);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

static int setup(void **state)
{
    char path[128];

    (void)state;
    (void)snprintf(inside, sizeof(inside), "/tmp/ringpost-inside-XXXXXX");
    (void)snprintf(outside, sizeof(outside), "/tmp/ringpost-outside-XXXXXX");
    assert_non_null(mkdtemp(inside));
    assert_non_null(mkdtemp(outside));
    path_in(path, inside, "old");
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    path_in(path, outside, "old");
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"old", "log"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        path_in(path, inside, names[i]);
        (void)unlink(path);
        path_in(path, outside, names[i]);
        (void)unlink(path);
    }
    return rmdir(inside) | rmdir(outside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_renounce),     cmocka_unit_test(test_become),
        cmocka_unit_test(test_unknown_user), cmocka_unit_test(test_files),
        cmocka_unit_test(test_system_calls),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
