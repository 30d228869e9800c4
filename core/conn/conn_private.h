#ifndef CORE_CONN_CONN_PRIVATE_H
#define CORE_CONN_CONN_PRIVATE_H

/*
 * What a connection is made of, for the files of this folder.
 *
 * Every event (bytes, a send that is done, a request that came home, a timer, a poke, its next
 * turn) is handled in the same three moves: note what happened, conn_advance() to let the session
 * do what it can do now, conn_settle() to bring socket and timer in line with that. conn_settle()
 * may free the connection, so it is always the last call.
 */

#include "core/base/list.h"
#include "core/conn/conn.h"
#include "core/conn/conn_limits.h"
#include "core/io/reactor.h"
#include "core/work/budget.h"
#include "core/work/inbox.h"
#include "core/work/job.h"
#include "core/work/watch.h"

enum conn_state {
    CONN_DIALLING, /* we call; there is no session yet */
    CONN_GREETING, /* a proxy's header is to come, there is no session yet */
    CONN_SHAKING,  /* TLS begins; the session hears nothing */
    CONN_TALKING,
    CONN_FLUSHING,  /* the session wants to close; its last words are leaving */
    CONN_LINGERING, /* our side is shut; the peer is given time to read and close */
    CONN_CLOSING,   /* cut off; waits for what is armed, away or posted */
};

enum conn_asked {
    CONN_ASKED_NOTHING,
    CONN_ASKED_AWAY, /* the service has the request */
    CONN_ASKED_MORE, /* it is here, answered in part: asked again when there is room */
};

/* Only while a send is armed; kept in a free list of the set. */
struct conn_parts {
    struct conn_parts *next;
    struct iovec parts[REACTOR_PARTS_MAX];
};

struct conn_set {
    struct reactor *reactor;
    struct list conns;
    unsigned count;
    uint64_t number_next;
    unsigned stride;

    struct list again; /* connections that used up their share of this turn */
    struct job again_job;
    bool again_posted;

    struct conn_parts *parts_free;
    unsigned parts_free_count;
    unsigned refused; /* connections that are only told to come back */

    unsigned handshakes;            /* with the workers */
    struct list handshakes_waiting; /* those that may be next */
    char *tls_scratch;              /* a record that was opened; NULL before the first */
    struct budget_share share;
    struct pressure *pressure;  /* NULL: nobody looks at it */
    enum session_stress stress; /* its colour, when it was looked at last */
    struct timer ladder;        /* set while the colour is not green */

    struct timer rest; /* set when somebody left: then memory is given back */
    bool left_again;   /* somebody did since */
    struct timer patience;
    bool is_told;                   /* stopped() was called */
    void (*stopped)(void *context); /* not NULL: stopping */
    void *stopped_context;
};

struct conn_tls;

/* Of a connection that we open. */
struct conn_call {
    struct sockaddr_storage to;
    uint64_t until_ns;
    int error; /* why there is no session */
};

struct conn {
    struct conn_set *set;
    const struct conn_service *service;
    struct session *session;
    struct conn_tls *tls;   /* NULL: in the clear */
    struct conn_call *call; /* NULL: the peer opened it */
    struct list node;       /* in set->conns */
    struct list again;      /* in set->again */

    struct io_op receive, send;
    int fd;
    enum conn_state state;
    enum conn_asked asked;
    enum session_end why; /* valid with hangup_due, and in CONN_CLOSING */
    bool hangup_due;      /* the session is told as soon as it is not frozen */
    bool peer_ended;      /* no more bytes will come */
    bool poked;           /* the watch was touched, the session does not know yet */
    bool unwatched;       /* the watch is cleared for good */
    bool watch_posted;    /* and yet its job is on its way */
    bool full;            /* it was offered all that is here and ate nothing: needs more bytes */
    bool refused;         /* counted in set->refused */

    uint64_t number;
    struct conn_ticket ticket;
    size_t charged;      /* bytes of memory */
    size_t session_held; /* of them the session's, when it was last asked */
    struct job job;
    struct request *request; /* while asked is not CONN_ASKED_NOTHING */
    struct watch watch;

    struct span fresh; /* just received, valid during the event */
    char *kept;        /* received and not eaten: kept[kept_from .. kept_from + kept_len) */
    uint32_t kept_from, kept_len, kept_size;
    uint32_t discarded;

    struct chain sending; /* left the session; its front is in the armed send */
    struct conn_parts *parts;

    struct timer timer;      /* the one timer: on the earliest of the deadlines below */
    uint64_t quiet_ns;       /* since when the peer owes us a command */
    uint64_t since_ns;       /* when the armed send, or the state from FLUSHING on, began */
    uint64_t delay_until_ns; /* the session's delay_ms; 0: none */
    uint64_t rate_ns;        /* the window that counts a body's bytes; 0: none */
    uint32_t rate_bytes;
};

/* conn.c */
void conn_advance(struct conn *c);
void conn_settle(struct conn *c);
bool conn_peer_find(struct conn_set *set, int fd, struct session_peer *peer_r);
struct conn *conn_new(struct conn_set *set, const struct conn_service *service, int fd);
void conn_begin(struct conn *c, const struct session_peer *peer);
void conn_cut(struct conn *c, enum session_end why); /* the peer is lost, or must be */
void conn_hangup_soon(struct conn *c, enum session_end why);

/* conn_dial.c */
void conn_dial_failed(struct conn *c, int error);
void conn_dial_free(struct conn *c);

/* conn_receive.c */
void conn_receive_arm(struct conn *c);
void conn_take(struct conn *c, struct span data); /* bytes of the session's, which stay lent */
bool conn_feed(struct conn *c);                   /* false: it waits for bytes or for room */
struct span conn_input(const struct conn *c);
void conn_eaten(struct conn *c, size_t len);
void conn_keep_drop(struct conn *c);

/* conn_send.c */
void conn_send_arm(struct conn *c);
bool conn_has_room(const struct conn *c); /* for answers to more commands */
bool conn_runs_low(const struct conn *c); /* for more of one answer */
bool conn_room(struct conn *c);           /* false: the session has no more, or no room for it */

/* conn_request.c */
bool conn_request_ask(struct conn *c); /* false: the answer comes later */
void conn_request_abandon(struct conn *c);
bool conn_poke(struct conn *c);
void conn_request_init(struct conn *c);

/* conn_timer.c */
void conn_timer_arm(struct conn *c);
void conn_quiet(struct conn *c); /* the peer's time begins now */

/* conn_set.c */
void conn_set_again(struct conn *c);
void conn_set_left(struct conn_set *set); /* one connection less */

/* Sets what the driver owes a session before each call. */
static inline struct session *conn_session(struct conn *c)
{
    c->session->now_us = reactor_wall_us(c->set->reactor);
    c->session->stress = c->set->stress;
    return c->session;
}

#endif
