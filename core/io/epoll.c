#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "core/io/backend.h"
#include "core/io/socket.h"

/*
 * Completions imitated on readiness.
 *
 * A socket is registered once, edge-triggered for both directions, so that serving a message costs
 * one recv() and one send() and never an epoll_ctl(). What the last edge said is kept in the
 * socket's record: a receive is tried when bytes may be there, a send is tried at once. A short
 * recv() has drained the socket, and what comes later makes a new edge; only after a hang-up there
 * is no later edge, so then the socket stays readable until the end was read.
 *
 * No done() is called from the call that arms an op: what ends at once waits in `ready` for the
 * turn.
 */

enum {
    EPOLL_BLOCK_SIZE = 64 * 1024,
    EPOLL_RECORDS_FIRST = 256,
    EPOLL_ACCEPTS_MAX = 64, /* of one listener in a turn */
    EPOLL_WAIT_MS_MAX = 60 * 60 * 1000,
};

enum op_state {
    OP_WAITS,  /* for an edge */
    OP_READY,  /* in `ready`: op->result is its result */
    OP_TRY,    /* in `ready`: the receive is to be tried */
    OP_PAUSED, /* in `paused`: an accept that failed */
};

struct record {
    struct io_op *in;  /* receive or accept */
    struct io_op *out; /* send or connect */
    bool registered, readable, writable, hung_up;
};

struct epoll {
    struct reactor *reactor;
    int fd, bell, reserve;
    struct record *records; /* by fd */
    size_t records_size;
    struct list ready, paused;
    struct timer resume;
    struct epoll_event events[REACTOR_TURN_MAX];
    char block[EPOLL_BLOCK_SIZE];
};

static const struct span NO_DATA = {"", 0};

static struct epoll *epoll_of(struct reactor *r)
{
    return *reactor_backend_state(r);
}

/* Valid until the next call for a higher fd: don't keep it over a done(). */
static struct record *record_of(struct epoll *e, int fd)
{
    size_t index = (size_t)fd, size = e->records_size;

    if (index >= size) {
        while (index >= size)
            size *= 2;
        e->records = xrealloc(e->records, size * sizeof(*e->records));
        memset(e->records + e->records_size, 0, (size - e->records_size) * sizeof(*e->records));
        e->records_size = size;
    }
    return &e->records[index];
}

static int epoll_register(struct epoll *e, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    return epoll_ctl(e->fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static int epoll_open(struct reactor *r, const struct reactor_config *config UNUSED)
{
    struct epoll *e = xcalloc(1, sizeof(*e));
    int error;

    e->reactor = r;
    list_init(&e->ready);
    list_init(&e->paused);
    e->records_size = EPOLL_RECORDS_FIRST;
    e->records = xcalloc(e->records_size, sizeof(*e->records));
    e->reserve = socket_reserve_open();
    e->bell = socket_bell_open();
    e->fd = epoll_create1(EPOLL_CLOEXEC);
    *reactor_backend_state(r) = e;
    /* Each ring is an edge of its own, so the bell is never read. */
    if (e->fd >= 0 && e->bell >= 0 && epoll_register(e, e->bell, EPOLLIN | EPOLLET) == 0)
        return 0;
    error = -errno;
    backend_epoll.close(r);
    return error;
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void epoll_close(struct reactor *r)
{
    struct epoll *e = epoll_of(r);

    ensure(list_is_empty(&e->ready));
    ensure(list_is_empty(&e->paused));
    timer_cancel(&e->resume);
    close_if_open(e->fd);
    close_if_open(e->bell);
    close_if_open(e->reserve);
    free(e->records);
    free(e);
}

static void op_ready(struct epoll *e, struct io_op *op, enum op_state state, int result)
{
    op->state = (uint8_t)state;
    op->result = result;
    list_add_tail(&e->ready, &op->node);
}

/* The op is over: its place in the record is free before done() may want it again. */
static void op_finish(struct epoll *e, struct io_op *op, int result, struct span data)
{
    struct record *record = record_of(e, op->fd);

    if (record->in == op)
        record->in = NULL;
    else if (record->out == op)
        record->out = NULL;
    reactor_complete(op, result, data, false);
}

static void receive_try(struct epoll *e, struct io_op *op)
{
    struct record *record = record_of(e, op->fd);
    ssize_t len;

    do {
        len = recv(op->fd, e->block, sizeof(e->block), MSG_DONTWAIT);
    } while (len < 0 && errno == EINTR);
    if (len < 0 && errno == EAGAIN) {
        record->readable = record->hung_up = false;
        op->state = OP_WAITS;
        return;
    }
    record->readable = len == (ssize_t)sizeof(e->block) || record->hung_up;
    if (len < 0)
        op_finish(e, op, -errno, NO_DATA);
    else
        op_finish(e, op, (int)len, (struct span){e->block, (size_t)len});
}

/* The parts without their first `sent` bytes. */
static unsigned parts_after(const struct io_op *op, struct iovec left[REACTOR_PARTS_MAX])
{
    size_t skip = op->sent;
    unsigned count = 0;

    for (unsigned i = 0; i < op->count; i++) {
        struct iovec part = op->parts[i];

        if (skip >= part.iov_len) {
            skip -= part.iov_len;
            continue;
        }
        part.iov_base = (char *)part.iov_base + skip;
        part.iov_len -= skip;
        skip = 0;
        left[count++] = part;
    }
    return count;
}

static ssize_t send_parts(int fd, struct iovec *parts, unsigned count)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t len;

    do {
        if (count == 1)
            len = send(fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
        else
            len = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (len < 0 && errno == EINTR);
    return len;
}

/* Sends what the socket takes. True when the op is over; its result is in op->result. */
static bool send_try(struct epoll *e, struct io_op *op)
{
    struct iovec left[REACTOR_PARTS_MAX];
    unsigned count;

    while ((count = parts_after(op, left)) > 0) {
        ssize_t len = send_parts(op->fd, left, count);

        if (len < 0 && errno == EAGAIN) {
            record_of(e, op->fd)->writable = false;
            return false;
        }
        if (len < 0) {
            op->result = -errno;
            return true;
        }
        op->sent += (size_t)len;
    }
    op->result = (int)op->sent;
    return true;
}

/* An event may be an old one, of another socket with this number, and without an error to read a
 * socket that still connects looks like one that has. */
static void connect_finish(struct epoll *e, struct io_op *op)
{
    struct pollfd p = {.fd = op->fd, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof(error);

    if (poll(&p, 1, 0) == 0)
        return;
    if (getsockopt(op->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    op_finish(e, op, -error, NO_DATA);
}

static void resume_accepts(struct timer *t);

static void accept_fail(struct epoll *e, struct io_op *op, int error)
{
    struct record *record = record_of(e, op->fd);

    if (error == EMFILE || error == ENFILE)
        socket_reserve_turn_away(&e->reserve, op);
    (void)epoll_ctl(e->fd, EPOLL_CTL_DEL, op->fd, NULL);
    record->registered = false;
    op->state = OP_PAUSED;
    list_add_tail(&e->paused, &op->node);
    timer_set(e->reactor, &e->resume,
              reactor_now_ns(e->reactor) + REACTOR_ACCEPT_PAUSE_MS * UINT64_C(1000000),
              resume_accepts);
    reactor_complete(op, -error, NO_DATA, true);
}

static void accept_try(struct epoll *e, struct io_op *op)
{
    for (unsigned i = 0; i < EPOLL_ACCEPTS_MAX && op->state == OP_WAITS; i++) {
        int fd = accept4(op->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0)
            reactor_complete(op, fd, NO_DATA, true);
        else if (errno == EAGAIN)
            return;
        else if (!socket_accept_goes_on(errno))
            accept_fail(e, op, errno);
    }
}

/* Listeners are level-triggered: who is not accepted in this turn is reported again. */
static int accept_register(struct epoll *e, struct io_op *op)
{
    struct record *record = record_of(e, op->fd);
    int error = record->registered ? 0 : epoll_register(e, op->fd, EPOLLIN);

    op->state = OP_WAITS;
    record->registered = error == 0;
    return error;
}

static void resume_accepts(struct timer *t)
{
    struct epoll *e = CONTAINER_OF(t, struct epoll, resume);

    while (!list_is_empty(&e->paused)) {
        struct io_op *op = CONTAINER_OF(e->paused.next, struct io_op, node);

        list_remove(&op->node);
        if (accept_register(e, op) != 0) {
            record_of(e, op->fd)->in = NULL;
            op_ready(e, op, OP_READY, -EBADF);
        }
    }
}

static void accept_start(struct epoll *e, struct io_op *op)
{
    int error;

    record_of(e, op->fd)->in = op;
    socket_prepare_listening(op->fd);
    error = accept_register(e, op);
    if (error != 0)
        op_ready(e, op, OP_READY, error);
}

/* A new socket may already have bytes, and has room for ours. The first edges say so again, which
 * does no harm. */
static int socket_register(struct epoll *e, int fd)
{
    struct record *record = record_of(e, fd);
    int error = 0;

    if (!record->registered) {
        error = epoll_register(e, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
        record->registered = error == 0;
        record->writable = true;
    }
    return error;
}

static void receive_start(struct epoll *e, struct io_op *op)
{
    int error = socket_register(e, op->fd);
    struct record *record = record_of(e, op->fd);

    ensure(record->in == NULL);
    record->in = op;
    op->state = OP_WAITS;
    if (error != 0)
        op_ready(e, op, OP_READY, error);
    else if (record->readable)
        op_ready(e, op, OP_TRY, 0);
}

static void send_start(struct epoll *e, struct io_op *op)
{
    int error = socket_register(e, op->fd);
    struct record *record = record_of(e, op->fd);

    ensure(record->out == NULL);
    record->out = op;
    op->state = OP_WAITS;
    if (error != 0)
        op_ready(e, op, OP_READY, error);
    else if (record->writable && send_try(e, op))
        op_ready(e, op, OP_READY, op->result);
}

/* Registered only after connect() was asked for: before, the socket counts as hung up. */
static void connect_start(struct epoll *e, const struct io_request *request)
{
    struct io_op *op = request->op;
    int flags = fcntl(op->fd, F_GETFL), error = 0;

    ensure(record_of(e, op->fd)->out == NULL);
    record_of(e, op->fd)->out = op;
    op->state = OP_WAITS;
    if (flags < 0 || fcntl(op->fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        connect(op->fd, request->to, request->size) != 0)
        error = errno;
    if (error == EINPROGRESS) {
        error = -socket_register(e, op->fd);
        record_of(e, op->fd)->writable = false;
        if (error == 0)
            return;
    }
    op_ready(e, op, OP_READY, -error);
}

static void epoll_start(struct reactor *r, const struct io_request *request)
{
    struct epoll *e = epoll_of(r);

    switch (request->op->kind) {
    case IO_ACCEPT:
        accept_start(e, request->op);
        break;
    case IO_RECEIVE:
        receive_start(e, request->op);
        break;
    case IO_SEND:
        send_start(e, request->op);
        break;
    case IO_CONNECT:
        connect_start(e, request);
        break;
    }
}

static void epoll_cancel(struct reactor *r, struct io_op *op)
{
    struct epoll *e = epoll_of(r);

    if (op->state == OP_READY)
        return; /* its result is on its way */
    if (op->state == OP_TRY || op->state == OP_PAUSED)
        list_remove(&op->node);
    if (op->kind == IO_ACCEPT && record_of(e, op->fd)->registered) {
        (void)epoll_ctl(e->fd, EPOLL_CTL_DEL, op->fd, NULL);
        record_of(e, op->fd)->registered = false;
    }
    op_ready(e, op, OP_READY, -ECANCELED);
}

static void edge_in(struct epoll *e, int fd)
{
    struct io_op *op = record_of(e, fd)->in;

    if (op == NULL || op->state != OP_WAITS)
        return;
    if (op->kind == IO_ACCEPT)
        accept_try(e, op);
    else
        receive_try(e, op);
}

static void edge_out(struct epoll *e, int fd)
{
    struct io_op *op = record_of(e, fd)->out;

    if (op == NULL || op->state != OP_WAITS)
        return;
    if (op->kind == IO_CONNECT)
        connect_finish(e, op);
    else if (send_try(e, op))
        op_finish(e, op, op->result, NO_DATA);
}

/* An event may be about a socket that was closed since it was fetched, even about another that has
 * its number now. Then it only makes us try once in vain. */
static void event_take(struct epoll *e, const struct epoll_event *event)
{
    const uint32_t over = EPOLLHUP | EPOLLERR;
    struct record *record = record_of(e, event->data.fd);
    bool in = (event->events & (EPOLLIN | EPOLLRDHUP | over)) != 0;
    bool out = (event->events & (EPOLLOUT | over)) != 0;

    record->readable |= in;
    record->writable |= out;
    record->hung_up |= (event->events & (EPOLLRDHUP | over)) != 0;
    if (in)
        edge_in(e, event->data.fd);
    if (out)
        edge_out(e, event->data.fd);
}

/* What became ready before this pass; what its done()s add waits for the next turn. */
static void ready_run(struct epoll *e)
{
    struct list now;

    if (list_is_empty(&e->ready))
        return;
    now = e->ready;
    now.next->prev = now.prev->next = &now;
    list_init(&e->ready);
    while (!list_is_empty(&now)) {
        struct io_op *op = CONTAINER_OF(now.next, struct io_op, node);

        list_remove(&op->node);
        if (op->state == OP_TRY)
            receive_try(e, op);
        else
            op_finish(e, op, op->result, NO_DATA);
    }
}

static int wait_ms(uint64_t until_ns)
{
    uint64_t ms, now_ns;

    if (until_ns == 0)
        return 0;
    if (until_ns == UINT64_MAX)
        return -1;
    now_ns = clock_monotonic_ns();
    if (until_ns <= now_ns)
        return 0;
    ms = (until_ns - now_ns + 999999) / 1000000;
    return ms < EPOLL_WAIT_MS_MAX ? (int)ms : EPOLL_WAIT_MS_MAX;
}

static void epoll_turn(struct reactor *r, uint64_t until_ns)
{
    struct epoll *e = epoll_of(r);
    int count, ms = list_is_empty(&e->ready) ? wait_ms(until_ns) : 0;

    count = epoll_wait(e->fd, e->events, REACTOR_TURN_MAX, ms);
    ensure(count >= 0 || errno == EINTR);
    reactor_awake(r);
    for (int i = 0; i < count; i++) {
        if (e->events[i].data.fd != e->bell)
            event_take(e, &e->events[i]);
    }
    ready_run(e);
}

static void epoll_wake(struct reactor *r)
{
    socket_bell_ring(epoll_of(r)->bell);
}

/* Closing takes the socket out of the epoll set: nobody holds a copy of it. */
static void epoll_close_fd(struct reactor *r, int fd)
{
    struct record *record = record_of(epoll_of(r), fd);

    ensure(record->in == NULL);
    ensure(record->out == NULL);
    *record = (struct record){0};
    close(fd);
}

const struct reactor_backend backend_epoll = {
    .name = "epoll",
    .open = epoll_open,
    .close = epoll_close,
    .start = epoll_start,
    .cancel = epoll_cancel,
    .turn = epoll_turn,
    .wake = epoll_wake,
    .shutdown = socket_shutdown,
    .close_fd = epoll_close_fd,
    .address = socket_address,
};
