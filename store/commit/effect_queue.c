/* Mail that waits to go on to others: queued, tried, gone. */

#include "core/base/alloc.h"
#include "store/commit/command_queue.h"
#include "store/commit/effect.h"
#include "store/index/index_queue.h"

/* ---- queueing ---- */

static void envelope_write(struct effect *e, const struct journal_record *record,
                           struct store_queue_envelope *envelope)
{
    struct index_key key = key_body(record->lsn);
    char value[RECORD_QUEUE_MAX];

    envelope->size = (uint32_t)record->body.len;
    index_put(e->txn, INDEX_Q_MSG, key_span(&key),
              (struct span){value, record_envelope_write(value, envelope)});
}

bool effect_queue(struct effect *e, const struct journal_record *record)
{
    struct store_queue_envelope envelope;
    struct store_queue_recipient recipient;
    struct span part, recipients;
    struct store_result *result;
    uint32_t number = 0;

    if (!command_deliver_queue(record->args, &part) ||
        !command_queue_read(part, &envelope, &recipients))
        return false;
    envelope_write(e, record, &envelope);
    while (command_queue_next(&recipients, &recipient)) {
        recipient.id = record->lsn;
        recipient.number = number++;
        index_recipient_write(e->txn, NULL, &recipient);
    }
    result = effect_result(e);
    result->message = record->lsn;
    return true;
}

/* ---- what becomes of recipients ---- */

static void start_again(struct store_queue_recipient *r, const struct store_queue_update *u)
{
    r->due_us = u->due_us;
    r->nexthop = u->nexthop;
    r->marks &= STORE_QUEUE_HELD;
    r->tries = 0;
    r->tried_us = 0;
    r->code = 0;
    r->dsn = r->host = r->status = SPAN("");
}

/* One who stays. */
static void alter(struct store_queue_recipient *r, const struct store_queue_update *u,
                  int64_t time_us)
{
    switch (u->what) {
    case STORE_QUEUE_LATER:
        r->due_us = u->due_us;
        r->tries++;
        r->tried_us = time_us;
        r->code = u->code;
        r->dsn = u->dsn;
        r->host = u->host;
        r->status = u->status;
        break;
    case STORE_QUEUE_HOLD:
        r->marks |= STORE_QUEUE_HELD;
        break;
    case STORE_QUEUE_RELEASE:
        r->marks &= ~(unsigned)STORE_QUEUE_HELD;
        r->due_us = u->due_us;
        break;
    case STORE_QUEUE_RETRY:
        r->due_us = u->due_us;
        break;
    case STORE_QUEUE_REDIRECT:
        if (r->original.len == 0)
            r->original = r->address;
        r->address = u->address;
        start_again(r, u);
        break;
    case STORE_QUEUE_REQUEUE:
        start_again(r, u);
        break;
    case STORE_QUEUE_EXPIRE:
        r->marks |= STORE_QUEUE_EXPIRED;
        r->due_us = u->due_us;
        break;
    case STORE_QUEUE_WARN:
        r->marks |= STORE_QUEUE_WARNED;
        break;
    case STORE_QUEUE_DONE:
    case STORE_QUEUE_WHATS:
        break;
    }
}

/* False when it is gone. */
static bool update(struct effect *e, store_queue_id id, const struct store_queue_update *u)
{
    struct store_queue_recipient before, after;

    if (!index_recipient_get(e->txn, id, u->number, &before))
        return false;
    if (u->what == STORE_QUEUE_DONE) {
        index_recipient_delete(e->txn, &before);
        return true;
    }
    after = before;
    alter(&after, u, e->time_us);
    index_recipient_write(e->txn, &before, &after);
    return true;
}

/* Nobody waits for it any more: it goes, and its body if nobody else has it. */
static void message_remove(struct effect *e, store_queue_id id)
{
    struct index_key key = key_body(id);

    index_delete(e->txn, INDEX_Q_MSG, key_span(&key));
    effect_body_release(e, id);
}

void effect_queue_state(struct effect *e, const struct journal_record *record)
{
    struct store_result *result = effect_result(e);
    struct effect_ranges gone = {0};
    struct command_queue_state state;
    struct store_queue_update u;
    bool removes = false, done;

    if (!command_queue_state_read(record->args, &state))
        return;
    while (command_queue_update_next(&state.updates, &u)) {
        done = update(e, state.id, &u);
        removes = removes || (done && u.what == STORE_QUEUE_DONE);
        if (!done)
            effect_ranges_add(&gone, u.number);
    }
    result->message = state.id;
    result->is_over = !index_queue_has(e->txn, state.id);
    if (removes && result->is_over)
        message_remove(e, state.id);
    effect_result_ranges(e, result, &gone);
}

/* ---- judging ---- */

enum store_status effect_queue_check(struct effect *e, const struct journal_record *record)
{
    struct store_queue_recipient r;
    struct command_queue_state state;
    struct store_queue_update u;

    if (!command_queue_state_read(record->args, &state))
        return STORE_CORRUPT;
    while (state.is_exact && command_queue_update_next(&state.updates, &u)) {
        if (!index_recipient_get(e->txn, state.id, u.number, &r))
            return STORE_GONE;
    }
    return STORE_OK;
}
