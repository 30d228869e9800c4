#ifndef TESTS_SUPPORT_SIM_IO_PRIVATE_H
#define TESTS_SUPPORT_SIM_IO_PRIVATE_H

/* sim_io_private: the network (sim_io.c) as the backend (sim_io_backend.c) sees it. */

#include <netinet/in.h>

#include "core/base/chain.h"
#include "tests/support/sim_io.h"

enum {
    SIM_SOCKETS_MAX = 8192,
};

/* One end of a connection, or a listener. */
struct sim_socket {
    int fd;
    struct reactor *reactor; /* of its ops */
    struct io_op *in, *out;  /* armed ones */
    bool in_cancelled, out_cancelled;
    struct sim_socket *peer; /* NULL: never connected, or gone */
    struct chain flight;     /* bytes on their way to the peer */
    struct chain arrived;    /* bytes from the peer, not yet read */
    uint64_t due_ns;         /* when the next piece of `flight`, or a connect, may arrive */
    bool listening;
    bool shut_wr, shut_rd; /* by this end */
    bool fin_arrived;      /* the peer's end of stream */
    bool reset;
    bool closed; /* by its owner; lives on until its last bytes arrived */
    struct sockaddr_in here, there;
    struct sim_socket *backlog_first, *backlog_last; /* of a listener */
    struct sim_socket *backlog_next;
};

struct sim {
    struct sim_socket *sockets[SIM_SOCKETS_MAX]; /* by fd - SIM_FD_FIRST */
    unsigned size;                               /* all behind are NULL */
    struct sim_habits habits;
    uint64_t dice, now_ns;
    int64_t wall_jumped_us;
    uint16_t port_next;
};

extern struct sim *sim_now; /* the one that is open */

struct sim_socket *sim_socket_at(int fd);
void sim_socket_close(struct sim_socket *s);
void sim_socket_reset(struct sim_socket *s); /* both ends of its connection */

/* Connects to a listener at the port; false when there is none. */
bool sim_socket_connect(struct sim_socket *s, uint16_t port);
struct sim_socket *sim_backlog_take(struct sim_socket *listener);

bool sim_chance(unsigned of, unsigned out_of);
size_t sim_cut(size_t len); /* how much of len > 0 goes now: 1..len */
uint64_t sim_delay(void);

size_t sim_room(const struct sim_socket *s);           /* for bytes to send */
bool sim_piece_is_due(const struct sim_socket *s);     /* its next piece can arrive now */
uint64_t sim_piece_due_ns(const struct sim_socket *s); /* UINT64_MAX: there is none */
void sim_piece_arrive(struct sim_socket *s);

bool sim_op_can_end(const struct sim_socket *s, const struct io_op *op);

#endif
