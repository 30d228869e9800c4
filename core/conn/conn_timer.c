#include "core/conn/conn_private.h"

#include <errno.h>

#include "core/conn/conn_tls.h"

/* One timer for each connection. It is set lazily: a deadline that moves away is looked at when the
 * timer comes due, so that bytes coming and going cost no timer work. */

static const uint64_t MS = 1000000; /* nanoseconds */

void conn_quiet(struct conn *c)
{
    c->quiet_ns = reactor_now_ns(c->set->reactor);
}

/* A body's rate counts, unless the peer is one of ours: a person may type there. */
static bool is_rated(const struct conn *c)
{
    return c->session->bulk && !c->ticket.is_exempt && c->delay_until_ns == 0 &&
           c->asked == CONN_ASKED_NOTHING;
}

static uint64_t talking_until_ns(const struct conn *c)
{
    uint32_t idle_ms = c->session->idle_ms > 0 ? c->session->idle_ms : CONN_IDLE_MS;
    uint32_t stall_ms = c->service->stall_ms > 0 ? c->service->stall_ms : CONN_SEND_STALL_MS;

    if (c->send.armed)
        return c->since_ns + stall_ms * MS;
    if (c->delay_until_ns != 0)
        return c->delay_until_ns;
    if (c->asked == CONN_ASKED_AWAY)
        return 0;
    if (is_rated(c))
        return c->rate_ns + CONN_RATE_WINDOW_MS * MS;
    return c->quiet_ns + idle_ms * MS;
}

/* When something is over; 0: nothing waits for the peer. */
static uint64_t until_ns(const struct conn *c)
{
    switch (c->state) {
    case CONN_DIALLING:
        return c->call->until_ns;
    case CONN_GREETING:
        return c->quiet_ns + CONN_PROXY_MS * MS;
    case CONN_SHAKING:
        return conn_tls_until_ns(c);
    case CONN_TALKING:
        return talking_until_ns(c);
    case CONN_FLUSHING:
        return c->since_ns + CONN_FLUSH_MS * MS;
    case CONN_LINGERING:
        return c->since_ns + CONN_LINGER_MS * MS;
    case CONN_CLOSING:
        break;
    }
    return 0;
}

static bool is_fast_enough(const struct conn *c)
{
    uint32_t rate_min = c->service->rate_min > 0 ? c->service->rate_min : CONN_RATE_MIN;

    return c->rate_bytes >= (uint64_t)rate_min * CONN_RATE_WINDOW_MS / 1000;
}

/* Nobody said a word: a session that wants to is asked, the others end. */
static void silence(struct conn *c)
{
    if (c->session->ops->idle != NULL && c->session->want == SESSION_WANT_INPUT && !is_rated(c)) {
        conn_quiet(c);
        conn_session(c)->ops->idle(c->session);
    } else {
        conn_hangup_soon(c, SESSION_TIMED_OUT);
    }
    conn_advance(c);
}

static void time_is_up(struct conn *c)
{
    if (c->state == CONN_SHAKING)
        c->session->trouble = "timeout";
    if (c->state == CONN_DIALLING) {
        conn_dial_failed(c, -ETIMEDOUT);
    } else if (c->state != CONN_TALKING || c->send.armed) {
        conn_cut(c, SESSION_TIMED_OUT);
    } else if (c->delay_until_ns != 0) {
        c->delay_until_ns = 0;
        c->rate_ns = 0;
        conn_quiet(c);
        conn_advance(c);
    } else if (is_rated(c) && is_fast_enough(c)) {
        c->rate_ns = 0; /* fast enough: the next window */
    } else {
        silence(c);
    }
}

static void due(struct timer *t)
{
    struct conn *c = CONTAINER_OF(t, struct conn, timer);
    uint64_t at_ns = until_ns(c), rest_ns = conn_tls_rest_ns(c);
    uint64_t now_ns = reactor_now_ns(c->set->reactor);

    if (rest_ns != 0 && rest_ns <= now_ns)
        conn_tls_rest(c);
    if (at_ns != 0 && at_ns <= now_ns)
        time_is_up(c);
    conn_settle(c);
}

void conn_timer_arm(struct conn *c)
{
    uint64_t at_ns, rest_ns;

    if (c->state == CONN_TALKING) {
        if (!is_rated(c)) {
            c->rate_ns = 0;
        } else if (c->rate_ns == 0) {
            c->rate_ns = reactor_now_ns(c->set->reactor);
            c->rate_bytes = 0;
        }
    }
    at_ns = until_ns(c);
    rest_ns = c->state == CONN_TALKING ? conn_tls_rest_ns(c) : 0;
    if (rest_ns != 0 && (at_ns == 0 || rest_ns < at_ns))
        at_ns = rest_ns;
    if (at_ns != 0 && (c->timer.at_ns == 0 || at_ns < c->timer.at_ns))
        timer_set(c->set->reactor, &c->timer, at_ns, due);
}
