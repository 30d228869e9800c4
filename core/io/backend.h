#ifndef CORE_IO_BACKEND_H
#define CORE_IO_BACKEND_H

/*
 * backend: what uring.c, epoll.c and the simulator each provide to reactor.c. The contract of each
 * function is that of its namesake in reactor.h; a backend embeds nothing of the reactor but gets
 * a place for its own state with reactor_backend_state().
 */

#include "core/io/reactor.h"

struct io_request {
    struct io_op *op;
    const struct sockaddr *to; /* connect */
    socklen_t size;
};

enum io_kind {
    IO_ACCEPT,
    IO_RECEIVE,
    IO_SEND,
    IO_CONNECT,
};

enum {
    REACTOR_TURN_MAX = 256,        /* completions before timers and the inbox get their turn */
    REACTOR_ACCEPT_PAUSE_MS = 100, /* after an accept that failed */
};

struct reactor_backend {
    const char *name;
    int (*open)(struct reactor *r, const struct reactor_config *config); /* 0 or -errno */
    void (*close)(struct reactor *r);
    void (*start)(struct reactor *r, const struct io_request *request);
    void (*cancel)(struct reactor *r, struct io_op *op);
    void (*turn)(struct reactor *r, uint64_t until_ns); /* submit, wait, call done() */
    void (*wake)(struct reactor *r);                    /* any thread */
    void (*shutdown)(struct reactor *r, int fd, int how);
    void (*close_fd)(struct reactor *r, int fd);
    int (*address)(struct reactor *r, int fd, bool peer, struct sockaddr_storage *address_r);
};

extern const struct reactor_backend backend_uring, backend_epoll;

void **reactor_backend_state(struct reactor *r);

/* For backends: the wait is over. Reads the clocks for this turn; before the first done(). */
void reactor_awake(struct reactor *r);

/* For backends: ends an op (armed = false first, unless it repeats) and calls done(). */
void reactor_complete(struct io_op *op, int result, struct span data, bool repeats);

#endif
