#include "store/index/index_queue.h"

#include "core/base/number.h"

enum {
    ENVELOPE_VERSION = 1,
    RECIPIENT_VERSION = 1,
    UPDATE_VERSION = 1,
    ENVELOPE_FIXED = 40,
    ENVELOPE_TEXTS = 7,
    RECIPIENT_FIXED = 28,
    RECIPIENT_TEXTS = 7,
    UPDATE_FIXED = 16,
    UPDATE_TEXTS = 5,
};
_Static_assert(ENVELOPE_FIXED <= (int)RECORD_QUEUE_FIXED_MAX, "room for numbers");
_Static_assert(ENVELOPE_TEXTS <= (int)RECORD_QUEUE_TEXTS_MAX, "room for texts");
_Static_assert(RECIPIENT_TEXTS <= (int)RECORD_QUEUE_TEXTS_MAX, "room for texts");

/* ---- texts: their lengths u16, then their bytes ---- */

static size_t texts_write(char *at, size_t fixed, const struct span *texts, unsigned count)
{
    size_t len = fixed + 2 * (size_t)count;

    for (unsigned i = 0; i < count; i++) {
        struct span text = span_first(texts[i], STORE_QUEUE_TEXT_MAX + 1);
        number_put16(at + fixed + 2 * (size_t)i, (uint16_t)text.len);
        if (text.len > 0)
            memcpy(at + len, text.at, text.len);
        len += text.len;
    }
    return len;
}

/* The whole of `value` behind its numbers must be texts. */
static bool texts_read(struct span value, size_t fixed, struct span *texts, unsigned count)
{
    struct span left, lens;

    if (value.len < fixed + 2 * (size_t)count)
        return false;
    lens = span_after(value, fixed);
    left = span_after(lens, 2 * (size_t)count);
    for (unsigned i = 0; i < count; i++) {
        size_t len = number_get16(lens.at + 2 * (size_t)i);
        if (len > left.len || len > STORE_QUEUE_TEXT_MAX)
            return false;
        texts[i] = span_first(left, len);
        left = span_after(left, len);
    }
    return left.len == 0;
}

/* ---- records ---- */

/*
 * envelope: 0 version u8 | 1 ret u8 | 2 body u8 | 3 priority i8 | 4 flags u32 | 8 arrival_us i64
 *           | 16 deliver_by_us i64 | 24 hold_until_us i64 | 32 size u32 | 36 recipients u32
 *           | 40 lengths u16[7] | queue_id, sender, envid, client, login, auth, verp
 */
size_t record_envelope_write(char *at, const struct store_queue_envelope *e)
{
    const struct span texts[ENVELOPE_TEXTS] = {e->queue_id, e->sender, e->envid, e->client,
                                               e->login,    e->auth,   e->verp};

    at[0] = ENVELOPE_VERSION;
    at[1] = (char)e->ret;
    at[2] = (char)e->body;
    at[3] = (char)e->priority;
    number_put32(at + 4, e->flags);
    number_put64(at + 8, (uint64_t)e->arrival_us);
    number_put64(at + 16, (uint64_t)e->deliver_by_us);
    number_put64(at + 24, (uint64_t)e->hold_until_us);
    number_put32(at + 32, e->size);
    number_put32(at + 36, e->recipients);
    return texts_write(at, ENVELOPE_FIXED, texts, ENVELOPE_TEXTS);
}

bool record_envelope_read(struct span v, struct store_queue_envelope *e)
{
    struct span texts[ENVELOPE_TEXTS];

    if (!texts_read(v, ENVELOPE_FIXED, texts, ENVELOPE_TEXTS) || v.at[0] != ENVELOPE_VERSION)
        return false;
    *e = (struct store_queue_envelope){
        .queue_id = texts[0],
        .sender = texts[1],
        .envid = texts[2],
        .client = texts[3],
        .login = texts[4],
        .auth = texts[5],
        .verp = texts[6],
        .arrival_us = (int64_t)number_get64(v.at + 8),
        .deliver_by_us = (int64_t)number_get64(v.at + 16),
        .hold_until_us = (int64_t)number_get64(v.at + 24),
        .ret = (uint8_t)v.at[1],
        .body = (uint8_t)v.at[2],
        .priority = (int8_t)v.at[3],
        .flags = number_get32(v.at + 4),
        .size = number_get32(v.at + 32),
        .recipients = number_get32(v.at + 36),
    };
    return e->queue_id.len > 0 && (e->flags & ~(unsigned)STORE_QUEUE_FLAGS_ALL) == 0;
}

/*
 * recipient: 0 version u8 | 1 marks u8 | 2 notify u8 | 3 zero | 4 tries u32 | 8 due_us i64
 *            | 16 tried_us i64 | 24 code u16 | 26 zero u16 | 28 lengths u16[7]
 *            | address, original, orcpt, nexthop, dsn, host, status
 */
size_t record_recipient_write(char *at, const struct store_queue_recipient *r)
{
    const struct span texts[RECIPIENT_TEXTS] = {r->address,
                                                r->original,
                                                r->orcpt,
                                                r->nexthop,
                                                r->dsn,
                                                r->host,
                                                span_first(r->status, STORE_QUEUE_STATUS_MAX)};

    memset(at, 0, RECIPIENT_FIXED);
    at[0] = RECIPIENT_VERSION;
    at[1] = (char)r->marks;
    at[2] = (char)r->notify;
    number_put32(at + 4, r->tries);
    number_put64(at + 8, (uint64_t)r->due_us);
    number_put64(at + 16, (uint64_t)r->tried_us);
    number_put16(at + 24, r->code);
    return texts_write(at, RECIPIENT_FIXED, texts, RECIPIENT_TEXTS);
}

bool record_recipient_read(struct span v, struct store_queue_recipient *r)
{
    struct span texts[RECIPIENT_TEXTS];

    if (!texts_read(v, RECIPIENT_FIXED, texts, RECIPIENT_TEXTS) || v.at[0] != RECIPIENT_VERSION)
        return false;
    *r = (struct store_queue_recipient){
        .address = texts[0],
        .original = texts[1],
        .orcpt = texts[2],
        .nexthop = texts[3],
        .dsn = texts[4],
        .host = texts[5],
        .status = texts[6],
        .marks = (uint8_t)v.at[1],
        .notify = (uint8_t)v.at[2],
        .tries = number_get32(v.at + 4),
        .due_us = (int64_t)number_get64(v.at + 8),
        .tried_us = (int64_t)number_get64(v.at + 16),
        .code = number_get16(v.at + 24),
    };
    return r->address.len > 0 && (r->marks & ~(unsigned)STORE_QUEUE_MARKS_ALL) == 0;
}

/*
 * update: 0 version u8 | 1 what u8 | 2 code u16 | 4 number u32 | 8 due_us i64 | 16 lengths u16[5]
 *         | dsn, host, status, nexthop, address
 */
size_t record_update_write(char *at, const struct store_queue_update *u)
{
    const struct span texts[UPDATE_TEXTS] = {
        u->dsn, u->host, span_first(u->status, STORE_QUEUE_STATUS_MAX), u->nexthop, u->address};

    at[0] = UPDATE_VERSION;
    at[1] = (char)u->what;
    number_put16(at + 2, u->code);
    number_put32(at + 4, u->number);
    number_put64(at + 8, (uint64_t)u->due_us);
    return texts_write(at, UPDATE_FIXED, texts, UPDATE_TEXTS);
}

bool record_update_read(struct span v, struct store_queue_update *u)
{
    struct span texts[UPDATE_TEXTS];

    if (!texts_read(v, UPDATE_FIXED, texts, UPDATE_TEXTS) || v.at[0] != UPDATE_VERSION ||
        (uint8_t)v.at[1] >= STORE_QUEUE_WHATS)
        return false;
    *u = (struct store_queue_update){
        .what = (enum store_queue_what)(uint8_t)v.at[1],
        .code = number_get16(v.at + 2),
        .number = number_get32(v.at + 4),
        .due_us = (int64_t)number_get64(v.at + 8),
        .dsn = texts[0],
        .host = texts[1],
        .status = texts[2],
        .nexthop = texts[3],
        .address = texts[4],
    };
    return u->what != STORE_QUEUE_REDIRECT || u->address.len > 0;
}

/* ---- finding ---- */

bool index_envelope_get(struct index_txn *t, store_queue_id id, struct store_queue_envelope *e)
{
    struct index_key key = key_body(id);
    struct span value;

    if (!index_get(t, INDEX_Q_MSG, key_span(&key), &value))
        return false;
    if (!record_envelope_read(value, e)) {
        index_damaged(t, "an envelope");
        return false;
    }
    return true;
}

static bool recipient_read(struct index_txn *t, struct span key, struct span value,
                           struct store_queue_recipient *r)
{
    if (key.len != 12 || !record_recipient_read(value, r)) {
        index_damaged(t, "a recipient");
        return false;
    }
    r->id = key_get64(key.at);
    r->number = key_get32(key.at + 8);
    return true;
}

bool index_recipient_get(struct index_txn *t, store_queue_id id, uint32_t number,
                         struct store_queue_recipient *r)
{
    struct index_key key = key_recipient(id, number);
    struct span value;

    return index_get(t, INDEX_Q_RCPT, key_span(&key), &value) &&
           recipient_read(t, key_span(&key), value, r);
}

size_t index_recipients(struct index_txn *t, store_queue_id id, uint32_t number,
                        struct store_queue_recipient *rows, size_t max)
{
    struct index_key from = key_recipient(id, number);
    struct span key, value;
    size_t count = 0;
    bool found = max > 0 && index_seek(t, INDEX_Q_RCPT, key_span(&from), &key, &value);

    while (found) {
        if (!recipient_read(t, key, value, &rows[count]))
            return 0;
        if (++count == max)
            break;
        found = index_next(t, INDEX_Q_RCPT, &key, &value);
    }
    return count;
}

bool index_queue_has(struct index_txn *t, store_queue_id id)
{
    struct index_key from = key_recipient(id, 0);
    struct span key, value;

    return index_seek(t, INDEX_Q_RCPT, key_span(&from), &key, &value) &&
           key_has_prefix(key, from.bytes, 8);
}

/* ---- writing ---- */

static bool is_due(const struct store_queue_recipient *r)
{
    return (r->marks & STORE_QUEUE_HELD) == 0;
}

static struct index_key due_of(const struct store_queue_recipient *r)
{
    return key_due(r->due_us, r->id, r->number);
}

void index_recipient_write(struct index_txn *t, const struct store_queue_recipient *before,
                           const struct store_queue_recipient *r)
{
    bool was_due = before && is_due(before), stays = before && before->due_us == r->due_us;
    struct index_key key = key_recipient(r->id, r->number), due = due_of(r);
    struct index_key old = before ? due_of(before) : due;
    char value[RECORD_QUEUE_MAX];

    /* What `r` has for texts may lie in the row that is about to be written: a copy is first. */
    index_put(t, INDEX_Q_RCPT, key_span(&key),
              (struct span){value, record_recipient_write(value, r)});
    if (was_due && !(stays && is_due(r)))
        index_delete(t, INDEX_Q_DUE, key_span(&old));
    if (is_due(r) && !(stays && was_due))
        index_put(t, INDEX_Q_DUE, key_span(&due), SPAN(""));
}

void index_recipient_delete(struct index_txn *t, const struct store_queue_recipient *r)
{
    struct index_key key = key_recipient(r->id, r->number), due = due_of(r);

    index_delete(t, INDEX_Q_RCPT, key_span(&key));
    if (is_due(r))
        index_delete(t, INDEX_Q_DUE, key_span(&due));
}
