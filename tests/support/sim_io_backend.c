#include <errno.h>
#include <string.h>

#include "core/base/ensure.h"
#include "tests/support/sim_io_private.h"

/*
 * The backend: which ops could end now, and one of them does. What could happen is found by looking
 * at every socket, in the order of their numbers: slow for many, but without any state that could
 * get lost.
 */

enum {
    TURN_NS_MAX = 20000, /* a turn takes up to 20 us */
    PIECES_MAX = 8,      /* parts of a send that go at once are cut so often */
};

static const struct span NO_DATA = {"", 0};

static int sim_backend_open(struct reactor *r UNUSED, const struct reactor_config *config UNUSED)
{
    return sim_now == NULL ? -ENODEV : 0;
}

static void sim_backend_close(struct reactor *r)
{
    for (unsigned i = 0; i < sim_now->size; i++) {
        const struct sim_socket *s = sim_now->sockets[i];

        ensure(s == NULL || s->reactor != r || (s->in == NULL && s->out == NULL));
    }
}

static bool is_inward(const struct io_op *op)
{
    return op->kind == IO_ACCEPT || op->kind == IO_RECEIVE;
}

static void sim_start(struct reactor *r, const struct io_request *request)
{
    struct io_op *op = request->op;
    struct sim_socket *s = sim_socket_at(op->fd);

    s->reactor = r;
    if (is_inward(op)) {
        ensure(s->in == NULL);
        ensure(s->listening == (op->kind == IO_ACCEPT));
        s->in = op;
        s->in_cancelled = false;
        return;
    }
    ensure(s->out == NULL);
    s->out = op;
    s->out_cancelled = false;
    if (op->kind == IO_CONNECT) {
        ensure(request->size >= sizeof(s->there) && request->to->sa_family == AF_INET);
        memcpy(&s->there, request->to, sizeof(s->there));
        s->due_ns = sim_now->now_ns + sim_delay();
    }
}

static void sim_cancel(struct reactor *r UNUSED, struct io_op *op)
{
    struct sim_socket *s = sim_socket_at(op->fd);

    if (s->in == op)
        s->in_cancelled = true;
    if (s->out == op)
        s->out_cancelled = true;
}

/* Without its being cancelled. */
static bool op_has_result(const struct sim_socket *s, const struct io_op *op)
{
    switch (op->kind) {
    case IO_ACCEPT:
        return s->backlog_first != NULL;
    case IO_RECEIVE:
        return s->arrived.len > 0 || s->fin_arrived || s->shut_rd || s->reset;
    case IO_SEND:
        return s->reset || s->shut_wr || sim_room(s) > 0;
    case IO_CONNECT:
        return s->due_ns <= sim_now->now_ns;
    }
    return false;
}

bool sim_op_can_end(const struct sim_socket *s, const struct io_op *op)
{
    if (op == NULL)
        return false;
    return op_has_result(s, op) || (op == s->in ? s->in_cancelled : s->out_cancelled);
}

static void op_end(struct sim_socket *s, struct io_op *op, int result, struct span data)
{
    if (s->in == op)
        s->in = NULL;
    else
        s->out = NULL;
    reactor_complete(op, result, data, false);
}

static void accept_one(struct sim_socket *s, struct io_op *op)
{
    if (sim_chance(sim_now->habits.accept_fails_percent, 100))
        reactor_complete(op, -EMFILE, NO_DATA, true);
    else
        reactor_complete(op, sim_backlog_take(s)->fd, NO_DATA, true);
}

/* The bytes are moved out of the socket first: done() may close it. */
static void receive_some(struct sim_socket *s, struct io_op *op)
{
    struct chain piece = {0};
    struct span bytes;

    if (s->shut_rd || s->arrived.len == 0) {
        op_end(s, op, s->reset && !s->shut_rd ? -ECONNRESET : 0, NO_DATA);
        return;
    }
    chain_move_first(&piece, &s->arrived, sim_cut(chain_first(&s->arrived).len));
    bytes = chain_flat(&piece);
    op_end(s, op, (int)bytes.len, bytes);
    chain_free(&piece);
}

/* Moves what there is room for; true when nothing is left to send. */
static bool send_some(struct sim_socket *s, struct io_op *op)
{
    size_t skip = op->sent, pieces = 0;

    for (unsigned i = 0; i < op->count; i++) {
        struct span part = {op->parts[i].iov_base, op->parts[i].iov_len};
        size_t len;

        if (skip >= part.len) {
            skip -= part.len;
            continue;
        }
        part = span_after(part, skip);
        skip = 0;
        if (sim_room(s) == 0)
            return false;
        len = part.len < sim_room(s) ? part.len : sim_room(s);
        if (pieces++ < PIECES_MAX)
            len = sim_cut(len);
        chain_add(&s->flight, span_first(part, len));
        op->sent += len;
        if (len < part.len)
            return false;
    }
    return true;
}

static void send_step(struct sim_socket *s, struct io_op *op)
{
    if (s->shut_wr || s->reset)
        op_end(s, op, s->shut_wr || sim_chance(1, 2) ? -EPIPE : -ECONNRESET, NO_DATA);
    else if (send_some(s, op))
        op_end(s, op, (int)op->sent, NO_DATA);
}

/* An op that is cancelled and has a result gets either of the two. A half-done send has none. */
static void op_step(struct sim_socket *s, struct io_op *op)
{
    bool cancelled = op == s->in ? s->in_cancelled : s->out_cancelled;

    if (cancelled && (op->kind == IO_SEND || !op_has_result(s, op) || sim_chance(1, 2))) {
        op_end(s, op, -ECANCELED, NO_DATA);
        return;
    }
    switch (op->kind) {
    case IO_ACCEPT:
        accept_one(s, op);
        break;
    case IO_RECEIVE:
        receive_some(s, op);
        break;
    case IO_SEND:
        send_step(s, op);
        break;
    case IO_CONNECT:
        op_end(s, op, sim_socket_connect(s, ntohs(s->there.sin_port)) ? 0 : -ECONNREFUSED, NO_DATA);
        break;
    }
}

/* One of the things that could happen, each as likely as the others: `op` of `s` ends, or, when
 * it is NULL, a piece of `s` arrives. */
struct choice {
    struct sim_socket *s;
    struct io_op *op;
    unsigned count;
};

static void choice_add(struct choice *c, struct sim_socket *s, struct io_op *op)
{
    if (sim_dice(sim_now, ++c->count) == 0) {
        c->s = s;
        c->op = op;
    }
}

static struct choice choose(const struct reactor *r)
{
    struct choice c = {0};

    for (unsigned i = 0; i < sim_now->size; i++) {
        struct sim_socket *s = sim_now->sockets[i];

        if (s == NULL)
            continue;
        if (sim_piece_is_due(s))
            choice_add(&c, s, NULL);
        if (s->reactor == r && sim_op_can_end(s, s->in))
            choice_add(&c, s, s->in);
        if (s->reactor == r && sim_op_can_end(s, s->out))
            choice_add(&c, s, s->out);
    }
    return c;
}

/* When something may next happen by itself. */
static uint64_t next_ns(void)
{
    uint64_t next = UINT64_MAX;

    for (unsigned i = 0; i < sim_now->size; i++) {
        const struct sim_socket *s = sim_now->sockets[i];
        uint64_t due;

        if (s == NULL)
            continue;
        due = sim_piece_due_ns(s);
        if (s->out != NULL && s->out->kind == IO_CONNECT)
            due = s->due_ns;
        if (due < next)
            next = due;
    }
    return next;
}

/* Nothing can happen now: time jumps to what comes first, the caller's limit or the network. */
static void time_jump(uint64_t until_ns)
{
    uint64_t next = next_ns();

    if (next > until_ns)
        next = until_ns;
    if (next != UINT64_MAX && next > sim_now->now_ns)
        sim_now->now_ns = next;
}

static void sim_turn(struct reactor *r, uint64_t until_ns)
{
    uint64_t steps = 1 + sim_dice(sim_now, sim_now->habits.batch_max);
    struct choice c;

    sim_now->now_ns += sim_dice(sim_now, TURN_NS_MAX);
    c = choose(r);
    if (c.s == NULL) {
        time_jump(until_ns);
        c = choose(r);
    }
    reactor_awake(r);
    for (; c.s != NULL && steps > 0; c = choose(r), steps--) {
        if (c.op == NULL)
            sim_piece_arrive(c.s);
        else
            op_step(c.s, c.op);
    }
}

/* All is one thread: whoever posts is not in the middle of the reactor's wait. */
static void sim_wake(struct reactor *r UNUSED)
{
}

static void sim_shutdown(struct reactor *r UNUSED, int fd, int how)
{
    struct sim_socket *s = sim_socket_at(fd);

    s->shut_rd |= how != SHUT_WR;
    s->shut_wr |= how != SHUT_RD;
}

static void sim_close_fd(struct reactor *r UNUSED, int fd)
{
    sim_socket_close(sim_socket_at(fd));
}

static int sim_address(struct reactor *r UNUSED, int fd, bool peer,
                       struct sockaddr_storage *address_r)
{
    const struct sim_socket *s = sim_socket_at(fd);

    if (peer && s->there.sin_family == 0)
        return -ENOTCONN;
    *address_r = (struct sockaddr_storage){0};
    memcpy(address_r, peer ? &s->there : &s->here, sizeof(s->here));
    return 0;
}

const struct reactor_backend backend_sim = {
    .name = "sim",
    .open = sim_backend_open,
    .close = sim_backend_close,
    .start = sim_start,
    .cancel = sim_cancel,
    .turn = sim_turn,
    .wake = sim_wake,
    .shutdown = sim_shutdown,
    .close_fd = sim_close_fd,
    .address = sim_address,
};
