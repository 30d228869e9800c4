#include "core/conn/conn_guard.h"

#include "core/base/ensure.h"

/* The session's one request, away in the connection's job and home again. */

static void answered(struct conn *c)
{
    struct request *r = c->request;

    chain_move(&c->session->out, &r->out);
    c->asked = r->more ? CONN_ASKED_MORE : CONN_ASKED_NOTHING;
    if (r->more)
        return;
    c->request = NULL;
    c->full = false;
    conn_quiet(c);
    conn_session(c)->ops->reply(c->session, r);
}

bool conn_request_ask(struct conn *c)
{
    if (c->asked == CONN_ASKED_NOTHING) {
        conn_guard_note(c);
        c->request = session_take_request(c->session);
        c->request->connection = c->number;
        c->request->watch = &c->watch;
        c->request->session = c->session;
    }
    c->request->status = REQUEST_OPEN;
    c->request->more = false;
    c->asked = CONN_ASKED_AWAY;
    if (!c->service->ask(c->service->context, c->request, &c->job))
        return false;
    answered(c);
    return true;
}

/* For a peer that is gone: the rest of the answer is nobody's, and the request goes back to the
 * session, which frees it. */
void conn_request_abandon(struct conn *c)
{
    c->request->more = false;
    chain_free(&c->request->out);
    answered(c);
}

static void home(struct job *job)
{
    struct conn *c = CONTAINER_OF(job, struct conn, job);

    ensure(c->asked == CONN_ASKED_AWAY);
    if (c->state == CONN_CLOSING)
        conn_request_abandon(c);
    else
        answered(c);
    conn_advance(c);
    conn_settle(c);
}

/* Tells the session that its watch was touched; false when there is nothing to tell. */
bool conn_poke(struct conn *c)
{
    if (!c->poked)
        return false;
    c->poked = false;
    c->full = false;
    watch_seen(&c->watch);
    if (c->session->ops->poke != NULL)
        conn_session(c)->ops->poke(c->session);
    return true;
}

static void poked(struct job *job)
{
    struct watch *w = CONTAINER_OF(job, struct watch, job);
    struct conn *c = CONTAINER_OF(w, struct conn, watch);

    c->poked = true;
    c->watch_posted = false;
    conn_advance(c);
    conn_settle(c);
}

void conn_request_init(struct conn *c)
{
    c->job.home = home;
    c->job.inbox = reactor_inbox(c->set->reactor);
    c->watch.job.home = poked;
    c->watch.job.inbox = c->job.inbox;
    list_init(&c->watch.node);
}
