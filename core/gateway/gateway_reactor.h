#ifndef CORE_GATEWAY_GATEWAY_REACTOR_H
#define CORE_GATEWAY_GATEWAY_REACTOR_H

/*
 * gateway_reactor: one reactor with its listeners and its connections, on a thread of its own or
 * turned by hand.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/conn/conn.h"
#include "core/io/reactor.h"

struct gateway_reactor;

struct gateway_reactor_config {
    unsigned index, count;                 /* this one, of so many */
    const char *io;                        /* "auto", "uring", "epoll" */
    const struct reactor_backend *backend; /* not NULL: this one */
    bool connects;                         /* connections of our own are opened on it */
    uint32_t patience_ms;                  /* for peers when we stop */
    struct budget *budget;                 /* both as for conn_set_guard() */
    struct pressure *pressure;
};

MUST_USE struct gateway_reactor *gateway_reactor_new(const struct gateway_reactor_config *config);
void gateway_reactor_free(struct gateway_reactor **reactor); /* closed, or never started */

/* Before it starts: connections that come to this fd (taken) are served by `service`. */
void gateway_reactor_listen(struct gateway_reactor *r, int fd, const struct conn_service *service);

/* Opens the reactor on a new thread and returns when it goes round, or false with what is wrong in
 * gateway_reactor_why(). */
MUST_USE bool gateway_reactor_start(struct gateway_reactor *r);

/* The same on the calling thread, which then calls gateway_reactor_turn(). */
MUST_USE bool gateway_reactor_open(struct gateway_reactor *r);
bool gateway_reactor_turn(struct gateway_reactor *r, uint64_t until_ns); /* false: it has stopped */

/* From now on it accepts connections. Once, by whoever started it. */
void gateway_reactor_accept(struct gateway_reactor *r);

/* Why it did not start, or why io_uring was not taken; "" when all is well. */
const char *gateway_reactor_why(const struct gateway_reactor *r);
const char *gateway_reactor_backend(const struct gateway_reactor *r);

/* Where connections of our own live, once it has started. */
struct inbox *gateway_reactor_inbox(const struct gateway_reactor *r);
struct conn_set *gateway_reactor_conns(const struct gateway_reactor *r);

/* Asks it to answer, from another thread; false when it has not answered the last time. */
MUST_USE bool gateway_reactor_beat(struct gateway_reactor *r);

/* Asks it to stop accepting and to hang up; gateway_reactor_wait() returns when all connections
 * are gone. */
void gateway_reactor_stop(struct gateway_reactor *r);
void gateway_reactor_wait(struct gateway_reactor *r);

/* Closes it and ends its thread. Whoever posts to its inbox must have ended before: the last of
 * them may still be waking it for a job that came home long ago. */
void gateway_reactor_close(struct gateway_reactor *r);

#endif
