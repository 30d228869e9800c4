#include "core/io/reactor.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "core/base/log.h"
#include "core/io/backend.h"
#include "core/io/timer.h"
#include "core/work/inbox.h"

struct reactor {
    const struct reactor_backend *backend;
    void *backend_state;
    struct inbox *inbox;
    struct timer_wheel wheel;
    uint64_t now_ns;
    int64_t wall_us;
    atomic_bool stop;
};

const struct reactor_config reactor_config_default = {
    .ring_entries = 4096,
    .receive_blocks = 2048,
    .receive_block_size = 8192,
};

static void reactor_wake(void *context)
{
    struct reactor *r = context;

    r->backend->wake(r);
}

int reactor_open_with(const struct reactor_backend *backend, const struct reactor_config *config,
                      struct reactor **reactor_r)
{
    struct reactor *r = xcalloc(1, sizeof(*r));
    int error;

    r->backend = backend;
    atomic_init(&r->stop, false);
    r->inbox = inbox_open(reactor_wake, r);
    reactor_awake(r);
    timer_wheel_init(&r->wheel, r->now_ns);
    error = backend->open(r, config == NULL ? &reactor_config_default : config);
    if (error != 0)
        goto fail;
    *reactor_r = r;
    return 0;
fail:
    inbox_close(&r->inbox);
    free(r);
    return error;
}

int reactor_open(const char *backend, const struct reactor_config *config,
                 struct reactor **reactor_r, char *why, size_t size)
{
    bool any = strcmp(backend, "auto") == 0;
    int error;

    ensure(size > 0);
    why[0] = '\0';
    if (!any && strcmp(backend, "uring") != 0 && strcmp(backend, "epoll") != 0) {
        (void)snprintf(why, size, "there is no io backend \"%s\": use auto, uring or epoll",
                       backend);
        return -EINVAL;
    }
    if (strcmp(backend, "epoll") != 0) {
        error = -ENOSYS;
        if (reactor_uring_works(why, size)) {
            error = reactor_open_with(&backend_uring, config, reactor_r);
            if (error == 0)
                return 0;
            (void)snprintf(why, size, "io_uring is not used: %s", strerror(-error));
        }
        if (!any)
            return error;
    }
    return reactor_open_with(&backend_epoll, config, reactor_r);
}

void reactor_close(struct reactor **reactor)
{
    struct reactor *r = *reactor;

    *reactor = NULL;
    r->backend->close(r);
    inbox_close(&r->inbox);
    free(r);
}

const char *reactor_backend_name(const struct reactor *r)
{
    return r->backend->name;
}

void **reactor_backend_state(struct reactor *r)
{
    return &r->backend_state;
}

void reactor_awake(struct reactor *r)
{
    r->now_ns = clock_monotonic_ns();
    r->wall_us = clock_wall_us();
    inbox_awake(r->inbox);
}

void reactor_turn(struct reactor *r, uint64_t until_ns)
{
    uint64_t timers_ns = timer_wheel_next_ns(&r->wheel);

    if (timers_ns < until_ns)
        until_ns = timers_ns;
    if (!inbox_sleep(r->inbox))
        until_ns = 0;
    r->backend->turn(r, until_ns);
    timer_wheel_run(&r->wheel, r->now_ns);
    (void)inbox_drain(r->inbox);
    log_flush();
}

void reactor_run(struct reactor *r)
{
    while (!atomic_load_explicit(&r->stop, memory_order_acquire))
        reactor_turn(r, UINT64_MAX);
    atomic_store_explicit(&r->stop, false, memory_order_relaxed);
}

void reactor_stop(struct reactor *r)
{
    atomic_store_explicit(&r->stop, true, memory_order_release);
    r->backend->wake(r);
}

void reactor_complete(struct io_op *op, int result, struct span data, bool repeats)
{
    ensure(op->armed);
    op->armed = repeats;
    op->done(op, result, data);
}

static void op_start(struct reactor *r, struct io_op *op, enum io_kind kind, int fd,
                     io_done_fn *done, const struct sockaddr *to, socklen_t size)
{
    const struct io_request request = {op, to, size};

    ensure(!op->armed);
    ensure(fd >= 0);
    op->done = done;
    op->fd = fd;
    op->kind = (uint8_t)kind;
    op->armed = true;
    r->backend->start(r, &request);
}

void reactor_accept(struct reactor *r, struct io_op *op, int fd, io_done_fn *done)
{
    op_start(r, op, IO_ACCEPT, fd, done, NULL, 0);
}

void reactor_receive(struct reactor *r, struct io_op *op, int fd, io_done_fn *done)
{
    op_start(r, op, IO_RECEIVE, fd, done, NULL, 0);
}

void reactor_send(struct reactor *r, struct io_op *op, int fd, const struct iovec *parts,
                  unsigned count, io_done_fn *done)
{
    ensure(count <= REACTOR_PARTS_MAX);
    ensure(!op->armed);
    op->parts = parts;
    op->count = count;
    op->sent = 0;
    op_start(r, op, IO_SEND, fd, done, NULL, 0);
}

void reactor_connect(struct reactor *r, struct io_op *op, int fd, const struct sockaddr *to,
                     socklen_t size, io_done_fn *done)
{
    op_start(r, op, IO_CONNECT, fd, done, to, size);
}

void reactor_cancel(struct reactor *r, struct io_op *op)
{
    if (op->armed)
        r->backend->cancel(r, op);
}

void reactor_shutdown(struct reactor *r, int fd, int how)
{
    r->backend->shutdown(r, fd, how);
}

void reactor_close_fd(struct reactor *r, int fd)
{
    r->backend->close_fd(r, fd);
}

int reactor_address(struct reactor *r, int fd, bool peer, struct sockaddr_storage *address_r)
{
    return r->backend->address(r, fd, peer, address_r);
}

uint64_t reactor_now_ns(const struct reactor *r)
{
    return r->now_ns;
}

int64_t reactor_wall_us(const struct reactor *r)
{
    return r->wall_us;
}

struct inbox *reactor_inbox(struct reactor *r)
{
    return r->inbox;
}

void timer_set(struct reactor *r, struct timer *t, uint64_t at_ns, void (*due)(struct timer *t))
{
    timer_wheel_set(&r->wheel, t, at_ns, due);
}
