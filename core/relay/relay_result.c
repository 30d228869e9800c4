/* relay_result: tells the store what became of recipients: one change for what came home in a turn,
 * and one of its own for each mail whose sender is told, so that it happens once or not at all. */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/metric.h"
#include "core/base/random.h"
#include "core/relay/relay_attempt.h"
#include "core/relay/relay_log.h"
#include "core/relay/relay_retry.h"

struct relay_change {
    struct job job; /* home from the store */
    struct relay *relay;
    struct store_change *change;
    struct list mails;
    unsigned count;
    bool may_queue; /* a notification, which is news then */
    int64_t due_us; /* the earliest that something is due then */
    enum store_status status;
};

enum {
    CHANGE_MAILS_MAX = 500,
};

/* ---- changes ---- */

static void change_home(struct job *job);

static struct relay_change *change_new(struct relay *r)
{
    struct relay_change *c = xcalloc(1, sizeof(*c));

    c->relay = r;
    c->change = store_change_new(r->config.service->store);
    c->job = (struct job){.home = change_home, .inbox = r->inbox};
    c->due_us = INT64_MAX;
    list_init(&c->mails);
    return c;
}

/* On the store's thread. */
static void stored(void *context, enum store_status status, const struct store_result *results,
                   size_t count)
{
    struct relay_change *c = context;

    (void)results;
    (void)count;
    c->status = status;
    inbox_post(c->job.inbox, &c->job);
}

static void change_submit(struct relay *r, struct relay_change *c, enum store_ack ack)
{
    r->changes++;
    store_submit(r->config.service->store, &c->change, ack, stored, c);
}

/* ---- one mail ---- */

/* What is done with a recipient. */
enum verdict {
    VERDICT_DONE,
    VERDICT_TELL, /* done, and the sender wants to know */
    VERDICT_LATER,
    VERDICT_RETURN, /* to the sender, and done */
};

static enum verdict judge(const struct relay *r, const struct relay_mail *m, unsigned index)
{
    const struct store_queue_envelope *e = &m->message->envelope;

    switch (m->client->recipients[index].result.outcome) {
    case SMTP_CLIENT_DELIVERED:
        return m->client->recipients[index].result.is_relayed &&
                       relay_bounce_is_wanted(m, index, DSN_RELAYED)
                   ? VERDICT_TELL
                   : VERDICT_DONE;
    case SMTP_CLIENT_FAILED:
        return VERDICT_RETURN;
    case SMTP_CLIENT_UNTRIED:
    case SMTP_CLIENT_DEFERRED:
        break;
    }
    if (m->recipients[index].is_expired ||
        relay_retry_is_over(r->settings, e->arrival_us, e->sender.len == 0, r->now_us))
        return VERDICT_RETURN;
    return VERDICT_LATER;
}

static void log_one(const struct relay_mail *m, unsigned index, enum verdict verdict)
{
    const struct relay_attempt *a = m->attempt;

    if (m->is_logged)
        return;
    metric_add(verdict == VERDICT_LATER    ? METRIC_RELAY_DEFERRED
               : verdict == VERDICT_RETURN ? METRIC_RELAY_BOUNCED
                                           : METRIC_RELAY_DELIVERED,
               1);
    relay_log_outcome(m, index, a != NULL ? a->name : "none", a != NULL ? a->begun_us : 0,
                      a != NULL ? a->ready_us : 0);
    if (verdict == VERDICT_RETURN &&
        m->client->recipients[index].result.outcome == SMTP_CLIENT_DEFERRED)
        relay_log_expired(m->message);
}

static struct store_queue_update update_of(const struct relay *r, const struct relay_mail *m,
                                           unsigned index, enum verdict verdict)
{
    const struct smtp_client_result *result = &m->client->recipients[index].result;
    struct store_queue_update u = {.number = m->recipients[index].entry->number,
                                   .what = STORE_QUEUE_DONE};

    if (verdict != VERDICT_LATER)
        return u;
    u.what = STORE_QUEUE_LATER;
    u.due_us = relay_retry_due(r->settings, m->recipients[index].tries, r->now_us, random_u64());
    u.code = (uint16_t)result->code;
    u.dsn = span_str(result->status);
    u.status = span_str(result->reason != NULL ? result->reason : "");
    u.status = span_first(u.status, STORE_QUEUE_STATUS_MAX);
    if (m->attempt != NULL)
        u.host = span_str(m->attempt->name);
    return u;
}

/* What is to be done with a mail's recipients. */
struct judgement {
    struct store_queue_update *updates;
    unsigned *failed, *relayed; /* whose sender is told, by index */
    size_t count;
    unsigned failed_count, relayed_count;
    int64_t due_us; /* the earliest time of another attempt */
};

static void judge_all(struct relay *r, struct relay_mail *m, struct judgement *j)
{
    unsigned recipients = m->client->recipient_count;

    *j = (struct judgement){.due_us = INT64_MAX};
    j->updates = xcalloc(recipients, sizeof(*j->updates));
    j->failed = xcalloc(recipients, sizeof(*j->failed));
    j->relayed = xcalloc(recipients, sizeof(*j->relayed));
    for (unsigned i = 0; i < recipients; i++) {
        struct store_queue_update *u = &j->updates[j->count];
        enum verdict verdict;

        if (m->recipients[i].entry == NULL)
            continue; /* it is tried once more at once */
        verdict = judge(r, m, i);
        log_one(m, i, verdict);
        m->recipients[i].is_over = verdict != VERDICT_LATER;
        *u = update_of(r, m, i, verdict);
        j->count++;
        if (verdict == VERDICT_LATER && u->due_us < j->due_us)
            j->due_us = u->due_us;
        if (verdict == VERDICT_RETURN)
            j->failed[j->failed_count++] = i;
        if (verdict == VERDICT_TELL)
            j->relayed[j->relayed_count++] = i;
    }
}

static void judgement_free(struct judgement *j)
{
    free(j->updates);
    free(j->failed);
    free(j->relayed);
}

/* What is told happens with what it tells of, so it has a change of its own. */
static void add_alone(struct relay *r, struct relay_mail *m, const struct judgement *j)
{
    struct relay_change *c = change_new(r);

    c->due_us = j->due_us;
    c->may_queue = true;
    store_change_queue_state(c->change, m->message->id, j->updates, j->count, true);
    relay_bounce_add(r, c->change, m, j->failed, j->failed_count, DSN_FAILED);
    relay_bounce_add(r, c->change, m, j->relayed, j->relayed_count, DSN_RELAYED);
    list_add_tail(&c->mails, &m->node);
    change_submit(r, c,
                  STORE_ACK_APPLIED); /* before that nobody knows whether one of them is gone */
}

static void add_with_others(struct relay *r, struct relay_mail *m, const struct judgement *j)
{
    struct relay_change *c = r->change;

    if (c == NULL)
        c = r->change = change_new(r);
    if (j->due_us < c->due_us)
        c->due_us = j->due_us;
    store_change_queue_state(c->change, m->message->id, j->updates, j->count, false);
    list_add_tail(&c->mails, &m->node);
    if (++c->count >= CHANGE_MAILS_MAX) {
        r->change = NULL;
        change_submit(r, c, STORE_ACK_NONE);
    }
}

void relay_result_add(struct relay *r, struct relay_mail **mail)
{
    struct relay_mail *m = *mail;
    struct judgement j;

    *mail = NULL;
    judge_all(r, m, &j);
    if (j.failed_count + j.relayed_count > 0)
        add_alone(r, m, &j);
    else
        add_with_others(r, m, &j);
    m->is_logged = true;
    m->attempt = NULL; /* it may go before the store answers */
    judgement_free(&j);
}

/* ---- what the store said ---- */

/* The store has it: nobody waits here any more. */
static void settle(struct relay *r, struct relay_mail *m)
{
    struct relay_message *message = m->message;
    unsigned done = 0;

    for (unsigned i = 0; i < m->client->recipient_count; i++) {
        if (m->recipients[i].entry != NULL && m->recipients[i].is_over)
            done++;
    }
    message->waiting -= done < message->waiting ? done : message->waiting;
    if (done > 0 && message->waiting == 0)
        relay_log_removed(message);
    for (unsigned i = 0; i < m->client->recipient_count; i++) {
        if (m->recipients[i].entry != NULL)
            relay_active_give(r->active, &m->recipients[i].entry);
    }
    relay_mail_free(&m);
}

static void change_home(struct job *job)
{
    struct relay_change *c = CONTAINER_OF(job, struct relay_change, job);
    struct relay *r = c->relay;

    r->changes--;
    r->has_news = r->has_news || c->may_queue;
    if (c->due_us < r->due_us)
        r->due_us = c->due_us;
    while (!list_is_empty(&c->mails)) {
        struct relay_mail *m = CONTAINER_OF(c->mails.next, struct relay_mail, node);

        list_remove(&m->node);
        if (c->status == STORE_OK) {
            settle(r, m);
        } else {
            m->lost_some = c->status == STORE_GONE;
            list_add_tail(&r->redo, &m->node);
            r->redo_us = r->now_us + RELAY_REDO_US;
        }
    }
    free(c);
}

/* Somebody removed recipients while they were tried: the others' outcome is told without them.
 * False when nothing is left to tell, or the store can't be read now. */
static bool forget_gone(struct relay *r, struct relay_mail *m)
{
    struct store_view *view = relay_view(r);
    struct store_queue_recipient row;
    unsigned left = 0;

    if (view == NULL) {
        list_add_tail(&r->redo, &m->node);
        r->redo_us = r->now_us + RELAY_REDO_US;
        return false;
    }
    for (unsigned i = 0; i < m->client->recipient_count; i++) {
        const struct relay_entry *e = m->recipients[i].entry;

        if (e == NULL)
            continue;
        m->recipients[i].is_over =
            store_queue_recipient(view, m->message->id, e->number, &row) == STORE_NOT_FOUND;
        left += !m->recipients[i].is_over;
    }
    if (left == 0) {
        settle(r, m);
        return false;
    }
    for (unsigned i = 0; i < m->client->recipient_count; i++) {
        if (m->recipients[i].entry == NULL || !m->recipients[i].is_over)
            continue;
        m->message->waiting -= m->message->waiting > 0;
        relay_active_give(r->active, &m->recipients[i].entry);
    }
    m->lost_some = false;
    return true;
}

static void redo(struct relay *r)
{
    struct list now;

    list_init(&now);
    while (!list_is_empty(&r->redo)) {
        struct list *node = r->redo.next;
        list_remove(node);
        list_add_tail(&now, node);
    }
    while (!list_is_empty(&now)) {
        struct relay_mail *m = CONTAINER_OF(now.next, struct relay_mail, node);
        list_remove(&m->node);
        if (!m->lost_some || forget_gone(r, m))
            relay_result_add(r, &m);
    }
}

void relay_result_turn(struct relay *r)
{
    struct relay_change *c;

    if (!list_is_empty(&r->redo) && r->now_us >= r->redo_us)
        redo(r);
    c = r->change;
    r->change = NULL;
    if (c != NULL)
        change_submit(r, c, STORE_ACK_NONE);
}
