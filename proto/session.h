#ifndef PROTO_SESSION_H
#define PROTO_SESSION_H

/*
 * session: one conversation with a peer, without the socket.
 *
 * Bytes in, bytes and at most one request out. A session never reads, writes, sleeps, locks, logs
 * or asks the time; whoever drives it (io_uring, epoll, a test, a fuzzer) does that. Used by one
 * thread at a time; while its request is away the session is frozen and must not be called.
 * Feeding the same bytes in any cuts gives the same answers.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/chain.h"
#include "core/base/span.h"
#include "proto/request.h"

enum session_want {
    SESSION_WANT_INPUT, /* more bytes from the peer */
    SESSION_WANT_REPLY, /* session_take_request(), have it answered, then reply() */
    SESSION_WANT_TLS,   /* flush `out`, switch the transport to TLS, then tls_started(); what the
                           peer sent in the clear behind its command is thrown away */
    SESSION_WANT_CLOSE, /* flush `out`, then hang up */
};

/* Why a conversation ends from outside. */
enum session_end {
    SESSION_PEER_CLOSED, /* the peer hung up, in order or not */
    SESSION_TIMED_OUT,   /* nothing came for idle_ms, or too little */
    SESSION_SHUTDOWN,    /* we are stopping */
    SESSION_OVERLOADED,  /* we cannot serve anybody more now */
    SESSION_CROWDED,     /* this peer has, or opened just now, too many connections */
};

/* How short we are of memory, descriptors, disk and processor time. Each adds to the one before. */
enum session_stress {
    SESSION_AT_EASE,
    SESSION_CAREFUL, /* long work in short slices */
    SESSION_PRESSED, /* strangers get little patience: short time limits, one error */
    SESSION_SHORT,   /* nothing begins that takes in a message */
};

/* How well a server is known that we called. */
enum session_trust {
    SESSION_UNTRUSTED, /* encrypted; by whom is anybody's guess */
    SESSION_TRUSTED,   /* its certificate is somebody's whom an authority knows */
    SESSION_VERIFIED,  /* it is who we meant: by name, or by DANE where there are such records */
};

/* What a TLS handshake settled (RFC 8446, RFC 5246). Lives as long as the session. */
struct session_tls {
    char version[16];         /* "TLSv1.3" */
    char cipher[64];          /* "TLS_CHACHA20_POLY1305_SHA256" */
    uint16_t bits;            /* of the cipher's key */
    char server_name[256];    /* that the client asked for (SNI); "": none */
    char client_name[321];    /* by a verified client certificate: an address; "": none */
    enum session_trust trust; /* of a server that we called */

    /* What a login can be bound to (RFC 5056): tls-exporter (RFC 9266) and, on TLS 1.2, tls-unique
     * (RFC 5929). Not there where they would prove nothing. */
    bool has_exporter, has_unique;
    unsigned char exporter[32], unique[12];
};

/* Who is at the other end, as the transport knows it. */
struct session_peer {
    uint64_t connection; /* number of the connection in this process, for log lines */
    char address[46];    /* text without brackets: 127.0.0.1, ::1 */
    char local_address[46];
    uint16_t port, local_port;
    bool is_tls;  /* from the first byte on: tls_started() comes before start() */
    bool can_tls; /* SESSION_WANT_TLS will be heard */
};

struct session {
    const struct session_ops *ops;
    enum session_want want;
    struct chain out;        /* for the peer; the driver drains it */
    struct request *request; /* set while want is REPLY and the request is not taken */
    int64_t now_us;          /* wall clock, set by the driver before each call into the session */
    uint32_t idle_ms;    /* how long the driver waits for the peer's next bytes, counted from those
                            that came or left last; the session's */
    bool more;           /* the session has more to say than it put into `out`: the driver calls
                            room() when most of that has left */
    bool bulk;           /* the peer sends a body: the driver watches its rate, not its pauses */
    uint32_t delay_ms;   /* how much later `out` leaves; nothing is fed meanwhile. The driver
                            sets it back to 0 */
    bool is_engaged;     /* the peer is logged in or in a transaction: others are shed before it */
    uint64_t user;       /* a number of who is logged in, whose memory this is; 0: nobody is */
    const char *trouble; /* set by the driver before hangup(): what went wrong in TLS, for the log;
                            NULL: nothing did */
    enum session_stress stress; /* set by the driver before each call into the session */
};

struct session_ops {
    const char *name;

    void (*start)(struct session *s); /* greeting into `out` */

    /* Eats whole units (lines, literals, body bytes) and returns how many bytes it ate. What it
     * leaves, the driver keeps and offers again with what follows. Called only while want is INPUT.
     * A session that eats nothing of SESSION_INPUT_MAX bytes is broken: it must eat or close. */
    size_t (*input)(struct session *s, struct span bytes);

    /* The answer to the request taken last; ownership comes back with it. request->out has been
     * moved to s->out already. Never called with request->more set. */
    void (*reply)(struct session *s, struct request *answered);

    /* The transport is TLS now. After SESSION_WANT_TLS, where want becomes INPUT again, or before
     * start(). NULL: the protocol has no TLS. */
    void (*tls_started)(struct session *s, const struct session_tls *tls);

    /* Nothing came or left for idle_ms; want is INPUT. May write, and then waits for idle_ms again;
     * want CLOSE ends it. NULL: hangup(SESSION_TIMED_OUT). */
    void (*idle)(struct session *s);

    /* The watch that a run set was touched; want is INPUT. May open a request. NULL: no watches. */
    void (*poke)(struct session *s);

    /* Most of `out` has left, `more` is set and want is INPUT: writes the next of it. NULL: the
     * session never sets `more`. */
    void (*room)(struct session *s);

    /* The conversation ends from outside: last words into `out`, notes for the log. want becomes
     * CLOSE. Not called when the session itself wanted CLOSE. */
    void (*hangup)(struct session *s, enum session_end why);

    /* Bytes of memory that the session holds, without `out` and what it lends to its request while
     * that is away. Cheap: the driver asks after each event, for the budget. NULL: nothing worth
     * counting. */
    size_t (*held)(const struct session *s);

    /* Frees the session. No request is away. */
    void (*end)(struct session *s);
};

enum {
    SESSION_INPUT_MAX = 65536, /* bytes a driver keeps for a session that waits for a whole unit */
};

/* Feeds until the session wants something else or can eat no more. Returns the bytes eaten. */
size_t session_feed(struct session *s, struct span bytes);

/* Moves the open request to the caller. Only while want is REPLY, and once. */
struct request *session_take_request(struct session *s);

#endif
