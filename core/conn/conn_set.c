#include "core/conn/conn_private.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/alloc_rest.h"
#include "core/base/ensure.h"

enum {
    REST_PAUSE_MS = ALLOC_REST_MS + 500, /* from the end of a connection */
};

static void tell_when_empty(struct conn_set *set)
{
    void (*stopped)(void *context) = set->stopped;

    if (stopped == NULL || set->count > 0 || set->again_posted || set->is_told)
        return;
    set->is_told = true;
    timer_cancel(&set->patience);
    stopped(set->stopped_context);
}

static void rest_later(struct conn_set *set);

/* What those held who left since the timer was set has not been free for long enough. */
static void rest_due(struct timer *t)
{
    struct conn_set *set = CONTAINER_OF(t, struct conn_set, rest);

    alloc_rest();
    if (set->left_again)
        rest_later(set);
}

/* What a connection held is the system's again soon, and not only when the next one comes. */
static void rest_later(struct conn_set *set)
{
    set->left_again = set->rest.at_ns != 0;
    if (!set->left_again && set->stopped == NULL)
        timer_set(set->reactor, &set->rest,
                  reactor_now_ns(set->reactor) + REST_PAUSE_MS * UINT64_C(1000000), rest_due);
}

void conn_set_left(struct conn_set *set)
{
    set->count--;
    rest_later(set);
    tell_when_empty(set);
}

/* ---- the next turn ---- */

void conn_set_again(struct conn *c)
{
    struct conn_set *set = c->set;

    if (list_is_empty(&c->again))
        list_add_tail(&set->again, &c->again);
    if (!set->again_posted) {
        set->again_posted = true;
        inbox_post(set->again_job.inbox, &set->again_job);
    }
}

/* Only those who are here now: who yields once more is behind them, for the turn after. */
static void again_home(struct job *job)
{
    struct conn_set *set = CONTAINER_OF(job, struct conn_set, again_job);
    struct list now;

    set->again_posted = false;
    list_init(&now);
    while (!list_is_empty(&set->again)) {
        struct list *node = set->again.next;
        list_remove(node);
        list_add_tail(&now, node);
    }
    while (!list_is_empty(&now)) {
        struct conn *c = CONTAINER_OF(now.next, struct conn, again);
        list_remove(&c->again);
        conn_advance(c);
        conn_settle(c);
    }
    tell_when_empty(set);
}

/* ---- open, stop, close ---- */

struct conn_set *conn_set_open(struct reactor *reactor, unsigned index, unsigned stride)
{
    struct conn_set *set = xcalloc(1, sizeof(*set));

    set->reactor = reactor;
    set->number_next = index == 0 ? stride : index; /* 0 is no connection */
    set->stride = stride;
    set->again_job.home = again_home;
    set->again_job.inbox = reactor_inbox(reactor);
    list_init(&set->conns);
    list_init(&set->again);
    list_init(&set->handshakes_waiting);
    return set;
}

void conn_set_guard(struct conn_set *set, struct budget *budget, struct pressure *pressure)
{
    set->share.budget = budget;
    set->pressure = pressure;
}

unsigned conn_set_count(const struct conn_set *set)
{
    return set->count;
}

static void out_of_patience(struct timer *t)
{
    struct conn_set *set = CONTAINER_OF(t, struct conn_set, patience);

    list_each (node, &set->conns) {
        struct conn *c = CONTAINER_OF(node, struct conn, node);
        conn_cut(c, SESSION_SHUTDOWN);
        conn_settle(c);
    }
}

void conn_set_stop(struct conn_set *set, unsigned patience_ms, void (*stopped)(void *context),
                   void *context)
{
    ensure(set->stopped == NULL);
    set->stopped = stopped;
    set->stopped_context = context;
    timer_set(set->reactor, &set->patience,
              reactor_now_ns(set->reactor) + patience_ms * (uint64_t)1000000, out_of_patience);
    list_each (node, &set->conns) {
        struct conn *c = CONTAINER_OF(node, struct conn, node);
        conn_hangup_soon(c, SESSION_SHUTDOWN);
        conn_advance(c);
        conn_settle(c);
    }
    tell_when_empty(set);
}

void conn_set_close(struct conn_set **set)
{
    struct conn_set *s = *set;

    ensure(s->count == 0);
    ensure(!s->again_posted);
    timer_cancel(&s->patience);
    timer_cancel(&s->ladder);
    timer_cancel(&s->rest);
    budget_share_end(&s->share);
    while (s->parts_free != NULL) {
        struct conn_parts *p = s->parts_free;
        s->parts_free = p->next;
        free(p);
    }
    free(s->tls_scratch);
    free(s);
    *set = NULL;
}
