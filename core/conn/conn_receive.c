#include "core/conn/conn_private.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/conn/conn_tls.h"

/* The only buffering of half commands in the program. Bytes go to the session straight from the
 * receive block; what it leaves is kept and offered again joined with what follows. */

static void keep(struct conn *c, struct span bytes)
{
    size_t need = c->kept_len + bytes.len;

    if (bytes.len == 0)
        return;
    if (c->kept_from > 0 && c->kept_from + need > c->kept_size) {
        memmove(c->kept, c->kept + c->kept_from, c->kept_len);
        c->kept_from = 0;
    }
    if (need > c->kept_size) {
        size_t size = c->kept_size == 0 ? 256 : c->kept_size;
        while (size < need)
            size *= 2;
        c->kept = xrealloc(c->kept, size);
        c->kept_size = (uint32_t)size;
    }
    memcpy(c->kept + c->kept_from + c->kept_len, bytes.at, bytes.len);
    c->kept_len += (uint32_t)bytes.len;
}

void conn_keep_drop(struct conn *c)
{
    free(c->kept);
    c->kept = NULL;
    c->kept_from = c->kept_len = c->kept_size = 0;
    c->fresh = (struct span){NULL, 0};
}

struct span conn_input(const struct conn *c)
{
    if (c->fresh.len > 0)
        return c->fresh;
    return c->kept_len > 0 ? (struct span){c->kept + c->kept_from, c->kept_len}
                           : (struct span){"", 0};
}

void conn_eaten(struct conn *c, size_t len)
{
    if (c->fresh.len > 0) {
        c->fresh = span_after(c->fresh, len);
        return;
    }
    ensure(len <= c->kept_len);
    c->kept_from += (uint32_t)len;
    c->kept_len -= (uint32_t)len;
    if (c->kept_len == 0)
        conn_keep_drop(c);
}

/* Offers the session what is here. */
static void offer(struct conn *c, struct span bytes)
{
    struct session *s = conn_session(c);
    size_t eaten = s->ops->input(s, bytes);

    ensure(eaten <= bytes.len);
    if (eaten > 0) {
        conn_eaten(c, eaten);
        conn_quiet(c);
    } else if (s->want == SESSION_WANT_INPUT) {
        c->full = true;
        if (bytes.len >= SESSION_INPUT_MAX)
            conn_hangup_soon(c, SESSION_OVERLOADED);
    }
}

bool conn_feed(struct conn *c)
{
    struct span bytes = conn_input(c);

    if (bytes.len > 0 && !c->full) {
        if (!conn_has_room(c))
            return false;
        offer(c, bytes);
        return true;
    }
    if (!c->peer_ended || c->hangup_due)
        return false;
    conn_hangup_soon(c, SESSION_PEER_CLOSED);
    return true;
}

void conn_take(struct conn *c, struct span data)
{
    c->full = false;
    c->rate_bytes += (uint32_t)data.len;
    if (c->kept_len > 0)
        keep(c, data);
    else
        c->fresh = data;
    conn_advance(c);
    /* The connection may have been cut meanwhile; then there is nothing fresh any more. */
    keep(c, c->fresh);
    c->fresh = (struct span){NULL, 0};
}

static void received(struct io_op *op, int result, struct span data)
{
    struct conn *c = CONTAINER_OF(op, struct conn, receive);

    if (c->state == CONN_CLOSING) {
        /* Cut off: whatever comes is too late. */
    } else if (result < 0) {
        conn_cut(c, SESSION_PEER_CLOSED);
    } else if (result == 0) {
        c->peer_ended = true;
        if (c->state == CONN_LINGERING || c->state == CONN_GREETING)
            conn_cut(c, SESSION_PEER_CLOSED);
        else
            conn_advance(c);
    } else if (c->state >= CONN_FLUSHING) {
        c->discarded += (uint32_t)data.len;
        if (c->discarded > CONN_DISCARD_MAX)
            conn_cut(c, SESSION_PEER_CLOSED);
    } else if (c->tls != NULL) {
        conn_tls_received(c, data);
    } else {
        conn_take(c, data);
    }
    conn_settle(c);
}

static uint32_t ahead_max(const struct conn *c)
{
    return c->service->ahead_max > 0 ? c->service->ahead_max : CONN_AHEAD_MAX;
}

static bool wants_bytes(const struct conn *c)
{
    switch (c->state) {
    case CONN_DIALLING:
        return false;
    case CONN_GREETING:
    case CONN_LINGERING:
        return true;
    case CONN_SHAKING:
        return conn_tls_wants_bytes(c);
    case CONN_TALKING:
        if (!list_is_empty(&c->again) || c->session->want == SESSION_WANT_TLS)
            return false;
        if (c->asked == CONN_ASKED_NOTHING && c->delay_until_ns == 0 && conn_has_room(c))
            return true;
        return c->set->stress == SESSION_AT_EASE && c->kept_len < ahead_max(c);
    case CONN_FLUSHING:
    case CONN_CLOSING:
        break;
    }
    return false;
}

void conn_receive_arm(struct conn *c)
{
    if (!c->receive.armed && !c->peer_ended && wants_bytes(c))
        reactor_receive(c->set->reactor, &c->receive, c->fd, received);
}
