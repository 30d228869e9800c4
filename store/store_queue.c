/* The queue in a view. */

#include "store/store_queue.h"

#include "store/index/index_queue.h"
#include "store/store_private.h"

/* ---- who is due ---- */

static struct store_queue_due due_of(struct span key)
{
    return (struct store_queue_due){(int64_t)key_get64(key.at), key_get64(key.at + 8),
                                    key_get32(key.at + 16)};
}

enum store_status store_queue_due(struct store_view *v, const struct store_queue_due *after,
                                  struct store_queue_due *rows_r, size_t max, size_t *count_r)
{
    struct index_key from = {0};
    struct span key, value;
    bool found;

    *count_r = 0;
    if (after)
        from = key_due(after->due_us, after->id, after->number);
    found = index_seek(v->txn, INDEX_Q_DUE, key_span(&from), &key, &value);
    if (found && after && span_eq(key, key_span(&from)))
        found = index_next(v->txn, INDEX_Q_DUE, &key, &value);
    while (found && *count_r < max && key.len == 20) {
        rows_r[(*count_r)++] = due_of(key);
        found = index_next(v->txn, INDEX_Q_DUE, &key, &value);
    }
    return index_status(v->txn);
}

/* ---- messages ---- */

static bool message_read(struct store_view *v, struct span key, struct span value,
                         struct store_queue_message *m)
{
    if (key.len != 8 || !record_envelope_read(value, &m->envelope)) {
        index_damaged(v->txn, "an envelope");
        return false;
    }
    m->id = key_get64(key.at);
    return true;
}

enum store_status store_queue_messages(struct store_view *v, store_queue_id after,
                                       struct store_queue_message *rows_r, size_t max,
                                       size_t *count_r)
{
    struct index_key from = key_body(after + 1);
    struct span key, value;
    bool found = index_seek(v->txn, INDEX_Q_MSG, key_span(&from), &key, &value);

    *count_r = 0;
    while (found && *count_r < max && message_read(v, key, value, &rows_r[*count_r])) {
        ++*count_r;
        found = index_next(v->txn, INDEX_Q_MSG, &key, &value);
    }
    return index_status(v->txn);
}

enum store_status store_queue_message(struct store_view *v, store_queue_id id,
                                      struct store_queue_envelope *envelope_r)
{
    return index_envelope_get(v->txn, id, envelope_r) ? STORE_OK : store_view_missing(v);
}

enum store_status store_queue_find(struct store_view *v, struct span queue_id, store_queue_id *id_r)
{
    struct store_queue_message m;
    struct span key, value;
    bool found = index_seek(v->txn, INDEX_Q_MSG, SPAN(""), &key, &value);

    while (found && message_read(v, key, value, &m)) {
        if (span_eq(m.envelope.queue_id, queue_id)) {
            *id_r = m.id;
            return STORE_OK;
        }
        found = index_next(v->txn, INDEX_Q_MSG, &key, &value);
    }
    return store_view_missing(v);
}

/* ---- recipients ---- */

enum store_status store_queue_everybody(struct store_view *v, store_queue_id id, uint32_t from,
                                        struct store_queue_recipient *rows_r, size_t max,
                                        size_t *count_r)
{
    *count_r = index_recipients(v->txn, id, from, rows_r, max);
    return index_status(v->txn);
}

enum store_status store_queue_recipients(struct store_view *v, store_queue_id id, uint32_t from,
                                         struct store_queue_recipient *rows_r, size_t max,
                                         size_t *count_r)
{
    *count_r = index_recipients(v->txn, id, from, rows_r, max);
    while (*count_r > 0 && rows_r[*count_r - 1].id != id)
        --*count_r;
    return index_status(v->txn);
}

enum store_status store_queue_recipient(struct store_view *v, store_queue_id id, uint32_t number,
                                        struct store_queue_recipient *recipient_r)
{
    return index_recipient_get(v->txn, id, number, recipient_r) ? STORE_OK : store_view_missing(v);
}

enum store_status store_queue_numbers(struct store_view *v, struct store_queue_numbers *numbers_r)
{
    uint64_t due = index_rows(v->txn, INDEX_Q_DUE);

    numbers_r->messages = index_rows(v->txn, INDEX_Q_MSG);
    numbers_r->recipients = index_rows(v->txn, INDEX_Q_RCPT);
    numbers_r->held = numbers_r->recipients > due ? numbers_r->recipients - due : 0;
    return index_status(v->txn);
}
