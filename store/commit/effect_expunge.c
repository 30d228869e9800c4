/* Messages that vanish, and the log of what vanished when. */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/number.h"
#include "store/commit/effect_walk.h"

enum {
    VANISH_ROWS_MAX = 8192, /* of a mailbox; then the older half is merged */
};

/* ---- the vanish log ---- */

static int range_order(const void *a, const void *b)
{
    const struct store_range *x = a, *y = b;

    return x->from < y->from ? -1 : x->from > y->from;
}

static bool has_entry(struct effect *e, store_mailbox mailbox, uint32_t from, uint32_t to)
{
    struct store_entry entry;

    return from <= to && index_entries(e->txn, mailbox, from, &entry, 1) == 1 && entry.uid <= to;
}

/* Joins ranges between which there is no message: a client may be told more UIDs than vanished, as
 * long as none of them is there (RFC 7162 3.2.5.2). */
static size_t ranges_join(struct effect *e, store_mailbox mailbox, struct store_range *ranges,
                          size_t count)
{
    size_t kept = 0;

    qsort(ranges, count, sizeof(*ranges), range_order);
    for (size_t i = 1; i < count; i++) {
        struct store_range *last = &ranges[kept];
        if (has_entry(e, mailbox, last->to + 1, ranges[i].from - 1))
            ranges[++kept] = ranges[i];
        else if (ranges[i].to > last->to)
            last->to = ranges[i].to;
    }
    return count ? kept + 1 : 0;
}

static void vanish_put(struct effect *e, store_mailbox mailbox, uint64_t modseq,
                       struct store_range range)
{
    struct index_key key = key_vanished(mailbox, modseq, range.from);
    char to[4];

    number_put32(to, range.to);
    index_put(e->txn, INDEX_VAN, key_span(&key), (struct span){to, sizeof(to)});
}

/* Takes the oldest rows out of the log, up to `max`; the modseq of the last one in *modseq_r. */
static size_t vanish_take(struct effect *e, store_mailbox mailbox, struct store_range *ranges,
                          size_t max, uint64_t *modseq_r)
{
    struct index_key from = key_vanished(mailbox, 0, 0);
    struct span key, value;
    size_t count = 0;

    while (count < max && index_seek(e->txn, INDEX_VAN, key_span(&from), &key, &value) &&
           key.len == 20 && value.len == 4 && key_has_prefix(key, from.bytes, 8)) {
        struct index_key old = {.len = 20};
        memcpy(old.bytes, key.at, 20);
        *modseq_r = key_get64(key.at + 8);
        ranges[count].from = key_get32(key.at + 16);
        ranges[count++].to = number_get32(value.at);
        index_delete(e->txn, INDEX_VAN, key_span(&old));
    }
    return count;
}

/* The older half becomes as few ranges as can be, all at the modseq of its newest. When that does
 * not help, it goes, and the floor says from where on the log is complete. */
static void vanish_merge(struct effect *e, struct cached_mailbox *m)
{
    size_t half = m->row.vanish_count / 2, count, kept;
    struct store_range *ranges = xcalloc(half, sizeof(*ranges));
    uint64_t modseq = 0;

    count = vanish_take(e, m->row.id, ranges, half, &modseq);
    kept = ranges_join(e, m->row.id, ranges, count);
    if (kept > VANISH_ROWS_MAX / 4) {
        m->row.vanish_floor = modseq;
        kept = 0;
    }
    for (size_t i = 0; i < kept; i++)
        vanish_put(e, m->row.id, modseq, ranges[i]);
    m->row.vanish_count = count ? m->row.vanish_count - (uint32_t)(count - kept) : 0;
    free(ranges);
}

void effect_vanish(struct effect *e, struct cached_mailbox *m, const struct store_range *ranges,
                   size_t count)
{
    for (size_t i = 0; i < count; i++)
        vanish_put(e, m->row.id, m->row.modseq, ranges[i]);
    m->row.vanish_count += (uint32_t)count;
    while (m->row.vanish_count > VANISH_ROWS_MAX && index_status(e->txn) == STORE_OK)
        vanish_merge(e, m);
}

/* ---- messages ---- */

void effect_expunge(struct effect *e, const struct journal_record *record)
{
    struct store_result *result = effect_result(e);
    struct command_expunge command;
    struct effect_ranges gone = {0};
    struct cached_mailbox *m;
    struct store_entry *entry;
    struct effect_walk walk;

    if (!command_expunge_read(record->args, &command))
        return;
    m = cache_mailbox(e->cache, command.mailbox);
    if (!m)
        return;
    effect_walk_begin(&walk, e, m->row.id, command.ranges, command.count);
    while (m->row.deleted > 0 && (entry = effect_walk_next(&walk))) {
        if (!(entry->flags & STORE_DELETED))
            continue;
        effect_entry_remove(e, m, entry);
        effect_body_release(e, entry->message);
        effect_ranges_add(&gone, entry->uid);
    }
    if (gone.count > 0) {
        cache_mailbox_touch(e->cache, m, record->lsn, 1, 0);
        effect_vanish(e, m, gone.at, gone.count);
        effect_unseen_advance(e, m);
    }
    effect_result_mailbox(result, m);
    effect_result_ranges(e, result, &gone);
}
