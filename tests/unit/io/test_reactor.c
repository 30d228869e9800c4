#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/thread.h"
#include "core/io/backend.h"
#include "core/io/listener.h"
#include "core/work/inbox.h"
#include "core/work/job.h"
#include "tests/unit/io/reactor_suite.h"

enum {
    POSTERS = 3,
    POSTS = 3000,
};

static const struct reactor_backend *backend;
static const struct reactor_config *config_now; /* of the suite */

static struct reactor *kernel_open(void)
{
    struct reactor *r = NULL;

    return reactor_open_with(backend, config_now, &r) == 0 ? r : NULL;
}

static int kernel_listen(struct sockaddr_storage *address_r, socklen_t *size_r)
{
    struct listener_config config = {.host = "127.0.0.1"};
    char why[100];
    int fd = listener_open(&config, why, sizeof(why));

    *size_r = sizeof(*address_r);
    if (fd >= 0 && getsockname(fd, (struct sockaddr *)address_r, size_r) != 0)
        return -1;
    return fd;
}

static int kernel_socket(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static struct reactor *reactor;
static unsigned homes;

static void job_home(struct job *job)
{
    free(job);
    if (++homes == POSTERS * POSTS)
        reactor_stop(reactor);
}

static void post_many(void *context UNUSED)
{
    for (unsigned i = 0; i < POSTS; i++) {
        struct job *job = xcalloc(1, sizeof(*job));

        job->home = job_home;
        inbox_post(reactor_inbox(reactor), job);
        if (i % 100 == 0)
            usleep(200); /* so that the reactor falls asleep now and then */
    }
}

static void wakes_from_other_threads(void **state UNUSED)
{
    struct thread *threads[POSTERS];

    homes = 0;
    assert_int_equal(reactor_open_with(backend, NULL, &reactor), 0);
    for (unsigned i = 0; i < POSTERS; i++)
        threads[i] = thread_start("poster", post_many, NULL);
    reactor_run(reactor);
    for (unsigned i = 0; i < POSTERS; i++)
        thread_join(&threads[i]);
    assert_int_equal(homes, POSTERS * POSTS);
    reactor_close(&reactor);
}

static void stop_soon(void *context UNUSED)
{
    usleep(20 * 1000);
    reactor_stop(reactor);
}

static void stops_when_asked(void **state UNUSED)
{
    struct thread *t;

    assert_int_equal(reactor_open_with(backend, NULL, &reactor), 0);
    t = thread_start("stopper", stop_soon, NULL);
    reactor_run(reactor);
    thread_join(&t);
    reactor_close(&reactor);
}

/* Two reactors on two threads share a port and greet whoever comes. */
static uint16_t greeting_port;
static struct reactor *greeters[2];
static sem_t greeters_listen;

static void greet(struct io_op *op UNUSED, int result, struct span data UNUSED)
{
    if (result >= 0) {
        (void)!write(result, "hi", 2);
        close(result);
    }
}

static void greeter_run(void *context)
{
    struct reactor **place = context;
    struct listener_config config = {.host = "127.0.0.1", .port = greeting_port};
    struct io_op accept = {0};
    char why[100];
    int fd = listener_open(&config, why, sizeof(why));

    assert_int_equal(reactor_open_with(backend, NULL, place), 0);
    reactor_accept(*place, &accept, fd, greet);
    sem_post(&greeters_listen);
    reactor_run(*place);
    reactor_cancel(*place, &accept);
    while (accept.armed)
        reactor_turn(*place, UINT64_MAX);
    reactor_close_fd(*place, fd);
}

static void reactors_share_a_port(void **state UNUSED)
{
    struct sockaddr_storage address;
    socklen_t size;
    struct thread *threads[2];
    char text[2];
    int holder = kernel_listen(&address, &size);

    sem_init(&greeters_listen, 0, 0);
    /* The port is found by listening on it and closing before the reactors take it. */
    greeting_port = listener_port(holder);
    listener_close(&holder, NULL);
    for (unsigned i = 0; i < 2; i++)
        threads[i] = thread_start("greeter", greeter_run, &greeters[i]);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(sem_wait(&greeters_listen), 0);
    for (unsigned i = 0; i < 40; i++) {
        int fd = kernel_socket();

        assert_int_equal(connect(fd, (const struct sockaddr *)&address, size), 0);
        assert_int_equal(recv(fd, text, 2, MSG_WAITALL), 2);
        close(fd);
    }
    for (unsigned i = 0; i < 2; i++) {
        reactor_stop(greeters[i]);
        thread_join(&threads[i]);
        reactor_close(&greeters[i]);
    }
    sem_destroy(&greeters_listen);
}

static unsigned accepted, refused;
static int accepted_fd;

static void accept_count(struct io_op *op UNUSED, int result, struct span data UNUSED)
{
    if (result >= 0) {
        accepted++;
        accepted_fd = result;
    } else if (result == -EMFILE) {
        refused++;
    }
}

static void turn_ms(unsigned ms)
{
    uint64_t end = clock_monotonic_ns() + ms * UINT64_C(1000000);

    while (clock_monotonic_ns() < end)
        reactor_turn(reactor, end);
}

/* In a child, because it takes all fds there are. Exits with the number of what went wrong. */
static void run_out_of_fds(void)
{
    struct rlimit limit = {.rlim_cur = 64, .rlim_max = 64};
    struct sockaddr_storage address;
    struct io_op accept = {0};
    socklen_t size;
    char byte;
    int listening, client, last = -1, fd;

    if (reactor_open_with(backend, NULL, &reactor) != 0)
        _exit(1);
    listening = kernel_listen(&address, &size);
    client = kernel_socket();
    setrlimit(RLIMIT_NOFILE, &limit);
    while ((fd = dup(0)) >= 0)
        last = fd;
    reactor_accept(reactor, &accept, listening, accept_count);
    if (connect(client, (const struct sockaddr *)&address, size) != 0)
        _exit(2);
    turn_ms(60);
    if (refused == 0 || accepted != 0)
        _exit(3);
    if (recv(client, &byte, 1, MSG_DONTWAIT) != 0 && errno != ECONNRESET)
        _exit(4); /* it should have been turned away */
    close(last);
    close(client);
    client = kernel_socket();
    close(last - 1);
    if (connect(client, (const struct sockaddr *)&address, size) != 0)
        _exit(5);
    turn_ms(500);
    if (accepted != 1 || refused > 5)
        _exit(6);
    reactor_close_fd(reactor, accepted_fd);
    reactor_cancel(reactor, &accept);
    turn_ms(200);
    _exit(accept.armed ? 7 : 0);
}

static void expect_child(void (*run)(void))
{
    pid_t child = fork();
    int status;

    if (child == 0)
        run();
    assert_true(waitpid(child, &status, 0) == child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void out_of_fds(void **state UNUSED)
{
    expect_child(run_out_of_fds);
}

static void listeners(void **state UNUSED)
{
    char path[] = "/tmp/test_reactor_XXXXXX", why[200];
    struct listener_config config = {.path = path, .path_mode = 0666};
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(listener_open(&config, why, sizeof(why)), -EADDRINUSE); /* a plain file */
    assert_non_null(strstr(why, path));
    unlink(path);
    fd = listener_open(&config, why, sizeof(why));
    assert_true(fd >= 0);
    close(fd); /* as after a crash: the path stays */
    fd = listener_open(&config, why, sizeof(why));
    assert_true(fd >= 0);
    listener_close(&fd, path);
    assert_int_not_equal(access(path, F_OK), 0);
    config = (struct listener_config){.host = "not-an-address", .port = 25};
    assert_int_equal(listener_open(&config, why, sizeof(why)), -EINVAL);
    config = (struct listener_config){.host = ""};
    fd = listener_open(&config, why, sizeof(why));
    assert_true(fd >= 0);
    assert_true(listener_port(fd) > 0);
    listener_close(&fd, NULL);
}

/* Containers forbid io_uring by a filter; then "auto" must take epoll and say why. */
static void run_without_uring(void)
{
    struct sock_filter rows[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {COUNT_OF(rows), rows};
    char why[100];

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        _exit(1);
    if (reactor_open("uring", NULL, &reactor, why, sizeof(why)) == 0 || why[0] == '\0')
        _exit(2);
    if (reactor_open("auto", NULL, &reactor, why, sizeof(why)) != 0 || why[0] == '\0')
        _exit(3);
    _exit(strcmp(reactor_backend_name(reactor), "epoll") == 0 ? 0 : 4);
}

static void falls_back_to_epoll(void **state UNUSED)
{
    char why[100];

    expect_child(run_without_uring);
    assert_int_equal(reactor_open("kqueue", NULL, &reactor, why, sizeof(why)), -EINVAL);
    assert_int_equal(reactor_open("epoll", NULL, &reactor, why, sizeof(why)), 0);
    assert_string_equal(why, "");
    reactor_close(&reactor);
}

static int run_all(const struct reactor_backend *which)
{
    const struct suite_net net = {which->name, kernel_open, reactor_close, kernel_listen,
                                  kernel_socket};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wakes_from_other_threads),
        cmocka_unit_test(stops_when_asked),
        cmocka_unit_test(reactors_share_a_port),
        cmocka_unit_test(out_of_fds),
    };
    /* Fewer slots and blocks than ops: submissions wait, and receives find no block. */
    static const struct reactor_config narrow = {64, 4, 512};
    int failed;

    backend = which;
    config_now = NULL;
    failed = reactor_suite_run(&net);
    config_now = &narrow;
    if (which == &backend_uring)
        failed += reactor_suite_run(&net);
    return failed + cmocka_run_group_tests_name(which->name, tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(listeners),
                                       cmocka_unit_test(falls_back_to_epoll)};
    struct rlimit limit;
    char why[200];
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max < 8192 ? limit.rlim_max : 8192;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (argc < 2 || strcmp(argv[1], "epoll") == 0)
        failed += run_all(&backend_epoll);
    if (argc < 2 || strcmp(argv[1], "uring") == 0) {
        if (reactor_uring_works(why, sizeof(why)))
            failed += run_all(&backend_uring);
        else
            (void)printf("%s\n", why);
    }
    return failed;
}
