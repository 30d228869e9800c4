#include "core/io/uring_restrict.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What uring.c submits; the timeout is how older kernels wait with a deadline. */
static const unsigned char operations[] = {
    IORING_OP_NOP,  IORING_OP_ACCEPT,       IORING_OP_RECV,    IORING_OP_SEND,    IORING_OP_SENDMSG,
    IORING_OP_READ, IORING_OP_ASYNC_CANCEL, IORING_OP_TIMEOUT, IORING_OP_CONNECT,
};

enum {
    RESTRICTIONS = COUNT_OF(operations) + 1,
};

/* Debian 12's library has a wrapper in its header that it does not export. */
static int ring_register(const struct io_uring *ring, unsigned opcode, void *argument,
                         unsigned count)
{
    long result = syscall(__NR_io_uring_register, ring->ring_fd, opcode, argument, count);

    return result < 0 ? -errno : 0;
}

int uring_restrict(struct io_uring *ring, bool connects)
{
    struct io_uring_restriction list[RESTRICTIONS] = {
        {.opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED, .sqe_flags = IOSQE_BUFFER_SELECT},
    };
    unsigned count = 1;
    int error;

    for (size_t i = 0; i < COUNT_OF(operations); i++) {
        if (operations[i] == IORING_OP_CONNECT && !connects)
            continue;
        list[count++] = (struct io_uring_restriction){.opcode = IORING_RESTRICTION_SQE_OP,
                                                      .sqe_op = operations[i]};
    }
    error = ring_register(ring, IORING_REGISTER_RESTRICTIONS, list, count);
    return error != 0 ? error : ring_register(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}
