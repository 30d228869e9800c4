#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "core/io/backend.h"
#include "core/io/socket.h"
#include "core/io/uring_receive.h"
#include "core/io/uring_restrict.h"

/*
 * The ring's native completions.
 *
 * A completion carries the op's address: an op stays where it is until its last done(), and each
 * arming has exactly one last completion, so no stale one can come. Submissions gather in the ring
 * and go with the one system call of the turn, which also waits.
 *
 * An op without a submission waits in a list: `waiting` to be submitted (no slot, or no receive
 * block when it was tried), `ready` for its done(), `paused` accepts for the pause's end. An op
 * that is being cancelled waits in `cancelled`, because a cancellation can miss an op that moves
 * between the kernel's own lists; it is asked for again after each tick.
 */

enum {
    URING_ENTRIES_MIN = 256,
    URING_COMPLETIONS_FACTOR = 4, /* completion slots for each submission slot */
    URING_CANCEL_AGAIN_MS = 100,
    URING_BULK_BLOCKS = 64, /* a power of two */
    URING_BULK_SIZE = 64 * 1024,
};

/* The user data of what is no op. Ops are aligned, so no address is so small. */
enum {
    DATA_NOTHING,
    DATA_BELL,
};

enum op_state {
    OP_SUBMITTED,
    OP_CANCELLED, /* submitted, in `cancelled` */
    OP_WAITING,
    OP_READY,
    OP_PAUSED,
};

enum {
    OP_DRAINED = 1 << 0, /* the last receive left nothing in the socket: wait first, then read */
    OP_BULK = 1 << 1,    /* the last receive filled its block: the next takes a large one */
};

struct uring {
    struct reactor *reactor;
    struct io_uring ring;
    struct uring_receive receive, bulk;
    struct list waiting, ready, paused, cancelled;
    struct timer resume, cancel_again;
    int bell, reserve;
    uint64_t bell_count; /* where the kernel reads the bell to */
    bool bell_armed;
};

static const struct span NO_DATA = {"", 0};

static struct uring *uring_of(struct reactor *r)
{
    return *reactor_backend_state(r);
}

static uint64_t after_ms(const struct uring *u, unsigned ms)
{
    return reactor_now_ns(u->reactor) + ms * UINT64_C(1000000);
}

/* The flags that make the ring faster than epoll; the second row is for kernels before 6.1. */
static int ring_open_flags(struct io_uring *ring, unsigned entries)
{
    static const unsigned flags[] = {
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL,
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
    };
    int error = -EINVAL;

    for (size_t i = 0; i < COUNT_OF(flags) && error == -EINVAL; i++) {
        struct io_uring_params params = {.flags = flags[i] | IORING_SETUP_CQSIZE |
                                                  IORING_SETUP_R_DISABLED,
                                         .cq_entries = entries * URING_COMPLETIONS_FACTOR};

        error = io_uring_queue_init_params(entries, ring, &params);
    }
    return error;
}

/* Memory for rings may be limited: a smaller ring only submits more often. */
static int ring_open(struct io_uring *ring, unsigned entries)
{
    int error = ring_open_flags(ring, entries);

    while (error == -ENOMEM && entries / 2 >= URING_ENTRIES_MIN) {
        entries /= 2;
        error = ring_open_flags(ring, entries);
    }
    return error;
}

static int receives_open(struct uring *u, const struct reactor_config *config)
{
    int error = uring_receive_open(&u->receive, &u->ring, 1, config->receive_blocks,
                                   config->receive_block_size);

    if (error != 0)
        return error;
    error = uring_receive_open(&u->bulk, &u->ring, 2, URING_BULK_BLOCKS, URING_BULK_SIZE);
    if (error != 0)
        uring_receive_close(&u->receive);
    return error;
}

static void receives_close(struct uring *u) /* after the ring */
{
    uring_receive_close(&u->receive);
    uring_receive_close(&u->bulk);
}

static int uring_open(struct reactor *r, const struct reactor_config *config)
{
    struct uring *u = xcalloc(1, sizeof(*u));
    int error = ring_open(&u->ring, config->ring_entries);

    if (error != 0)
        goto fail;
    error = receives_open(u, config);
    if (error != 0)
        goto fail_ring;
    (void)io_uring_register_ring_fd(&u->ring); /* saves a little on each call where it is known */
    error = uring_restrict(&u->ring, !config->accepts_only);
    if (error != 0)
        goto fail_receive;
    u->bell = socket_bell_open();
    if (u->bell < 0) {
        error = -errno;
        goto fail_receive;
    }
    u->reactor = r;
    u->reserve = socket_reserve_open();
    list_init(&u->waiting);
    list_init(&u->ready);
    list_init(&u->paused);
    list_init(&u->cancelled);
    *reactor_backend_state(r) = u;
    return 0;
fail_receive:
    io_uring_queue_exit(&u->ring);
    receives_close(u);
    free(u);
    return error;
fail_ring:
    io_uring_queue_exit(&u->ring);
fail:
    free(u);
    return error;
}

static void uring_close(struct reactor *r)
{
    struct uring *u = uring_of(r);

    ensure(list_is_empty(&u->waiting) && list_is_empty(&u->ready));
    ensure(list_is_empty(&u->paused) && list_is_empty(&u->cancelled));
    timer_cancel(&u->resume);
    timer_cancel(&u->cancel_again);
    io_uring_queue_exit(&u->ring);
    receives_close(u);
    close(u->bell);
    if (u->reserve >= 0)
        close(u->reserve);
    free(u);
}

/* NULL when the ring is full and the kernel takes nothing now. */
static struct io_uring_sqe *slot_take(struct uring *u)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

    if (sqe == NULL && io_uring_submit(&u->ring) > 0)
        sqe = io_uring_get_sqe(&u->ring);
    return sqe;
}

/* Short commands come in small blocks, of which there are many; who sends a long body gets a large
 * one, so that it does not cost a completion for each 8 KiB. */
static struct uring_receive *receive_blocks(struct uring *u, const struct io_op *op)
{
    return op->flags & OP_BULK ? &u->bulk : &u->receive;
}

static void receive_prepare(struct uring *u, struct io_uring_sqe *sqe, struct io_op *op)
{
    const struct uring_receive *blocks = receive_blocks(u, op);

    io_uring_prep_recv(sqe, op->fd, NULL, blocks->block_size, 0);
    io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
    sqe->buf_group = blocks->group;
    if (op->flags & OP_DRAINED)
        sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
}

/* What is left to send. After a short send that ended inside a part, first the rest of that part.
 */
static void send_prepare(struct io_uring_sqe *sqe, struct io_op *op)
{
    size_t skip = op->sent;
    unsigned i = 0;

    while (i + 1 < op->count && skip >= op->parts[i].iov_len)
        skip -= op->parts[i++].iov_len;
    if (skip == 0 && op->count - i > 1) {
        op->message = (struct msghdr){.msg_iov = (struct iovec *)(uintptr_t)&op->parts[i],
                                      .msg_iovlen = op->count - i};
        io_uring_prep_sendmsg(sqe, op->fd, &op->message, MSG_NOSIGNAL | MSG_WAITALL);
        return;
    }
    op->rest = op->parts[i];
    io_uring_prep_send(sqe, op->fd, (char *)op->rest.iov_base + skip, op->rest.iov_len - skip,
                       MSG_NOSIGNAL | MSG_WAITALL);
}

static void op_submit(struct uring *u, struct io_op *op)
{
    struct io_uring_sqe *sqe = slot_take(u);

    if (sqe == NULL) {
        op->state = OP_WAITING;
        list_add_tail(&u->waiting, &op->node);
        return;
    }
    switch (op->kind) {
    case IO_ACCEPT:
        io_uring_prep_multishot_accept(sqe, op->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        break;
    case IO_RECEIVE:
        receive_prepare(u, sqe, op);
        break;
    case IO_SEND:
        send_prepare(sqe, op);
        break;
    case IO_CONNECT:
        io_uring_prep_connect(sqe, op->fd, op->message.msg_name, op->message.msg_namelen);
        break;
    }
    io_uring_sqe_set_data(sqe, op);
    op->state = OP_SUBMITTED;
}

static void op_ready(struct uring *u, struct io_op *op, int result)
{
    op->state = OP_READY;
    op->result = result;
    list_add_tail(&u->ready, &op->node);
}

static void uring_start(struct reactor *r, const struct io_request *request)
{
    struct uring *u = uring_of(r);
    struct io_op *op = request->op;

    switch (op->kind) {
    case IO_ACCEPT:
        socket_prepare_listening(op->fd);
        break;
    case IO_SEND:
        if (socket_parts_len(op->parts, op->count) == 0) {
            op_ready(u, op, 0);
            return;
        }
        break;
    case IO_CONNECT:
        op->message = (struct msghdr){.msg_name = (void *)(uintptr_t)request->to,
                                      .msg_namelen = request->size};
        break;
    default:
        break;
    }
    op_submit(u, op);
}

static void cancel_submit(struct uring *u, struct io_op *op)
{
    struct io_uring_sqe *sqe = slot_take(u);

    if (sqe == NULL)
        return; /* asked for again soon */
    io_uring_prep_cancel(sqe, op, 0);
    io_uring_sqe_set_data64(sqe, DATA_NOTHING);
}

static void cancel_again(struct timer *t)
{
    struct uring *u = CONTAINER_OF(t, struct uring, cancel_again);

    list_each (node, &u->cancelled)
        cancel_submit(u, CONTAINER_OF(node, struct io_op, node));
    if (!list_is_empty(&u->cancelled))
        timer_set(u->reactor, t, after_ms(u, URING_CANCEL_AGAIN_MS), cancel_again);
}

static void uring_cancel(struct reactor *r, struct io_op *op)
{
    struct uring *u = uring_of(r);

    switch (op->state) {
    case OP_SUBMITTED:
        op->state = OP_CANCELLED;
        list_add_tail(&u->cancelled, &op->node);
        cancel_submit(u, op);
        if (u->cancel_again.at_ns == 0)
            timer_set(r, &u->cancel_again, after_ms(u, URING_CANCEL_AGAIN_MS), cancel_again);
        break;
    case OP_WAITING:
    case OP_PAUSED:
        list_remove(&op->node);
        op_ready(u, op, -ECANCELED);
        break;
    default: /* cancelled before, or its result is on its way */
        break;
    }
}

static void resume_accepts(struct timer *t)
{
    struct uring *u = CONTAINER_OF(t, struct uring, resume);

    while (!list_is_empty(&u->paused)) {
        struct io_op *op = CONTAINER_OF(u->paused.next, struct io_op, node);

        list_remove(&op->node);
        op_submit(u, op);
    }
}

static void accept_pause(struct uring *u, struct io_op *op, int error)
{
    if (error == EMFILE || error == ENFILE)
        socket_reserve_turn_away(&u->reserve, op);
    op->state = OP_PAUSED;
    list_add_tail(&u->paused, &op->node);
    timer_set(u->reactor, &u->resume, after_ms(u, REACTOR_ACCEPT_PAUSE_MS), resume_accepts);
    reactor_complete(op, -error, NO_DATA, true);
}

/* One new connection, or the end of a multishot accept, which ends for many harmless reasons. The
 * op may be cancelled by its own done(). */
static void accept_complete(struct uring *u, struct io_op *op, const struct io_uring_cqe *cqe)
{
    bool more = (cqe->flags & IORING_CQE_F_MORE) != 0;

    if (cqe->res >= 0)
        reactor_complete(op, cqe->res, NO_DATA, true);
    if (more)
        return;
    if (op->state == OP_CANCELLED) {
        list_remove(&op->node);
        reactor_complete(op, -ECANCELED, NO_DATA, false);
    } else if (cqe->res >= 0 || socket_accept_goes_on(-cqe->res)) {
        op_submit(u, op);
    } else {
        accept_pause(u, op, -cqe->res);
    }
}

static void receive_complete(struct uring *u, struct io_op *op, const struct io_uring_cqe *cqe)
{
    struct uring_receive *blocks = receive_blocks(u, op);
    struct span data = NO_DATA;

    op->flags = cqe->flags & IORING_CQE_F_SOCK_NONEMPTY ? 0 : OP_DRAINED;
    if (cqe->res >= (int)u->receive.block_size)
        op->flags |= OP_BULK;
    if (cqe->res == -ENOBUFS && op->state != OP_CANCELLED) {
        op->flags = 0;
        op->state = OP_WAITING; /* all blocks are back before the next submission */
        list_add_tail(&u->waiting, &op->node);
        return;
    }
    if (op->state == OP_CANCELLED)
        list_remove(&op->node);
    if (cqe->flags & IORING_CQE_F_BUFFER)
        data = uring_receive_bytes(blocks, cqe);
    reactor_complete(op, cqe->res == -ENOBUFS ? -ECANCELED : cqe->res, data, false);
    if (cqe->flags & IORING_CQE_F_BUFFER)
        uring_receive_give(blocks, cqe->flags >> IORING_CQE_BUFFER_SHIFT);
}

static void send_complete(struct uring *u, struct io_op *op, int result)
{
    bool cancelled = op->state == OP_CANCELLED;

    if (cancelled)
        list_remove(&op->node);
    if (result > 0) {
        op->sent += (size_t)result;
        result = (int)op->sent;
        if (op->sent < socket_parts_len(op->parts, op->count)) {
            if (!cancelled) {
                op_submit(u, op);
                return;
            }
            result = -ECANCELED;
        }
    }
    reactor_complete(op, result == 0 ? -EPIPE : result, NO_DATA, false);
}

static void connect_complete(struct io_op *op, int result)
{
    if (op->state == OP_CANCELLED)
        list_remove(&op->node);
    reactor_complete(op, result, NO_DATA, false);
}

static void bell_arm(struct uring *u)
{
    struct io_uring_sqe *sqe = slot_take(u);

    if (sqe == NULL)
        return; /* tried again in the next turn */
    io_uring_prep_read(sqe, u->bell, &u->bell_count, sizeof(u->bell_count), 0);
    io_uring_sqe_set_data64(sqe, DATA_BELL);
    u->bell_armed = true;
}

static void completion_take(struct uring *u, const struct io_uring_cqe *cqe)
{
    struct io_op *op = io_uring_cqe_get_data(cqe);

    if (cqe->user_data == DATA_NOTHING)
        return;
    if (cqe->user_data == DATA_BELL) {
        u->bell_armed = false;
        return;
    }
    switch (op->kind) {
    case IO_ACCEPT:
        accept_complete(u, op, cqe);
        break;
    case IO_RECEIVE:
        receive_complete(u, op, cqe);
        break;
    case IO_SEND:
        send_complete(u, op, cqe->res);
        break;
    case IO_CONNECT:
        connect_complete(op, cqe->res);
        break;
    }
}

/* Each completion is copied out before its done(), which may submit and so move the ring on. */
static void completions_run(struct uring *u)
{
    for (unsigned i = 0; i < REACTOR_TURN_MAX; i++) {
        struct io_uring_cqe *cqe, copy;

        if (io_uring_peek_cqe(&u->ring, &cqe) != 0)
            return;
        copy.user_data = cqe->user_data;
        copy.res = cqe->res;
        copy.flags = cqe->flags;
        io_uring_cqe_seen(&u->ring, cqe);
        completion_take(u, &copy);
    }
}

static void waiting_submit(struct uring *u)
{
    struct io_op *last;

    if (list_is_empty(&u->waiting))
        return;
    last = CONTAINER_OF(u->waiting.prev, struct io_op, node);
    for (bool ends = false; !ends;) {
        struct io_op *op = CONTAINER_OF(u->waiting.next, struct io_op, node);

        ends = op == last;
        list_remove(&op->node);
        op_submit(u, op);
    }
}

static void ready_run(struct uring *u)
{
    struct list now;

    if (list_is_empty(&u->ready))
        return;
    now = u->ready;
    now.next->prev = now.prev->next = &now;
    list_init(&u->ready);
    while (!list_is_empty(&now)) {
        struct io_op *op = CONTAINER_OF(now.next, struct io_op, node);

        list_remove(&op->node);
        reactor_complete(op, op->result, NO_DATA, false);
    }
}

/* The one system call of a turn. What it returns does not matter: the ring tells what came, and a
 * call that could not submit all is followed by another. */
static void submit_and_wait(struct uring *u, uint64_t until_ns)
{
    struct io_uring_cqe *cqe;
    struct __kernel_timespec time = {0};
    uint64_t now_ns = until_ns == 0 || until_ns == UINT64_MAX ? 0 : clock_monotonic_ns();
    int result;

    if (until_ns <= now_ns) {
        result = io_uring_submit_and_get_events(&u->ring);
    } else if (until_ns == UINT64_MAX) {
        result = io_uring_submit_and_wait(&u->ring, 1);
    } else {
        time.tv_sec = (long long)((until_ns - now_ns) / 1000000000);
        time.tv_nsec = (long long)((until_ns - now_ns) % 1000000000);
        result = io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1, &time, NULL);
    }
    ensure(result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN ||
           result == -EBUSY);
}

static void uring_turn(struct reactor *r, uint64_t until_ns)
{
    struct uring *u = uring_of(r);

    if (!u->bell_armed)
        bell_arm(u);
    waiting_submit(u);
    if (!list_is_empty(&u->waiting) || !list_is_empty(&u->ready) || !u->bell_armed ||
        io_uring_cq_ready(&u->ring) > 0)
        until_ns = 0;
    submit_and_wait(u, until_ns);
    reactor_awake(r);
    completions_run(u);
    ready_run(u);
}

static void uring_wake(struct reactor *r)
{
    socket_bell_ring(uring_of(r)->bell);
}

static void uring_close_fd(struct reactor *r UNUSED, int fd)
{
    close(fd);
}

const struct reactor_backend backend_uring = {
    .name = "uring",
    .open = uring_open,
    .close = uring_close,
    .start = uring_start,
    .cancel = uring_cancel,
    .turn = uring_turn,
    .wake = uring_wake,
    .shutdown = socket_shutdown,
    .close_fd = uring_close_fd,
    .address = socket_address,
};
