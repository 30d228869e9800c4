#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/un.h>

#include "core/base/alloc.h"
#include "core/conn/conn_private.h"

/* A connection that we open: the connect stands where sends do later. */

void conn_dial_failed(struct conn *c, int error)
{
    c->call->error = error;
    conn_cut(c, SESSION_PEER_CLOSED);
}

void conn_dial_free(struct conn *c)
{
    const struct conn_service *service = c->service;
    bool failed = c->call != NULL && c->session == NULL;
    int error = failed ? c->call->error : 0;

    free(c->call);
    c->call = NULL;
    if (failed)
        service->failed(service->context, error);
    if (service->gone != NULL)
        service->gone(service->context);
}

static void begin(struct conn *c)
{
    struct session_peer peer;

    if (!conn_peer_find(c->set, c->fd, &peer)) {
        conn_dial_failed(c, -ENOTCONN);
        return;
    }
    conn_begin(c, &peer);
    conn_advance(c);
}

static void connected(struct io_op *op, int result, struct span data UNUSED)
{
    struct conn *c = CONTAINER_OF(op, struct conn, send);

    if (c->state == CONN_CLOSING) {
        /* Given up meanwhile. */
    } else if (result < 0) {
        conn_dial_failed(c, result);
    } else {
        begin(c);
    }
    conn_settle(c);
}

static socklen_t size_of(const struct sockaddr_storage *to)
{
    switch (to->ss_family) {
    case AF_INET:
        return sizeof(struct sockaddr_in);
    case AF_INET6:
        return sizeof(struct sockaddr_in6);
    default:
        return sizeof(struct sockaddr_un);
    }
}

void conn_dial(struct conn_set *set, const struct conn_service *service, int fd,
               const struct sockaddr_storage *to, uint32_t connect_ms)
{
    uint64_t ms = connect_ms > 0 ? connect_ms : CONN_DIAL_MS;
    struct conn *c;

    if (set->stopped != NULL) {
        reactor_close_fd(set->reactor, fd);
        service->failed(service->context, -ECANCELED);
        if (service->gone != NULL)
            service->gone(service->context);
        return;
    }
    c = conn_new(set, service, fd);
    c->state = CONN_DIALLING;
    c->ticket.is_exempt = true;
    c->call = xcalloc(1, sizeof(*c->call));
    c->call->to = *to;
    c->call->error = -ECANCELED;
    c->call->until_ns = reactor_now_ns(set->reactor) + ms * 1000000;
    reactor_connect(set->reactor, &c->send, fd, (const struct sockaddr *)&c->call->to, size_of(to),
                    connected);
    conn_settle(c);
}
