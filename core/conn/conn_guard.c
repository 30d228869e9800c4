#include "core/conn/conn_guard.h"

#include "core/base/alloc_size.h"
#include "core/base/log.h"
#include "core/base/metric.h"
#include "core/conn/conn_tls.h"
#include "core/work/pressure.h"

enum {
    GUARD_STEP = 512,      /* bytes; smaller changes of one connection wait for company */
    GUARD_SHED_PART = 16,  /* one of so many connections is shed in a look, one at least */
    GUARD_KNOWN_PART = 20, /* of the budget, one of so many parts is not for strangers */
    GUARD_QUIET_MS = 1000, /* who said something whole since then is not idle */
};

/* ---- what a connection holds ---- */

void conn_guard_note(struct conn *c)
{
    if (c->session->ops->held != NULL)
        c->session_held = c->session->ops->held(c->session);
}

static size_t held_by(struct conn *c)
{
    size_t held = alloc_size(sizeof(*c)) + c->kept_size + c->sending.held + conn_tls_held(c);

    if (c->parts != NULL)
        held += alloc_size(sizeof(*c->parts));
    if (c->session == NULL)
        return held;
    held += c->session->out.held;
    if (c->asked == CONN_ASKED_NOTHING)
        conn_guard_note(c);
    else if (c->asked == CONN_ASKED_MORE)
        held += c->request->held;
    return held + c->session_held;
}

/* The last part of the budget is for those who are logged in, in a transaction, or ours. */
static uint64_t may_use(const struct conn *c, uint64_t most)
{
    bool is_known = c->ticket.is_exempt || (c->session != NULL && c->session->is_engaged);

    return is_known ? most : most - most / GUARD_KNOWN_PART;
}

static bool charge(struct conn *c, int64_t bytes)
{
    struct budget_share *share = &c->set->share;
    bool fits = true;

    budget_charge(share, bytes);
    c->charged = (size_t)((int64_t)c->charged + bytes);
    if (c->service->limits != NULL)
        fits = conn_limits_charge(c->service->limits, &c->ticket, bytes);
    if (bytes <= 0)
        return true;
    if (share->budget != NULL &&
        budget_held(share->budget) > may_use(c, budget_most(share->budget)))
        fits = false;
    return fits;
}

static void look_who(struct conn *c)
{
    if (c->service->limits != NULL && c->session != NULL)
        conn_limits_user(c->service->limits, &c->ticket, c->session->user, (int64_t)c->charged);
}

bool conn_guard_charge(struct conn *c)
{
    int64_t more = (int64_t)held_by(c) - (int64_t)c->charged;

    look_who(c);
    if (more < GUARD_STEP && more > -GUARD_STEP)
        return true;
    return charge(c, more);
}

void conn_guard_release(struct conn *c)
{
    (void)charge(c, -(int64_t)c->charged);
}

/* ---- admission ---- */

static const struct log_shape shape_crowded = {
    "smtpd", "crowded",
    "warning: Connection {what} limit exceeded: {count} from unknown[{address}] for service "
    "{service}",
    LOG_WARNING, true};

static void say_crowded(const struct conn *c, const char *address, const char *what, unsigned count)
{
    struct log_shape shape = shape_crowded;

    if (c->service->daemon != NULL)
        shape.daemon = c->service->daemon;
    LOG(&shape, LOG_TEXT("what", span_str(what)), LOG_NUMBER("count", count),
        LOG_TEXT("address", span_str(address)), LOG_TEXT("service", span_str(c->service->name)));
}

static void count_refused(enum conn_admission admission)
{
    static const enum metric of[] = {[CONN_ADMITTED] = METRIC_REFUSED_STRESS,
                                     [CONN_TOO_MANY] = METRIC_REFUSED_TOTAL,
                                     [CONN_CLIENT_MANY] = METRIC_REFUSED_CLIENT,
                                     [CONN_CLIENT_OFTEN] = METRIC_REFUSED_RATE};

    metric_add(of[admission], 1);
}

bool conn_guard_admit(struct conn *c, const char *address, enum session_end *why_r)
{
    struct conn_limits *limits = c->service->limits;
    enum conn_admission admission = CONN_ADMITTED;
    unsigned count = 0;
    bool welcome;

    conn_guard_look(c->set);
    if (limits != NULL)
        admission =
            conn_limits_admit(limits, address, reactor_now_ns(c->set->reactor), &c->ticket, &count);
    /* What was held while a proxy spoke becomes its client's, who will be credited with it. */
    if (limits != NULL && c->charged > 0)
        (void)conn_limits_charge(limits, &c->ticket, (int64_t)c->charged);
    if (admission == CONN_CLIENT_MANY)
        say_crowded(c, address, "concurrency", count);
    if (admission == CONN_CLIENT_OFTEN)
        say_crowded(c, address, "rate", count);
    *why_r = admission == CONN_CLIENT_MANY || admission == CONN_CLIENT_OFTEN ? SESSION_CROWDED
                                                                             : SESSION_OVERLOADED;
    welcome =
        admission == CONN_ADMITTED && (c->ticket.is_exempt || c->set->stress < SESSION_PRESSED);
    if (!welcome)
        count_refused(admission);
    return welcome;
}

/* ---- pressure ---- */

static bool may_be_shed(const struct conn *c, uint64_t now_ns)
{
    return c->state == CONN_TALKING && c->asked == CONN_ASKED_NOTHING && !c->hangup_due &&
           !c->ticket.is_exempt && !c->session->is_engaged &&
           now_ns - c->quiet_ns >= GUARD_QUIET_MS * UINT64_C(1000000);
}

/* Those who came first have had their chance. */
static void shed(struct conn_set *set)
{
    unsigned left = set->count / GUARD_SHED_PART + 1;
    uint64_t now_ns = reactor_now_ns(set->reactor);

    list_each (node, &set->conns) {
        struct conn *c = CONTAINER_OF(node, struct conn, node);

        if (left == 0)
            return;
        if (!may_be_shed(c, now_ns))
            continue;
        left--;
        conn_hangup_soon(c, SESSION_OVERLOADED);
        conn_advance(c);
        conn_settle(c);
    }
}

static void ladder_due(struct timer *t)
{
    struct conn_set *set = CONTAINER_OF(t, struct conn_set, ladder);

    conn_guard_look(set);
    if (set->stress >= SESSION_PRESSED && !pressure_is_easing(set->pressure))
        shed(set);
}

void conn_guard_look(struct conn_set *set)
{
    uint64_t now_ns = reactor_now_ns(set->reactor);

    if (set->pressure == NULL || set->stopped != NULL)
        return;
    set->stress = (enum session_stress)pressure_look(set->pressure, now_ns);
    if (set->stress > SESSION_AT_EASE && set->ladder.at_ns == 0)
        timer_set(set->reactor, &set->ladder, now_ns + PRESSURE_LOOK_MS * UINT64_C(1000000),
                  ladder_due);
}
