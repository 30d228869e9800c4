#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/number.h"
#include "store/commit/effect.h"
#include "store/index/index_name.h"

/* The account, made with its INBOX on first need. */
static struct cached_account *account_make(struct effect *e, struct span name)
{
    struct cached_account *a = cache_account_find(e->cache, name);

    if (a)
        return a;
    a = cache_account_make(e->cache, name);
    cache_mailbox_make(e->cache, a, SPAN("INBOX"), e->time_us);
    return a;
}

void effect_account(struct effect *e, const struct journal_record *record)
{
    struct store_result *result = effect_result(e);
    struct cached_mailbox *inbox;
    struct cached_account *a;
    struct span name;

    if (!command_account_read(record->args, &name))
        return;
    a = account_make(e, name);
    inbox = cache_mailbox(e->cache, mailbox_make(a->row.id, 1));
    if (inbox)
        effect_result_mailbox(result, inbox);
}

void effect_mailbox(struct effect *e, const struct journal_record *record)
{
    struct store_result *result = effect_result(e);
    char room[STORE_MAILBOX_NAME_MAX];
    struct command_mailbox command;
    struct cached_account *account;
    struct cached_mailbox *m;
    struct span normal;

    if (!command_mailbox_read(record->args, &command) || !name_mailbox(command.name, room, &normal))
        return;
    account = cache_account(e->cache, command.account);
    if (!account)
        return;
    m = cache_mailbox_make(e->cache, account, normal, e->time_us);
    m->is_touched = true;
    effect_result_mailbox(result, m);
}

/* Where the delivery goes: its mailbox, or what `missing` says, at last INBOX. */
static struct cached_mailbox *target_mailbox(struct effect *e, const struct command_target *target)
{
    struct cached_account *account = account_make(e, target->account);
    struct cached_mailbox *m = effect_mailbox_find(e, account, target->mailbox);
    char room[STORE_MAILBOX_NAME_MAX];
    struct span normal;

    if (!m && target->missing == STORE_MISSING_CREATE &&
        account->row.mailbox_count < EFFECT_MAILBOXES_MAX &&
        name_mailbox(target->mailbox, room, &normal) &&
        !index_name_is_taken(e->txn, account->row.id, normal))
        m = cache_mailbox_make(e->cache, account, normal, e->time_us);
    return m ? m : cache_mailbox(e->cache, mailbox_make(account->row.id, 1));
}

/* Keywords of a delivery: what is no name or finds no room is left out, the mail comes first. */
static uint64_t target_keywords(struct effect *e, struct cached_account *account,
                                struct span keywords)
{
    uint64_t bits = 0;
    struct span name;

    while (command_keyword_next(&keywords, &name)) {
        int number = name_keyword(name) ? cache_keyword(e->cache, account, name, true) : -1;
        if (number >= 0)
            bits |= (uint64_t)1 << number;
    }
    return bits;
}

static void counters_add(struct index_mailbox *m, const struct store_entry *entry)
{
    m->messages++;
    m->bytes += entry->size;
    m->deleted += (entry->flags & STORE_DELETED) != 0;
    m->keywords |= entry->keywords;
    if (entry->flags & STORE_SEEN)
        return;
    if (m->unseen++ == 0)
        m->unseen_from = entry->uid;
}

static bool deliver_target(struct effect *e, const struct journal_record *record, unsigned number,
                           const struct command_target *target)
{
    struct store_result *result = effect_result(e);
    struct cached_mailbox *m = target_mailbox(e, target);
    char value[RECORD_MESSAGE_LEN];
    struct store_entry entry;
    struct index_key key;

    if (!m || m->row.uid_next == UINT32_MAX) {
        result->status = STORE_OVER_QUOTA;
        return false;
    }
    entry = (struct store_entry){
        .uid = m->row.uid_next++,
        .flags = target->flags & STORE_FLAGS_ALL,
        .keywords = target_keywords(e, m->account, target->keywords),
        .message = record->lsn,
        .received_us = target->received_us,
        .zone_minutes = target->zone_minutes,
        .target = (uint16_t)number,
        .size = (uint32_t)(target->header.len + record->body.len),
        .header_len = (uint32_t)target->header.len,
        .saved_s = e->time_us / 1000000,
    };
    cache_mailbox_touch(e->cache, m, record->lsn, entry.uid, entry.uid);
    entry.modseq = m->row.modseq;
    counters_add(&m->row, &entry);
    key = key_message(m->row.id, entry.uid);
    index_put(e->txn, INDEX_MSG, key_span(&key),
              (struct span){value, record_message_write(value, &entry)});
    effect_result_mailbox(result, m);
    result->message = record->lsn;
    result->uid = entry.uid;
    return true;
}

void effect_deliver(struct effect *e, const struct journal_record *record)
{
    struct command_target target;
    unsigned count, references = 0;
    struct span targets;

    if (!command_deliver_read(record->args, &count, &targets))
        return;
    for (unsigned i = 0; i < count && command_target_next(&targets, &target); i++)
        references += deliver_target(e, record, i, &target);
    effect_body_keep(e, record, references);
}

/* ---- bodies ---- */

static void big_dead(struct effect *e, uint64_t id)
{
    if (e->dead_count == e->dead_size) {
        e->dead_size = e->dead_size ? e->dead_size * 2 : 16;
        e->dead_bigs = xrealloc(e->dead_bigs, e->dead_size * sizeof(*e->dead_bigs));
    }
    e->dead_bigs[e->dead_count++] = id;
}

static void body_write(struct effect *e, store_message message, const struct index_body *body)
{
    struct index_key key = key_body(message);
    char value[RECORD_BODY_LEN];

    index_put(e->txn, INDEX_BODY, key_span(&key),
              (struct span){value, record_body_write(value, body)});
}

void effect_body_keep(struct effect *e, const struct journal_record *record, unsigned references)
{
    struct index_body body = {.references = references};

    journal_record_place(record, &body.place);
    if (references == 0) {
        if (body.place.big_id)
            big_dead(e, body.place.big_id);
        return;
    }
    body_write(e, record->lsn, &body);
    cache_segment_add(e->cache, body.place.segment, (int64_t)record_body_bytes(&body));
}

/* The note that a message of another segment lies in this one. */
static struct index_key moved_key(store_message message, uint64_t segment)
{
    return key_segment(segment, message);
}

static void body_leave(struct effect *e, store_message message, const struct index_body *body)
{
    struct index_key key = moved_key(message, body->place.segment);

    cache_segment_add(e->cache, body->place.segment, -(int64_t)record_body_bytes(body));
    if (message >> 32 != body->place.segment)
        index_delete(e->txn, INDEX_SEG, key_span(&key));
}

void effect_body_release(struct effect *e, store_message message)
{
    struct index_key key = key_body(message);
    struct index_body body;

    if (!index_body_get(e->txn, message, &body)) {
        index_damaged(e->txn, "an entry without a body");
        return;
    }
    if (--body.references > 0) {
        body_write(e, message, &body);
        return;
    }
    body_leave(e, message, &body);
    if (body.place.big_id)
        big_dead(e, body.place.big_id);
    index_delete(e->txn, INDEX_BODY, key_span(&key));
}

/* Compaction wrote the message again. When it is gone by now, or lies elsewhere already, the new
 * copy is dead on arrival. */
void effect_moved(struct effect *e, const struct journal_record *record)
{
    struct command_moved moved;
    struct index_body body;
    struct journal_place place;
    struct index_key key;

    if (!command_moved_read(record->args, &moved) || !index_body_get(e->txn, moved.message, &body))
        return;
    if (body.place.segment != moved.from_segment || body.place.args_at != moved.from_args_at)
        return;
    journal_record_place(record, &place);
    if (body.place.big_id) { /* only what stands around a big file moves */
        place.big_id = body.place.big_id;
        place.body_len = body.place.body_len;
        place.body_crc = body.place.body_crc;
    }
    body_leave(e, moved.message, &body);
    body.place = place;
    body_write(e, moved.message, &body);
    cache_segment_add(e->cache, place.segment, (int64_t)record_body_bytes(&body));
    key = moved_key(moved.message, place.segment);
    index_put(e->txn, INDEX_SEG, key_span(&key), SPAN(""));
}

/* The end of a snapshot makes it one of the two that a rebuild may begin with. */
void effect_snap(struct effect *e, const struct journal_record *record)
{
    enum {
        LEN = 8 + RECORD_MARK_LEN
    };
    char value[2 * LEN] = {0};
    struct command_snap snap;
    struct span old;

    if (!command_snap_read(record->args, &snap) || snap.kind != COMMAND_SNAP_END)
        return;
    if (index_get(e->txn, INDEX_META, span_str(INDEX_META_SNAPSHOT), &old) &&
        old.len == sizeof(value))
        memcpy(value + LEN, old.at, LEN);
    number_put64(value, snap.id);
    record_mark_write(value + 8, &snap.mark);
    index_put(e->txn, INDEX_META, span_str(INDEX_META_SNAPSHOT),
              (struct span){value, sizeof(value)});
}
