#include "core/conn/conn_tls.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/alloc_size.h"
#include "core/base/ensure.h"
#include "core/base/metric.h"
#include "core/conn/conn_private.h"
#include "core/work/shared.h"
#include "core/work/worker_pool.h"

struct conn_tls {
    struct conn *conn;
    struct shared_item *hold; /* of the context */
    struct tls *tls;
    struct job job;      /* the handshake's next step */
    struct list waiting; /* in set->handshakes_waiting, for a turn of the workers */
    bool has_begun;      /* a client speaks first, with nothing to answer to */
    bool is_away;        /* a worker has all but `conn` */
    bool is_open;        /* the handshake is done */
    bool rests;          /* its buffers were given back */
    bool said_end;       /* close_notify is said */
    enum tls_status status;
    struct chain in;  /* during the handshake; then what came behind it */
    struct chain out; /* on its way to c->sending */
    uint64_t since_ns;
    struct session_tls facts; /* lent to the session */
};

bool conn_tls_is_there(const struct conn_service *service)
{
    struct shared_item *hold;
    bool is_there;

    if (service->tls == NULL)
        return false;
    hold = shared_take(service->tls);
    is_there = shared_get(hold) != NULL;
    shared_give(&hold);
    return is_there;
}

/* ---- the end ---- */

void conn_tls_free(struct conn *c)
{
    struct conn_tls *t = c->tls;

    if (t == NULL)
        return;
    ensure(!t->is_away);
    list_remove(&t->waiting);
    tls_free(&t->tls);
    shared_give(&t->hold);
    chain_free(&t->in);
    chain_free(&t->out);
    explicit_bzero(&t->facts, sizeof(t->facts));
    free(t);
    c->tls = NULL;
}

bool conn_tls_is_away(const struct conn *c)
{
    return c->tls != NULL && c->tls->is_away;
}

/* What a worker has just now is bounded by the records of one handshake, and counted after it. */
size_t conn_tls_held(const struct conn *c)
{
    const struct conn_tls *t = c->tls;

    if (t == NULL)
        return 0;
    return alloc_size(sizeof(*t)) + TLS_MEMORY + (t->is_away ? 0 : t->in.held + t->out.held);
}

uint64_t conn_tls_until_ns(const struct conn *c)
{
    uint32_t ms = c->service->handshake_ms > 0 ? c->service->handshake_ms : CONN_HANDSHAKE_MS;

    return c->tls->since_ns + ms * (uint64_t)1000000;
}

uint64_t conn_tls_rest_ns(const struct conn *c)
{
    if (c->tls == NULL || !c->tls->is_open || c->tls->rests)
        return 0;
    return c->quiet_ns + CONN_TLS_REST_MS * (uint64_t)1000000;
}

void conn_tls_rest(struct conn *c)
{
    c->tls->rests = true;
    tls_rest(c->tls->tls);
}

/* The session never hears its peer again. The alert, if there is one, still leaves. */
static void fail(struct conn *c, const char *why)
{
    struct session *s = conn_session(c);

    metric_add(METRIC_TLS_FAILED, 1);
    s->trouble = why;
    s->ops->hangup(s, SESSION_PEER_CLOSED);
    ensure(s->want == SESSION_WANT_CLOSE);
    chain_free(&s->out); /* nothing of it may leave in the clear */
    c->state = CONN_TALKING;
}

/* ---- the handshake's steps, on workers ---- */

static void run(struct job *job)
{
    struct conn_tls *t = CONTAINER_OF(job, struct conn_tls, job);

    t->status = tls_handshake(t->tls, &t->in, &t->out);
    inbox_post(job->inbox, job);
}

static void submit(struct conn_tls *t)
{
    list_remove(&t->waiting);
    t->is_away = true;
    t->has_begun = true;
    t->conn->set->handshakes++;
    worker_pool_submit(t->conn->service->workers, &t->job, WORK_SOON);
}

/* One worker is free again. */
static void next_in_line(struct conn_set *set)
{
    set->handshakes--;
    if (!list_is_empty(&set->handshakes_waiting))
        submit(CONTAINER_OF(set->handshakes_waiting.next, struct conn_tls, waiting));
}

/* False: the server is not known well enough for whom we meant. */
static bool settle(struct conn_tls *t)
{
    const struct tls_target *target = t->conn->service->tls_target;
    struct tls_facts facts;
    bool is_good;

    tls_settle(t->tls, &facts);
    t->facts = (struct session_tls){.bits = facts.bits, .trust = (enum session_trust)facts.trust};
    memcpy(t->facts.version, facts.version, strnlen(facts.version, sizeof(t->facts.version) - 1));
    memcpy(t->facts.cipher, facts.cipher, strnlen(facts.cipher, sizeof(t->facts.cipher) - 1));
    memcpy(t->facts.server_name, facts.server_name, sizeof(t->facts.server_name));
    memcpy(t->facts.client_name, facts.client_name, sizeof(t->facts.client_name));
    t->facts.has_exporter = facts.has_exporter;
    t->facts.has_unique = facts.has_unique;
    memcpy(t->facts.exporter, facts.exporter, sizeof(t->facts.exporter));
    memcpy(t->facts.unique, facts.unique, sizeof(t->facts.unique));
    is_good = target == NULL || facts.trust >= target->least;
    explicit_bzero(&facts, sizeof(facts));
    return is_good;
}

static void established(struct conn *c)
{
    struct conn_tls *t = c->tls;
    struct session *s = conn_session(c);

    if (!settle(t)) {
        tls_close(t->tls, &t->out);
        chain_move(&c->sending, &t->out);
        fail(c, t->facts.trust == SESSION_UNTRUSTED ? "Server certificate not trusted"
                                                    : "Server certificate not verified");
        return;
    }
    metric_add(METRIC_TLS_DONE, 1);
    t->is_open = true;
    c->state = CONN_TALKING;
    c->full = false;
    conn_quiet(c);
    s->ops->tls_started(s, &t->facts);
    if (c->service->tls_first)
        s->ops->start(s);
    conn_tls_received(c, SPAN("")); /* a command may have come with the handshake's last record */
}

static void home(struct job *job)
{
    struct conn_tls *t = CONTAINER_OF(job, struct conn_tls, job);
    struct conn *c = t->conn;

    t->is_away = false;
    next_in_line(c->set);
    if (c->state == CONN_SHAKING) {
        chain_move(&c->sending, &t->out);
        if (t->status == TLS_OK)
            established(c);
        else if (t->status != TLS_WANTS)
            fail(c, tls_why(t->tls));
        conn_advance(c);
    }
    conn_settle(c);
}

bool conn_tls_shake(struct conn *c)
{
    struct conn_tls *t = c->tls;
    struct conn_set *set = c->set;

    if (t->is_away || !list_is_empty(&t->waiting))
        return false;
    if (!tls_has_record(&t->in) && t->has_begun) {
        if (!c->peer_ended)
            return false;
        fail(c, "lost connection");
        return true;
    }
    if (set->handshakes < c->service->handshake_max)
        submit(t);
    else
        list_add_tail(&set->handshakes_waiting, &t->waiting);
    return false;
}

bool conn_tls_wants_bytes(const struct conn *c)
{
    const struct conn_tls *t = c->tls;

    return !t->is_away && list_is_empty(&t->waiting);
}

/* ---- the beginning ---- */

void conn_tls_begin(struct conn *c)
{
    struct conn_tls *t = xcalloc(1, sizeof(*t));
    struct tls_context *context;

    ensure(c->tls == NULL);
    conn_keep_drop(c);
    c->tls = t;
    c->state = CONN_SHAKING;
    list_init(&t->waiting);
    t->conn = c;
    t->since_ns = reactor_now_ns(c->set->reactor);
    t->job.run = run;
    t->job.home = home;
    t->job.inbox = reactor_inbox(c->set->reactor);
    t->hold = shared_take(c->service->tls);
    context = shared_get(t->hold);
    t->has_begun = c->service->tls_target == NULL;
    if (context != NULL)
        t->tls = t->has_begun ? tls_open(context, c->service->name, c->service->tls_protocol)
                              : tls_dial(context, c->service->tls_target);
    if (t->tls != NULL)
        return;
    shared_give(&t->hold);
    free(t);
    c->tls = NULL;
    fail(c, context == NULL ? "TLS is off" : "not enough memory");
}

bool conn_tls_wanted(struct conn *c)
{
    if (c->sending.len > 0 || c->session->out.len > 0)
        return false; /* our go-ahead leaves first, in the clear */
    conn_tls_begin(c);
    return true;
}

/* ---- records ---- */

static char *scratch(struct conn_set *set)
{
    if (set->tls_scratch == NULL)
        set->tls_scratch = xmalloc(TLS_RECORD_MAX);
    return set->tls_scratch;
}

static void ended(struct conn *c, enum tls_status status)
{
    c->peer_ended = true;
    if (status == TLS_FAILED && c->state == CONN_TALKING) {
        c->session->trouble = tls_why(c->tls->tls);
        conn_hangup_soon(c, SESSION_PEER_CLOSED);
    }
}

void conn_tls_received(struct conn *c, struct span data)
{
    struct conn_tls *t = c->tls;
    enum tls_status status = TLS_WANTS;
    size_t len;

    if (!t->is_open) {
        chain_add(&t->in, data);
        conn_advance(c);
        return;
    }
    t->rests = false;
    while (c->state == CONN_TALKING) {
        status = tls_read(t->tls, &t->in, &data, scratch(c->set), TLS_RECORD_MAX, &len, &t->out);
        chain_move(&c->sending, &t->out);
        if (status != TLS_OK)
            break;
        conn_take(c, (struct span){scratch(c->set), len});
    }
    if (status == TLS_ENDED || status == TLS_FAILED) {
        ended(c, status);
        conn_advance(c);
    }
}

void conn_tls_seal(struct conn *c)
{
    struct conn_tls *t = c->tls;

    if (!t->is_open)
        return;
    t->rests = false;
    if (c->session->out.len > 0) {
        if (tls_write(t->tls, &c->session->out, CONN_TLS_SEAL_MAX, &t->out) != TLS_OK)
            chain_free(&c->session->out); /* the peer failed before; nobody can read this */
    } else if (c->state == CONN_FLUSHING && !t->said_end) {
        t->said_end = true;
        tls_close(t->tls, &t->out);
    }
    chain_move(&c->sending, &t->out);
}
