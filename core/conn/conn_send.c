#include "core/conn/conn_private.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/conn/conn_tls.h"

enum {
    PARTS_FREE_MAX = 256
}; /* kept by a set for the next sends */

static struct conn_parts *parts_take(struct conn_set *set)
{
    struct conn_parts *p = set->parts_free;

    if (p == NULL)
        return xmalloc(sizeof(*p));
    set->parts_free = p->next;
    set->parts_free_count--;
    return p;
}

static void parts_give(struct conn *c)
{
    struct conn_set *set = c->set;

    if (set->parts_free_count >= PARTS_FREE_MAX) {
        free(c->parts);
    } else {
        c->parts->next = set->parts_free;
        set->parts_free = c->parts;
        set->parts_free_count++;
    }
    c->parts = NULL;
}

static size_t out_len(const struct conn *c)
{
    return c->sending.len + c->session->out.len;
}

static size_t out_held(const struct conn *c)
{
    return c->sending.held + c->session->out.held;
}

/* Under pressure buffers are half as large. */
static bool is_below(const struct conn *c, size_t held_max, size_t len_max)
{
    unsigned halves = c->set->stress == SESSION_AT_EASE ? 0 : 1;

    return out_held(c) < held_max >> halves && out_len(c) < len_max >> halves;
}

bool conn_has_room(const struct conn *c)
{
    return is_below(c, CONN_OUT_HELD_MAX, CONN_OUT_LEN_MAX);
}

bool conn_runs_low(const struct conn *c)
{
    return is_below(c, CONN_OUT_HELD_LOW, CONN_OUT_LEN_LOW);
}

/* Lets a session that has more to say than fits into `out` write the next of it. */
bool conn_room(struct conn *c)
{
    if (!c->session->more || !conn_runs_low(c))
        return false;
    conn_session(c)->ops->room(c->session);
    return true;
}

static void sent(struct io_op *op, int result, struct span data UNUSED)
{
    struct conn *c = CONTAINER_OF(op, struct conn, send);

    parts_give(c);
    if (c->state == CONN_CLOSING) {
        /* Cut off: nobody reads it. */
    } else if (result < 0) {
        conn_cut(c, SESSION_PEER_CLOSED);
    } else {
        chain_drop(&c->sending, (size_t)result);
        conn_quiet(c);
        conn_advance(c);
    }
    conn_settle(c);
}

/* Cuts the list of parts to CONN_SEND_MAX bytes; returns how many parts are left. */
static unsigned parts_limit(struct iovec *parts, unsigned count)
{
    size_t room = CONN_SEND_MAX;

    for (unsigned i = 0; i < count; i++) {
        if (parts[i].iov_len >= room) {
            parts[i].iov_len = room;
            return i + 1;
        }
        room -= parts[i].iov_len;
    }
    return count;
}

/* The session's bytes are moved away before they are sent, so that it can go on writing. */
void conn_send_arm(struct conn *c)
{
    unsigned count;

    if (c->send.armed || c->state < CONN_SHAKING || c->state > CONN_FLUSHING ||
        c->delay_until_ns != 0)
        return;
    if (c->sending.len == 0) {
        if (c->tls != NULL)
            conn_tls_seal(c);
        else
            chain_move(&c->sending, &c->session->out);
    }
    if (c->sending.len == 0)
        return;
    c->parts = parts_take(c->set);
    count = chain_iovecs(&c->sending, c->parts->parts, REACTOR_PARTS_MAX, NULL);
    count = parts_limit(c->parts->parts, count);
    c->since_ns = reactor_now_ns(c->set->reactor);
    reactor_send(c->set->reactor, &c->send, c->fd, c->parts->parts, count, sent);
}
