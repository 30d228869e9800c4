#ifndef CORE_CONN_CONN_H
#define CORE_CONN_CONN_H

/*
 * conn: one connection = a socket and a session, protocol unknown.
 *
 * The connection drives the session by proto/session.h: it feeds what the peer sends, sends what
 * the session says, and carries its requests to a service and back. It belongs to the reactor of
 * its set and so do all calls here. It closes and frees itself: when the session wants to, when the
 * peer is gone, when time is up, or when the set stops.
 *
 * What a peer can make a connection hold is bounded: ahead_max bytes of commands while a
 * request is away, SESSION_INPUT_MAX of one unfinished command, and the CONN_OUT_* marks of answers
 * that the peer does not read. Past them the connection stops receiving, and TCP tells the peer.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/attr.h"
#include "core/tls/tls.h"
#include "proto/session.h"

struct budget;
struct conn_limits;
struct job;
struct network;
struct pressure;
struct reactor;
struct shared;
struct worker_pool;

enum {
    CONN_AHEAD_MAX = 16 * 1024,         /* bytes received ahead while a request is away */
    CONN_OUT_HELD_MAX = 256 * 1024,     /* owned bytes of answers: no feeding above (HOSTILE L13) */
    CONN_OUT_HELD_LOW = 128 * 1024,     /* a request with `more` is asked again below */
    CONN_OUT_LEN_MAX = 2 * 1024 * 1024, /* the same two marks for all bytes, lent ones included */
    CONN_OUT_LEN_LOW = 1024 * 1024,
    CONN_SEND_MAX = 128 * 1024,    /* bytes handed to the socket at once */
    CONN_TLS_SEAL_MAX = 64 * 1024, /* bytes sealed at once: 0.2 ms of the reactor's time */
    CONN_TURN_STEPS_MAX = 256,     /* commands of one connection in a turn */
    CONN_TURN_OUT_MAX = 64 * 1024, /* bytes of answers of one connection in a turn */
    CONN_DISCARD_MAX = 256 * 1024, /* bytes read and thrown away after our last word */
    CONN_REFUSED_MAX = 256,        /* peers of a set that are being told to come back */

    CONN_DIAL_MS = 30 * 1000,        /* for a connection of ours to come to be */
    CONN_IDLE_MS = 300 * 1000,       /* when the session names no time of its own */
    CONN_RATE_WINDOW_MS = 10 * 1000, /* a body must come with CONN_RATE_MIN in each window */
    CONN_RATE_MIN = 500,             /* bytes a second (HOSTILE L18) */
    CONN_SEND_STALL_MS = 300 * 1000, /* CONN_SEND_MAX must leave in this time (HOSTILE L13) */
    CONN_FLUSH_MS = 30 * 1000,       /* the last words must leave in this time */
    CONN_LINGER_MS = 2 * 1000,       /* from our last word to the peer's end */
    CONN_PROXY_MS = 5 * 1000,        /* for a proxy's header */
    CONN_HANDSHAKE_MS = 10 * 1000,   /* for TLS to begin, in all, when nobody says (HOSTILE L2) */
    CONN_TLS_REST_MS = 5 * 1000,     /* of silence, then TLS gives its buffers back */
};

/* What stands behind a listening address, or a connection of ours. Lives longer than its
 * connections. */
struct conn_service {
    const char *name;   /* "smtp", for log lines */
    const char *daemon; /* "smtpd", which says them */
    const char *busy;   /* a line for who comes when there is no descriptor left; NULL: none */
    unsigned metric;    /* which of METRIC_SERVICES its connections count as; 0: those of our own */
    void *context;

    /* A session for this peer (copies what it needs of `peer`). Its start() has not been called;
     * hangup() may come first, when the peer is one too many. */
    struct session *(*session_new)(void *context, const struct session_peer *peer);

    /* Has the request answered. True: it was, on the spot. False: job->home() will be called on
     * job->inbox's thread. */
    bool (*ask)(void *context, struct request *request, struct job *job);

    struct conn_limits *limits; /* shared by all listeners and reactors; NULL: no limits */

    const struct network *proxies; /* who says first for whom it speaks (conn_proxy.h) */
    unsigned proxy_count;

    struct shared *tls; /* struct tls_context or NULL in it: off for now; NULL: no TLS ever */
    enum tls_protocol tls_protocol;
    bool tls_first;              /* the handshake comes before anything else */
    struct worker_pool *workers; /* for handshakes */
    unsigned handshake_max;      /* that one reactor has with the workers at a time */

    /* Of connections that we open (conn_dial()). */
    const struct tls_target *tls_target; /* whom TLS is to find there; NULL: we are its server */
    void (*failed)(void *context, int error); /* -errno: no connection came to be, and no session */
    void (*gone)(void *context); /* the last word: the service is not used after it. NULL: none */

    uint32_t rate_min;     /* bytes a second that a body must come with; 0: CONN_RATE_MIN */
    uint32_t handshake_ms; /* for TLS to begin, in all; 0: CONN_HANDSHAKE_MS */
    uint32_t ahead_max;    /* bytes received ahead while a request is away; 0: CONN_AHEAD_MAX */
    uint32_t stall_ms;     /* CONN_SEND_MAX bytes must leave in this time; 0: CONN_SEND_STALL_MS */
};

/* The connections of one reactor. */
struct conn_set;

/* Connections are numbered index, index + stride, ...: unique in the process when each of `stride`
 * sets has another index. */
MUST_USE struct conn_set *conn_set_open(struct reactor *reactor, unsigned index, unsigned stride);
void conn_set_close(struct conn_set **set); /* it must have become empty by conn_set_stop() */
unsigned conn_set_count(const struct conn_set *set);

/* What connections hold is charged to `budget` from here on (over it they are hung up on), and they
 * give way when there is `pressure`. Both outlive the set; NULL: none. Before the first one. */
void conn_set_guard(struct conn_set *set, struct budget *budget, struct pressure *pressure);

/* Takes the fd of a new connection. */
void conn_open(struct conn_set *set, const struct conn_service *service, int fd);

/* Opens a connection of our own on this socket (taken; non-blocking, not connected): the session is
 * made and started when the other end accepts, else failed() is called; gone() comes last in any
 * case, both at once when the set is stopping. connect_ms 0: CONN_DIAL_MS. The peer is whom we
 * chose to speak to: it counts as ours for limits and the rate of its bytes. */
void conn_dial(struct conn_set *set, const struct conn_service *service, int fd,
               const struct sockaddr_storage *to, uint32_t connect_ms);

/* Hangs up all connections: sessions say SESSION_SHUTDOWN's last words as soon as their request is
 * back; who is not gone after `patience_ms` is cut off. Calls stopped(context) once, when none is
 * left (requests that are away are always waited for). New connections are closed at once.
 * stopped() may not close the set: it ends the reactor, say, and the set is closed after that. */
void conn_set_stop(struct conn_set *set, unsigned patience_ms, void (*stopped)(void *context),
                   void *context);

#endif
