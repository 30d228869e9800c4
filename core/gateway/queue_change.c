/* queue_change: what an operator does with those in the queue: one change of the store for each
 * page. */

#include "core/base/log.h"
#include "core/gateway/queue_run_private.h"
#include "core/gateway/queue_text.h"

static const struct change_kind {
    enum store_queue_what what;
    bool makes_due;
    const char *done;      /* in Postfix's log */
    const char *postsuper; /* and of its summary */
} kinds[QUEUE_ACTS] = {
    [QUEUE_HOLD] = {STORE_QUEUE_HOLD,     false, "placed on hold",     "Placed on hold"    },
    [QUEUE_RELEASE] = {STORE_QUEUE_RELEASE,  true,  "released from hold", "Released from hold"},
    [QUEUE_RETRY] = {STORE_QUEUE_RETRY,    true,  "to be tried now",    "To be tried now"   },
    [QUEUE_REQUEUE] = {STORE_QUEUE_REQUEUE,  true,  "requeued",           "Requeued"          },
    [QUEUE_DELETE] = {STORE_QUEUE_DONE,     false, "removed",            "Deleted"           },
    [QUEUE_EXPIRE] = {STORE_QUEUE_EXPIRE,   true,  "expired",            "Force-expired"     },
    [QUEUE_REDIRECT] = {STORE_QUEUE_REDIRECT, true,  "redirected",         "Redirected"        },
};

static const struct log_shape shape_done = {"postsuper", "operator",
                                            "{qid}: {what}(?, to=<{to}>), nrcpt={nrcpt}", LOG_INFO};

static const struct change_kind *kind_of(const struct queue_run *run)
{
    return &kinds[run->request->act];
}

/* Releasing makes due, so it is not for those who wait for their time. */
static bool concerns(const struct queue_run *run, const struct store_queue_recipient *r)
{
    bool is_held = (r->marks & STORE_QUEUE_HELD) != 0;

    if (run->request->act == QUEUE_HOLD)
        return !is_held;
    return run->request->act != QUEUE_RELEASE || is_held;
}

static size_t fill(struct queue_run *run, const struct queue_part *part)
{
    size_t count = 0;

    for (size_t i = 0; i < part->count; i++) {
        if (concerns(run, &part->rows[i]))
            run->updates[count++] = (struct store_queue_update){.number = part->rows[i].number,
                                                                .what = kind_of(run)->what,
                                                                .due_us = run->now_us,
                                                                .address = run->request->address};
    }
    return count;
}

static void change_part(struct queue_run *run, const struct queue_part *part)
{
    size_t count = fill(run, part);

    run->recipients -= part->count - count;
    if (count == 0)
        return;
    run->has_row = true; /* something of the message is changed */
    if (run->request->dry_run) {
        queue_use_text.part(run, part);
        return;
    }
    if (run->change == NULL)
        run->change = store_change_new(run->store);
    store_change_queue_state(run->change, part->id, run->updates, count, false);
    run->changed[run->changed_count] = part->envelope->queue_id;
    run->changed_recipients[run->changed_count++] = (unsigned)count;
}

static void change_begin(struct queue_run *run, const struct queue_part *part)
{
    (void)part;
    run->has_row = false;
}

/* A message of which nothing was changed does not count. */
static void change_end(struct queue_run *run)
{
    if (!run->has_row)
        run->messages--;
}

static void change_page(struct queue_run *run)
{
    enum store_status status;

    if (run->change == NULL)
        return;
    status = store_submit_wait(run->store, &run->change, NULL, 0);
    if (status != STORE_OK) {
        queue_run_fail(run, "the queue can't be changed", status);
        return;
    }
    run->made_due = run->made_due || kind_of(run)->makes_due;
    for (size_t i = 0; i < run->changed_count; i++)
        LOG(&shape_done, LOG_TEXT("qid", run->changed[i]),
            LOG_TEXT("what", span_str(kind_of(run)->done)),
            LOG_TEXT_IF("to", run->request->address),
            LOG_NUMBER("nrcpt", run->changed_recipients[i]));
    run->changed_count = 0;
}

static void change_finish(struct queue_run *run)
{
    const struct queue_request *q = run->request;
    unsigned long long messages = run->messages, recipients = run->recipients;

    /* What is due already may wait for a host that was found dead. */
    run->made_due = run->made_due || (q->act == QUEUE_RETRY && !q->dry_run);
    if (q->format == QUEUE_POSTSUPER && messages > 0)
        chain_addf(run->say, "%s: %llu message%s\n", kind_of(run)->postsuper, messages,
                   messages == 1 ? "" : "s");
    if (q->format == QUEUE_TEXT)
        chain_addf(run->out, "%s%s: %llu message%s, %llu recipient%s\n",
                   q->dry_run ? "would be " : "", kind_of(run)->done, messages,
                   messages == 1 ? "" : "s", recipients, recipients == 1 ? "" : "s");
    if (q->format == QUEUE_JSON)
        chain_addf(run->out,
                   "{\"done\": \"%s\", \"messages\": %llu, \"recipients\": %llu, "
                   "\"dry_run\": %s}\n",
                   kind_of(run)->done, messages, recipients, q->dry_run ? "true" : "false");
}

const struct queue_use queue_use_change = {.begin = change_begin,
                                           .part = change_part,
                                           .end = change_end,
                                           .page = change_page,
                                           .finish = change_finish};
