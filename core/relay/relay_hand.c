/* relay_hand: who gets what: recipients into the queues of their hops, hops to their sites, mails
 * to connections that ask, and back again what could not be tried. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/relay/relay_attempt.h"

/* ---- without a host ---- */

/* What waits in a hop gets this outcome, message by message. False: the store cannot be read now.
 */
static bool decide_hop(struct relay *r, struct relay_hop_queue *hop,
                       enum smtp_client_outcome outcome, const char *status, const char *reason)
{
    struct relay_entry *entries[RELAY_MAIL_RECIPIENTS_MAX];
    struct store_view *view = relay_view(r);
    unsigned count;

    while (view != NULL &&
           (count = relay_hop_next(r->sites, hop, entries, COUNT_OF(entries))) > 0) {
        struct relay_mail *mail = relay_mail_new(r->active, view, hop, entries, count);

        if (mail == NULL)
            continue;
        mail->done_us = r->now_us;
        relay_mail_decide(mail, outcome, status, reason);
        relay_result_add(r, &mail);
    }
    return view != NULL;
}

/* The same for all hops of a site. What cannot be read stays, and is looked at once more later. */
static void decide_site(struct relay *r, struct relay_site *site, enum smtp_client_outcome outcome,
                        const char *status, const char *reason)
{
    while (site->waiting > 0) {
        struct list *first = site->hops.next;

        if (!decide_hop(r, CONTAINER_OF(first, struct relay_hop_queue, node), outcome, status,
                        reason)) {
            relay_hand_dirty(r, site);
            return;
        }
    }
}

void relay_hand_give_up(struct relay *r, struct relay_site *site, enum smtp_client_outcome outcome,
                        const char *status, const char *reason)
{
    if (outcome == SMTP_CLIENT_UNTRIED)
        outcome = SMTP_CLIENT_DEFERRED;
    (void)snprintf(site->reason, sizeof(site->reason), "%s", reason);
    (void)snprintf(site->status, sizeof(site->status), "%s", status);
    decide_site(r, site, outcome, status, reason);
}

/* Postfix's words for mail that comes while a site is left alone. */
static void decide_suspended(struct relay *r, struct relay_site *site)
{
    char text[RELAY_REASON_MAX + 40];

    (void)snprintf(text, sizeof(text), "delivery temporarily suspended: %s", site->reason);
    decide_site(r, site, SMTP_CLIENT_DEFERRED, site->status[0] == '5' ? "4.4.1" : site->status,
                text);
}

/* ---- hops find their sites ---- */

struct question {
    struct relay *relay;
    struct relay_hop_queue *hop;
};

static void resolved(void *context, const struct relay_answer *answer)
{
    struct question *q = context;
    struct relay *r = q->relay;
    struct relay_hop_queue *hop = q->hop;

    free(q);
    hop->state = RELAY_HOP_NEW;
    switch (answer->status) {
    case RELAY_ANSWER_HOSTS:
        relay_sites_resolved(r->sites, hop, answer);
        relay_hand_dirty(r, hop->site);
        return;
    case RELAY_ANSWER_LATER:
        (void)decide_hop(r, hop, SMTP_CLIENT_DEFERRED, answer->enhanced, answer->text);
        return;
    case RELAY_ANSWER_NEVER:
        (void)decide_hop(r, hop, SMTP_CLIENT_FAILED, answer->enhanced, answer->text);
        return;
    }
}

static void resolve(struct relay *r, struct relay_hop_queue *hop)
{
    struct question *q = xmalloc(sizeof(*q));

    *q = (struct question){r, hop};
    hop->state = RELAY_HOP_RESOLVING;
    hop->asked_us = r->now_us;
    relay_resolve(r->resolver, &hop->route, resolved, q);
}

static void decide_by_route(struct relay *r, struct relay_hop_queue *hop,
                            enum smtp_client_outcome outcome)
{
    char status[SMTP_STATUS_MAX], reason[RELAY_REASON_MAX];
    struct span enhanced, text;

    relay_route_reason(&hop->route, &enhanced, &text);
    (void)snprintf(status, sizeof(status), "%.*s", (int)enhanced.len, enhanced.at);
    (void)snprintf(reason, sizeof(reason), "%.*s", (int)text.len, text.at);
    (void)decide_hop(r, hop, outcome, status, reason);
}

/* Something waits in the hop. */
static void hop_wants(struct relay *r, struct relay_hop_queue *hop)
{
    switch (hop->route.transport) {
    case RELAY_BY_ERROR:
        decide_by_route(r, hop, SMTP_CLIENT_FAILED);
        return;
    case RELAY_BY_RETRY:
        decide_by_route(r, hop, SMTP_CLIENT_DEFERRED);
        return;
    case RELAY_BY_DISCARD:
        (void)decide_hop(r, hop, SMTP_CLIENT_DELIVERED, "2.0.0", hop->route.nexthop);
        return;
    case RELAY_BY_SMTP:
    case RELAY_BY_LMTP:
        break;
    }
    if (hop->state == RELAY_HOP_RESOLVING)
        return;
    if (hop->state == RELAY_HOP_NEW || r->now_us - hop->asked_us > RELAY_RESOLVE_AGAIN_US)
        resolve(r, hop);
    if (hop->site != NULL)
        relay_hand_dirty(r, hop->site);
}

void relay_hand_entry(struct relay *r, struct relay_entry *entry,
                      const struct store_queue_recipient *recipient)
{
    struct relay_route route;
    struct relay_hop_queue *hop;

    if (recipient->nexthop.len > 0 && recipient->nexthop.len <= RELAY_NEXTHOP_MAX) {
        route = (struct relay_route){.transport = RELAY_BY_SMTP};
        memcpy(route.nexthop, recipient->nexthop.at, recipient->nexthop.len);
    } else {
        relay_route_find(r->routes, entry->message->envelope.sender, recipient->address, &route);
    }
    hop = relay_sites_hop(r->sites, &route);
    relay_site_add(r->sites, hop, entry, false);
    hop_wants(r, hop);
}

void relay_hand_back(struct relay *r, struct relay_hop_queue *hop, struct relay_entry *entry)
{
    relay_site_add(r->sites, hop, entry, true);
    hop_wants(r, hop);
}

/* ---- mails for a connection ---- */

static void mail_home(struct job *job);

/* The message cannot be read: a human must see to it, and it waits meanwhile. */
static void unreadable(struct relay *r, struct relay_mail **mail, enum store_status status)
{
    (*mail)->done_us = r->now_us;
    log_say(LOG_ERROR, "qmgr", "%.*s: cannot be read: %s",
            (int)(*mail)->message->envelope.queue_id.len, (*mail)->message->envelope.queue_id.at,
            store_status_text(status));
    relay_mail_decide(*mail, SMTP_CLIENT_DEFERRED, "4.3.0", "queue file read error");
    relay_result_add(r, mail);
}

static struct relay_mail *next_mail(struct relay *r, struct relay_attempt *a,
                                    struct store_view *view)
{
    struct relay_entry *entries[RELAY_MAIL_RECIPIENTS_MAX];

    for (;;) {
        struct relay_hop_queue *hop;
        struct relay_mail *mail;
        enum store_status status;
        unsigned count;

        if (list_is_empty(&a->site->hops))
            return NULL;
        hop = CONTAINER_OF(a->site->hops.next, struct relay_hop_queue, node);
        count = relay_hop_next(r->sites, hop, entries, r->settings->destination_recipient_limit);
        mail = relay_mail_new(r->active, view, hop, entries, count);
        if (mail == NULL)
            continue;
        status = relay_mail_body(mail, view);
        if (status == STORE_OK)
            return mail;
        unreadable(r, &mail, status);
    }
}

/* What waits is shared among the connections there are. */
static unsigned share_of(const struct relay_attempt *a)
{
    unsigned ready = a->site->attempts - a->site->dialling;
    unsigned share = ready > 0 ? (a->site->waiting + ready - 1) / ready : 1;

    return share < RELAY_BATCH_MAX ? share : RELAY_BATCH_MAX;
}

struct smtp_client_mail *relay_hand_mails(struct relay *r, struct relay_attempt *a)
{
    struct smtp_client_mail *first = NULL, **last = &first;
    struct store_view *view = r->drains || a->site->waiting == 0 ? NULL : relay_view(r);
    unsigned share = share_of(a);
    size_t bytes = 0;

    while (view != NULL && share-- > 0 && bytes < RELAY_BATCH_BYTES) {
        struct relay_mail *mail = next_mail(r, a, view);

        if (mail == NULL)
            break;
        mail->attempt = a;
        mail->given_us = r->now_us;
        mail->job = (struct job){.home = mail_home, .inbox = r->inbox};
        a->away++;
        bytes += mail->client->body.len;
        *last = mail->client;
        last = &mail->client->next;
    }
    return first;
}

/* ---- mails come home ---- */

/* Another host, or another connection, may do better; so often that it ends. */
static bool tries_on(const struct relay *r, const struct relay_attempt *a,
                     const struct smtp_client_result *result, struct relay_entry *entry)
{
    unsigned hosts = a->site->answer->count;

    /* A connection that did some work and ended brought others on: that is nobody's failure. */
    if (result->outcome == SMTP_CLIENT_UNTRIED)
        return a->answered > 0 || entry->rounds++ < RELAY_ROUNDS_MAX;
    if (result->outcome == SMTP_CLIENT_DELIVERED || result->blame != SMTP_CLIENT_OF_HOST ||
        result->is_uncertain)
        return false;
    if (hosts > r->settings->mx_session_limit)
        hosts = r->settings->mx_session_limit;
    return ++entry->rounds < hosts;
}

static void untried(struct smtp_client_result *result, const struct relay_attempt *a)
{
    char text[RELAY_REASON_MAX];

    (void)snprintf(text, sizeof(text), "%s ends connections before this mail's turn", a->name);
    result->outcome = SMTP_CLIENT_DEFERRED;
    memcpy(result->status, "4.4.2", sizeof("4.4.2"));
    free(result->reason);
    result->reason = xstrdup(text);
}

static void mail_home(struct job *job)
{
    struct relay_mail *m = CONTAINER_OF(job, struct relay_mail, job);
    struct relay_attempt *a = m->attempt;
    struct relay *r = a->relay;
    bool is_answered = false, is_sent = false, is_left = false;

    a->away--;
    for (unsigned i = 0; i < m->client->recipient_count; i++) {
        struct smtp_client_result *result = &m->client->recipients[i].result;

        is_answered =
            is_answered || result->outcome == SMTP_CLIENT_DELIVERED ||
            (result->outcome != SMTP_CLIENT_UNTRIED && result->blame != SMTP_CLIENT_OF_HOST);
        is_sent = is_sent || result->outcome == SMTP_CLIENT_DELIVERED;
        if (tries_on(r, a, result, m->recipients[i].entry)) {
            relay_hand_back(r, m->hop, m->recipients[i].entry);
            m->recipients[i].entry = NULL;
            continue;
        }
        if (result->outcome == SMTP_CLIENT_UNTRIED)
            untried(result, a);
        is_left = true;
    }
    if (is_answered)
        a->answered++;
    if (is_sent)
        relay_site_succeeded(r->sites, a->site);
    if (is_left)
        relay_result_add(r, &m);
    else
        relay_mail_free(&m);
}

/* ---- sites ---- */

void relay_hand_dirty(struct relay *r, struct relay_site *site)
{
    if (list_is_empty(&site->dirty))
        list_add_tail(&r->dirty, &site->dirty);
}

/* A part of the connections is not for sites that nobody got through to yet. */
static bool may_dial(const struct relay *r, const struct relay_site *site)
{
    unsigned limit = r->settings->connection_limit;

    if (r->now_us < r->short_until_us && r->short_until_us - r->now_us <= RELAY_SHORT_US)
        return false;
    return r->attempts < (site->is_alive ? limit : limit - limit / 4);
}

static void serve(struct relay *r, struct relay_site *site)
{
    if (relay_site_is_dead(site, r->now_us) && site->attempts == site->dialling) {
        decide_suspended(r, site);
        return;
    }
    while (site->waiting > 0 && !list_is_empty(&site->parked))
        relay_attempt_resume(CONTAINER_OF(site->parked.next, struct relay_attempt, parked));
    while (relay_site_may_dial(site, r->now_us) && may_dial(r, site))
        relay_attempt_begin(r, site, site->first, false);
    if (relay_site_may_dial(site, r->now_us))
        relay_hand_dirty(r, site); /* as soon as there is a connection to be had */
}

void relay_hand_turn(struct relay *r)
{
    struct list now;

    list_init(&now);
    while (!list_is_empty(&r->dirty)) {
        struct list *node = r->dirty.next;
        list_remove(node);
        list_add_tail(&now, node);
    }
    while (!r->drains && !list_is_empty(&now)) {
        struct relay_site *site = CONTAINER_OF(now.next, struct relay_site, dirty);
        list_remove(&site->dirty);
        serve(r, site);
    }
    while (!list_is_empty(&now))
        list_remove(now.next);
}
