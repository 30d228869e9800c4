#include "core/conn/conn_private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/metric.h"
#include "core/base/network.h"
#include "core/conn/conn_guard.h"
#include "core/conn/conn_proxy.h"
#include "core/conn/conn_tls.h"

static void hangup_now(struct conn *c, enum session_end why)
{
    struct session *s = conn_session(c);

    c->hangup_due = false;
    if (s->want != SESSION_WANT_CLOSE)
        s->ops->hangup(s, why);
    ensure(s->want == SESSION_WANT_CLOSE);
}

/* ---- begin ---- */

/* An address of a family without numbers (a socket pair) is this host's own. */
static uint16_t address_text(const struct sockaddr_storage *from, char text_r[46])
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)from;
    const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)from;

    memcpy(text_r, "127.0.0.1", sizeof("127.0.0.1"));
    if (from->ss_family == AF_INET) {
        inet_ntop(AF_INET, &four->sin_addr, text_r, 46);
        return ntohs(four->sin_port);
    }
    if (from->ss_family != AF_INET6)
        return 0;
    if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
        inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], text_r, 46);
    else
        inet_ntop(AF_INET6, &six->sin6_addr, text_r, 46);
    return ntohs(six->sin6_port);
}

bool conn_peer_find(struct conn_set *set, int fd, struct session_peer *peer_r)
{
    struct sockaddr_storage remote, local;

    *peer_r = (struct session_peer){0};
    if (reactor_address(set->reactor, fd, true, &remote) < 0 ||
        reactor_address(set->reactor, fd, false, &local) < 0)
        return false;
    peer_r->port = address_text(&remote, peer_r->address);
    peer_r->local_port = address_text(&local, peer_r->local_address);
    return true;
}

struct conn *conn_new(struct conn_set *set, const struct conn_service *service, int fd)
{
    struct conn *c = xcalloc(1, sizeof(*c));

    c->set = set;
    c->service = service;
    c->fd = fd;
    c->number = set->number_next;
    set->number_next += set->stride;
    list_init(&c->again);
    list_add_tail(&set->conns, &c->node);
    set->count++;
    conn_request_init(c);
    conn_quiet(c);
    metric_add(METRIC_CONNECTIONS + service->metric, 1);
    metric_add(METRIC_OPEN + service->metric, 1);
    return c;
}

void conn_begin(struct conn *c, const struct session_peer *peer)
{
    struct session_peer known = *peer;
    enum session_end why = SESSION_OVERLOADED;
    bool welcome = c->call != NULL || conn_guard_admit(c, known.address, &why);

    known.connection = c->number;
    known.is_tls = c->service->tls_first;
    known.can_tls = conn_tls_is_there(c->service);
    if (!welcome && c->set->refused >= CONN_REFUSED_MAX) {
        conn_cut(c, SESSION_OVERLOADED);
        return;
    }
    c->session = c->service->session_new(c->service->context, &known);
    c->state = CONN_TALKING;
    conn_quiet(c);
    if (!welcome) {
        c->refused = true;
        c->set->refused++;
        hangup_now(c, why);
        if (c->service->tls_first)
            chain_free(&c->session->out); /* a handshake only to say no would be a gift */
    } else if (c->service->tls_first) {
        conn_tls_begin(c);
    } else {
        conn_session(c)->ops->start(c->session);
    }
}

void conn_open(struct conn_set *set, const struct conn_service *service, int fd)
{
    struct session_peer peer;
    struct conn *c;

    if (set->stopped != NULL || !conn_peer_find(set, fd, &peer)) {
        reactor_close_fd(set->reactor, fd);
        return;
    }
    c = conn_new(set, service, fd);
    c->state = CONN_GREETING;
    if (!network_any_has(service->proxies, service->proxy_count, span_str(peer.address)))
        conn_begin(c, &peer);
    conn_advance(c);
    conn_settle(c);
}

/* ---- what the session can do now ---- */

/* One thing; false when the session waits for somebody. */
static bool step(struct conn *c)
{
    if (c->state == CONN_DIALLING)
        return false;
    if (c->state == CONN_GREETING)
        return conn_proxy_take(c);
    if (c->state == CONN_SHAKING)
        return conn_tls_shake(c);
    if (c->asked == CONN_ASKED_AWAY)
        return false;
    if (c->asked == CONN_ASKED_MORE)
        return conn_runs_low(c) && conn_request_ask(c);
    ensure(c->session != NULL);
    switch (c->session->want) {
    case SESSION_WANT_REPLY:
        return conn_request_ask(c);
    case SESSION_WANT_INPUT:
        if (c->hangup_due) {
            hangup_now(c, c->why);
            return true;
        }
        return conn_poke(c) || conn_room(c) || conn_feed(c);
    case SESSION_WANT_TLS:
        if (c->hangup_due) {
            hangup_now(c, c->why);
            return true;
        }
        return conn_tls_wanted(c);
    case SESSION_WANT_CLOSE:
        break;
    }
    return false;
}

/* The session slows its peer down: until then nothing is fed and nothing leaves. */
static void take_delay(struct conn *c)
{
    if (c->session == NULL || c->session->delay_ms == 0)
        return;
    if (c->set->stopped == NULL)
        c->delay_until_ns =
            reactor_now_ns(c->set->reactor) + c->session->delay_ms * (uint64_t)1000000;
    c->session->delay_ms = 0;
}

void conn_advance(struct conn *c)
{
    size_t out = c->session != NULL ? c->session->out.len : 0;
    unsigned steps = 0;

    if (!list_is_empty(&c->again))
        return;
    take_delay(c);
    while (c->state <= CONN_TALKING && c->delay_until_ns == 0) {
        if (!step(c))
            break;
        take_delay(c);
        if (++steps >= CONN_TURN_STEPS_MAX ||
            (c->session != NULL && c->session->out.len >= out + CONN_TURN_OUT_MAX)) {
            conn_set_again(c);
            break;
        }
    }
}

void conn_hangup_soon(struct conn *c, enum session_end why)
{
    c->delay_until_ns = 0;
    if (c->state <= CONN_SHAKING)
        conn_cut(c, why);
    if (c->state != CONN_TALKING || c->hangup_due)
        return;
    c->hangup_due = true;
    c->why = why;
}

/* ---- end ---- */

void conn_cut(struct conn *c, enum session_end why)
{
    struct reactor *r = c->set->reactor;
    bool is_shut = c->state == CONN_LINGERING && c->peer_ended; /* both ways, in good order */

    if (c->state == CONN_CLOSING)
        return;
    c->state = CONN_CLOSING;
    c->why = why;
    c->hangup_due = false;
    conn_keep_drop(c);
    if (!is_shut)
        reactor_shutdown(r, c->fd, SHUT_RDWR);
    if (c->receive.armed)
        reactor_cancel(r, &c->receive);
    if (c->send.armed)
        reactor_cancel(r, &c->send);
}

/* A close with unread bytes in the socket would be a reset that can overtake our last words, so
 * the peer gets some time to hang up first. */
static void linger(struct conn *c)
{
    if (c->peer_ended || c->refused) {
        conn_cut(c, SESSION_PEER_CLOSED);
        return;
    }
    c->state = CONN_LINGERING;
    c->since_ns = reactor_now_ns(c->set->reactor);
    conn_keep_drop(c);
    reactor_shutdown(c->set->reactor, c->fd, SHUT_WR);
}

/* True when nobody else holds anything of the connection. */
static bool is_alone(struct conn *c)
{
    if (c->receive.armed || c->send.armed || c->asked == CONN_ASKED_AWAY || conn_tls_is_away(c))
        return false;
    if (!c->unwatched) { /* only now: a request that is away may set the watch */
        c->unwatched = true;
        if (c->poked)
            watch_seen(&c->watch); /* it came home, and nobody was told */
        c->poked = false;
        c->watch_posted = watch_clear(&c->watch);
    }
    return !c->watch_posted;
}

static void session_end_now(struct conn *c)
{
    if (c->asked == CONN_ASKED_MORE)
        conn_request_abandon(c);
    hangup_now(c, c->why);
    chain_free(&c->session->out);
    c->session->ops->end(c->session);
}

static void conn_free(struct conn *c)
{
    struct conn_set *set = c->set;
    const struct conn_service *service = c->service;

    if (c->session != NULL)
        session_end_now(c);
    conn_tls_free(c);
    conn_guard_release(c);
    if (service->limits != NULL)
        conn_limits_leave(service->limits, &c->ticket);
    if (c->refused)
        set->refused--;
    timer_cancel(&c->timer);
    list_remove(&c->node);
    list_remove(&c->again);
    chain_free(&c->sending);
    conn_keep_drop(c);
    reactor_close_fd(set->reactor, c->fd);
    metric_add(METRIC_OPEN + service->metric, -1);
    conn_dial_free(c);
    free(c);
    conn_set_left(set);
}

void conn_settle(struct conn *c)
{
    conn_guard_look(c->set);
    if (!conn_guard_charge(c)) {
        conn_hangup_soon(c, SESSION_OVERLOADED);
        conn_advance(c);
    }
    if (c->state == CONN_TALKING && c->asked == CONN_ASKED_NOTHING && c->delay_until_ns == 0 &&
        c->session->want == SESSION_WANT_CLOSE) {
        c->state = CONN_FLUSHING;
        c->since_ns = reactor_now_ns(c->set->reactor);
    }
    conn_send_arm(c);
    if (c->state == CONN_FLUSHING && !c->send.armed)
        linger(c);
    conn_receive_arm(c);
    conn_timer_arm(c);
    if (c->state == CONN_CLOSING && is_alone(c))
        conn_free(c);
}
