/* Where messages lie in the log, how many entries point at each, and what is dead. */

#include "core/base/alloc.h"
#include "core/base/number.h"
#include "store/commit/effect.h"

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

/* There can't be as many entries as would make the count go round: each takes more room than the
 * index's map has bytes for a 2^32th of it. */
void effect_body_share(struct effect *e, store_message message)
{
    struct index_body body;

    if (!index_body_get(e->txn, message, &body)) {
        index_damaged(e->txn, "an entry without a body");
        return;
    }
    body.references++;
    body_write(e, message, &body);
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
