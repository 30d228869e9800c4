/* A restricted ring does what a mail server needs, and nothing else that the kernel offers. */

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/io/uring_restrict.h"

static struct io_uring ring;

static bool open_ring(bool connects)
{
    struct io_uring_params parameters = {.flags = IORING_SETUP_R_DISABLED};

    if (io_uring_queue_init_params(8, &ring, &parameters) != 0)
        return false;
    assert_int_equal(uring_restrict(&ring, connects), 0);
    return true;
}

/* The result of the submission that was prepared last. */
static int result_of(struct io_uring_sqe *sqe)
{
    struct io_uring_cqe *cqe;
    int result;

    (void)sqe;
    assert_int_equal(io_uring_submit(&ring), 1);
    assert_int_equal(io_uring_wait_cqe(&ring, &cqe), 0);
    result = cqe->res;
    io_uring_cqe_seen(&ring, cqe);
    return result;
}

static void test_what_is_left(void **state)
{
    struct io_uring_sqe *sqe;
    uint64_t count = 5;
    int bell = eventfd(7, EFD_CLOEXEC);

    (void)state;
    if (!open_ring(false))
        skip();
    sqe = io_uring_get_sqe(&ring);
    io_uring_prep_read(sqe, bell, &count, sizeof(count), 0);
    assert_int_equal(result_of(sqe), sizeof(count));
    assert_int_equal(count, 7);
    sqe = io_uring_get_sqe(&ring);
    io_uring_prep_nop(sqe);
    assert_int_equal(result_of(sqe), 0);
    close(bell);
    io_uring_queue_exit(&ring);
}

static void test_what_is_gone(void **state)
{
    struct sockaddr a = {.sa_family = AF_UNIX};
    struct io_uring_sqe *sqe;

    (void)state;
    if (!open_ring(false))
        skip();
    sqe = io_uring_get_sqe(&ring);
    io_uring_prep_openat(sqe, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
    assert_int_equal(result_of(sqe), -EACCES);
    sqe = io_uring_get_sqe(&ring);
    io_uring_prep_connect(sqe, 0, &a, sizeof(a));
    assert_int_equal(result_of(sqe), -EACCES);
    sqe = io_uring_get_sqe(&ring);
    io_uring_prep_unlink(sqe, "/tmp/there-is-no-such-file", 0);
    assert_int_equal(result_of(sqe), -EACCES);
    sqe = io_uring_get_sqe(&ring);
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
    assert_int_equal(result_of(sqe), -EACCES);
    assert_true(syscall(__NR_io_uring_register, ring.ring_fd, IORING_UNREGISTER_BUFFERS, NULL, 0) <
                    0 &&
                errno == EACCES);
    io_uring_queue_exit(&ring);
}

static void test_connecting_is_a_choice(void **state)
{
    struct sockaddr a = {.sa_family = AF_UNIX};
    struct io_uring_sqe *sqe;

    (void)state;
    if (!open_ring(true))
        skip();
    sqe = io_uring_get_sqe(&ring);
    io_uring_prep_connect(sqe, -1, &a, sizeof(a));
    assert_int_equal(result_of(sqe), -EBADF);
    io_uring_queue_exit(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_left),
        cmocka_unit_test(test_what_is_gone),
        cmocka_unit_test(test_connecting_is_a_choice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
