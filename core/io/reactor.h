#ifndef CORE_IO_REACTOR_H
#define CORE_IO_REACTOR_H

/*
 * reactor: one thread that moves bytes.
 *
 * The interface is completions (say what you want, be called when it is done), which is what
 * io_uring does natively and what epoll can imitate; the other way round would waste the ring.
 * All calls belong to the reactor's own thread, except reactor_stop() and inbox_post(). No done()
 * is called from inside the call that arms it.
 *
 * An io_op is memory of the caller's, embedded in what it serves (a connection, a listener). It
 * must stay where it is from the call that arms it until its last done(); so must the fd. At most
 * one receive and one send may be armed for a socket.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "core/base/attr.h"
#include "core/base/list.h"
#include "core/base/span.h"

struct inbox;
struct io_op;
struct reactor;
struct reactor_backend;

/* result: a new fd, a byte count, or -errno. data: received bytes, valid during the call only. */
typedef void io_done_fn(struct io_op *op, int result, struct span data);

/* The zero value is an op that was never armed. */
struct io_op {
    io_done_fn *done;
    int fd;
    bool armed;   /* done() is still to come */
    uint8_t kind; /* the rest is the backend's */
    uint8_t state;
    uint8_t flags;
    uint32_t count; /* parts to send */
    int result;     /* of an op that waits for its done() */
    struct list node;
    const struct iovec *parts;
    struct iovec rest; /* of a part that was sent half */
    struct msghdr message;
    size_t sent;
};

/* A deadline, caller-owned. The zero value is a timer that is not set. */
struct timer {
    struct list node;
    void (*due)(struct timer *t);
    uint64_t at_ns; /* 0: not set */
};

struct reactor_config {
    unsigned ring_entries;       /* submission slots, a power of two */
    unsigned receive_blocks;     /* shared receive blocks, a power of two */
    unsigned receive_block_size; /* bytes */
    bool accepts_only;           /* never asked for reactor_connect(): a ring then refuses it */
};

extern const struct reactor_config reactor_config_default; /* 4096, 2048, 8192 */

/* How a backend is chosen: by name ("uring", "epoll"), or the first that opens for "auto". Writes
 * one line about why io_uring was not taken to `why` (size bytes), or an empty string. -errno on
 * failure. Must be called on the thread that will run the reactor (a ring belongs to its maker). */
MUST_USE int reactor_open(const char *backend, const struct reactor_config *config,
                          struct reactor **reactor_r, char *why, size_t size);
MUST_USE int reactor_open_with(const struct reactor_backend *backend,
                               const struct reactor_config *config, struct reactor **reactor_r);

/* Nothing may be armed, and whoever stops it or posts to its inbox has returned. Any thread. */
void reactor_close(struct reactor **reactor);
const char *reactor_backend_name(const struct reactor *r);

/* True when this process may use io_uring as we need it: a whole self-test on a socket pair. */
MUST_USE bool reactor_uring_works(char *why, size_t size);

/* Runs until reactor_stop(). Each turn: finished io, due timers, the inbox, one submit. */
void reactor_run(struct reactor *r);
void reactor_turn(struct reactor *r, uint64_t until_ns); /* one turn, waiting at most till then */
void reactor_stop(struct reactor *r);                    /* any thread, and signal handlers */

/* New connections, one done() each, until cancelled. The fds come non-blocking, close-on-exec and
 * with TCP_NODELAY. -EMFILE and the like are reported and the accepting goes on by itself after
 * 100 ms; a reserve fd is used to turn away who waits, with the words that op->parts and op->count
 * lend when they are set before. */
void reactor_accept(struct reactor *r, struct io_op *op, int fd, io_done_fn *done);

/* One receive: done() once with the bytes, 0 at the end of the stream, or -errno. */
void reactor_receive(struct reactor *r, struct io_op *op, int fd, io_done_fn *done);

/* Sends all parts or fails: result is the sum of their lengths or -errno. The parts and what they
 * point at must stay until done(). At most REACTOR_PARTS_MAX parts. */
enum {
    REACTOR_PARTS_MAX = 64
};
void reactor_send(struct reactor *r, struct io_op *op, int fd, const struct iovec *parts,
                  unsigned count, io_done_fn *done);

/* `to` must stay until done(). */
void reactor_connect(struct reactor *r, struct io_op *op, int fd, const struct sockaddr *to,
                     socklen_t size, io_done_fn *done);

/* done() comes with -ECANCELED, or with a result that was already on its way. */
void reactor_cancel(struct reactor *r, struct io_op *op);

/* Sockets are named by fds that belong to the backend (the simulator has its own). A socket that a
 * reactor has served is closed by reactor_close_fd() only: epoll keeps a record of it. */
void reactor_shutdown(struct reactor *r, int fd, int how);
void reactor_close_fd(struct reactor *r, int fd); /* no op of it may be armed */
int reactor_address(struct reactor *r, int fd, bool peer, struct sockaddr_storage *address_r);

uint64_t reactor_now_ns(const struct reactor *r); /* monotonic, read once a turn */
int64_t reactor_wall_us(const struct reactor *r); /* wall clock, read once a turn */
struct inbox *reactor_inbox(struct reactor *r);   /* jobs come home here, from any thread */

/* due() is called once, on or up to 100 ms after the deadline. Setting a set timer moves it. */
void timer_set(struct reactor *r, struct timer *t, uint64_t at_ns, void (*due)(struct timer *t));
void timer_cancel(struct timer *t); /* also of a timer that is not set */

#endif
