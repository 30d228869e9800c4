#include "store/commit/command_queue.h"

#include "core/base/number.h"
#include "store/index/index_queue.h"

enum {
    STATE_LETTER = 'Q',
    STATE_VERSION = 1,
    STATE_HEAD = 16,
};

static void record_add(struct command_text *t, const char *record, size_t len)
{
    char *at = command_text_room(t, 4 + len);

    number_put32(at, (uint32_t)len);
    memcpy(at + 4, record, len);
    t->len += 4 + len;
}

static bool record_next(struct span *records, struct span *record_r)
{
    size_t len;

    if (records->len < 4)
        return false;
    len = number_get32(records->at);
    if (len > records->len - 4)
        return false;
    *record_r = span_first(span_after(*records, 4), len);
    *records = span_after(*records, 4 + len);
    return true;
}

/* ---- queueing ---- */

/* What happens later has not happened yet. */
static struct store_queue_recipient as_new(const struct store_queue_recipient *r)
{
    return (struct store_queue_recipient){
        .address = r->address,
        .original = r->original,
        .orcpt = r->orcpt,
        .nexthop = r->nexthop,
        .notify = r->notify,
        .marks = r->marks,
        .due_us = r->due_us,
    };
}

void command_queue_write(struct command_text *t, const struct store_queue_envelope *envelope,
                         const struct store_queue_recipient *recipients, size_t count)
{
    struct store_queue_envelope e = *envelope;
    char record[RECORD_QUEUE_MAX];

    e.recipients = (uint32_t)count;
    record_add(t, record, record_envelope_write(record, &e));
    for (size_t i = 0; i < count; i++) {
        struct store_queue_recipient r = as_new(&recipients[i]);
        record_add(t, record, record_recipient_write(record, &r));
    }
}

bool command_queue_next(struct span *recipients, struct store_queue_recipient *recipient_r)
{
    struct span record;

    return record_next(recipients, &record) && record_recipient_read(record, recipient_r);
}

bool command_queue_read(struct span part, struct store_queue_envelope *envelope_r,
                        struct span *recipients_r)
{
    struct store_queue_recipient recipient;
    struct span record, left;
    uint32_t count = 0;

    if (!record_next(&part, &record) || !record_envelope_read(record, envelope_r))
        return false;
    *recipients_r = left = part;
    while (left.len > 0 && count < STORE_QUEUE_RECIPIENTS_MAX &&
           command_queue_next(&left, &recipient))
        count++;
    return left.len == 0 && count > 0 && count == envelope_r->recipients;
}

/* ---- what becomes of recipients ---- */

/* state: letter u8 | version u8 | is_exact u8 | zero u8 | count u32 | id u64 | updates */
void command_queue_state_write(struct command_text *t, store_queue_id id,
                               const struct store_queue_update *updates, size_t count,
                               bool is_exact)
{
    char *at = command_text_room(t, STATE_HEAD), record[RECORD_QUEUE_MAX];

    at[0] = STATE_LETTER;
    at[1] = STATE_VERSION;
    at[2] = (char)is_exact;
    at[3] = 0;
    number_put32(at + 4, (uint32_t)count);
    number_put64(at + 8, id);
    t->len += STATE_HEAD;
    for (size_t i = 0; i < count; i++)
        record_add(t, record, record_update_write(record, &updates[i]));
}

bool command_queue_update_next(struct span *updates, struct store_queue_update *update_r)
{
    struct span record;

    return record_next(updates, &record) && record_update_read(record, update_r);
}

bool command_queue_state_read(struct span args, struct command_queue_state *state_r)
{
    struct store_queue_update update;
    struct span left;
    uint32_t count = 0;

    if (args.len < STATE_HEAD || args.at[0] != STATE_LETTER || args.at[1] != STATE_VERSION ||
        (uint8_t)args.at[2] > 1)
        return false;
    *state_r = (struct command_queue_state){
        .id = number_get64(args.at + 8),
        .is_exact = args.at[2] != 0,
        .count = number_get32(args.at + 4),
        .updates = span_after(args, STATE_HEAD),
    };
    left = state_r->updates;
    while (left.len > 0 && count < STORE_QUEUE_UPDATES_MAX &&
           command_queue_update_next(&left, &update))
        count++;
    return left.len == 0 && count == state_r->count;
}
