/* relay_load: from the store's queue into memory what is due, as far as there is room. New messages
 * are found by their ids, which rise; the others by their times. */

#include "core/relay/relay_log.h"
#include "core/relay/relay_private.h"

enum {
    MESSAGES_MAX = 64, /* read at once */
    ROWS_MAX = 256,
};

static bool has_room(const struct relay *r)
{
    return relay_active_count(r->active) < RELAY_ACTIVE_MAX;
}

static bool is_due(const struct relay *r, const struct store_queue_recipient *row)
{
    if ((row->marks & STORE_QUEUE_HELD) != 0)
        return false;
    return row->due_us <= r->now_us;
}

static void take(struct relay *r, struct relay_message *m, const struct store_queue_recipient *row)
{
    struct relay_entry *entry = relay_active_take(r->active, m, row->number);

    if (entry != NULL)
        relay_hand_entry(r, entry, row);
}

/* ---- a message ---- */

/* How many of it wait. */
static uint32_t count_waiting(struct store_view *view, store_queue_id id)
{
    struct store_queue_recipient rows[ROWS_MAX];
    uint32_t from = 0, total = 0;
    size_t count;

    while (store_queue_recipients(view, id, from, rows, ROWS_MAX, &count) == STORE_OK &&
           count > 0) {
        total += (uint32_t)count;
        from = rows[count - 1].number + 1;
    }
    return total;
}

/* All of it that is due. An entry that is decided at once may end the message, so it is held by
 * hand meanwhile. */
static void take_message(struct relay *r, struct store_view *view, struct relay_message *m)
{
    struct store_queue_recipient rows[ROWS_MAX];
    uint32_t from = 0;
    size_t count;

    m->active++;
    while (store_queue_recipients(view, m->id, from, rows, ROWS_MAX, &count) == STORE_OK &&
           count > 0) {
        for (size_t i = 0; i < count; i++) {
            if (is_due(r, &rows[i]))
                take(r, m, &rows[i]);
            else if ((rows[i].marks & STORE_QUEUE_HELD) == 0 && rows[i].due_us < r->due_us)
                r->due_us = rows[i].due_us;
        }
        from = rows[count - 1].number + 1;
    }
    m->active--;
    relay_active_settle(r->active, m);
}

static void load_news(struct relay *r, struct store_view *view)
{
    struct store_queue_message rows[MESSAGES_MAX];
    size_t count = MESSAGES_MAX;

    while (has_room(r) && count == MESSAGES_MAX) {
        if (store_queue_messages(view, r->seen, rows, MESSAGES_MAX, &count) != STORE_OK)
            return;
        for (size_t i = 0; i < count; i++) {
            const struct store_queue_envelope *e = &rows[i].envelope;

            r->seen = rows[i].id;
            if (relay_active_find(r->active, rows[i].id) == NULL)
                take_message(r, view,
                             relay_active_add(r->active, rows[i].id, e, e->recipients, r->now_us));
        }
    }
    r->has_news = count == MESSAGES_MAX;
}

/* ---- by time ---- */

static void take_row(struct relay *r, struct store_view *view, const struct store_queue_due *row)
{
    struct relay_message *m = relay_active_find(r->active, row->id);
    struct store_queue_recipient recipient;
    struct store_queue_envelope envelope;

    if (m == NULL) {
        if (store_queue_message(view, row->id, &envelope) != STORE_OK)
            return;
        m = relay_active_add(r->active, row->id, &envelope, count_waiting(view, row->id),
                             r->now_us);
        relay_log_active(m);
    }
    m->active++;
    if (store_queue_recipient(view, row->id, row->number, &recipient) == STORE_OK)
        take(r, m, &recipient);
    m->active--;
    relay_active_settle(r->active, m);
}

static void load_due(struct relay *r, struct store_view *view)
{
    struct store_queue_due rows[ROWS_MAX];
    size_t count = ROWS_MAX;

    while (has_room(r) && count == ROWS_MAX) {
        if (store_queue_due(view, r->has_after ? &r->after : NULL, rows, ROWS_MAX, &count) !=
            STORE_OK)
            return;
        for (size_t i = 0; i < count; i++) {
            if (rows[i].due_us > r->now_us) {
                r->due_us = rows[i].due_us;
                return;
            }
            r->after = rows[i];
            r->has_after = true;
            take_row(r, view, &rows[i]);
        }
    }
    if (count < ROWS_MAX)
        r->due_us = INT64_MAX;
}

void relay_load_again(struct relay *r)
{
    r->has_after = false;
    r->due_us = 0;
    r->rescan_us = r->now_us + r->settings->queue_run_delay_us;
}

/* A clock that was set back is seen by the next rescan being too far away. */
static bool must_rescan(const struct relay *r)
{
    return r->now_us >= r->rescan_us || r->rescan_us - r->now_us > r->settings->queue_run_delay_us;
}

void relay_load(struct relay *r)
{
    struct store_view *view;

    if (must_rescan(r))
        relay_load_again(r);
    if (r->drains || !has_room(r) || (!r->has_news && r->now_us < r->due_us))
        return;
    view = relay_view(r);
    if (view == NULL)
        return;
    if (r->now_us >= r->due_us)
        load_due(r, view);
    if (r->has_news)
        load_news(r, view);
}
