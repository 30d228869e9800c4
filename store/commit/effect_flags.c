#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/number.h"
#include "store/commit/effect.h"
#include "store/index/index_name.h"

enum {
    UNSEEN_STEPS = 512,     /* entries looked at for the first unseen one, in one command */
    VANISH_ROWS_MAX = 8192, /* of a mailbox; then the older half is merged */
};

/* What a flag change does to one entry. */
struct flag_step {
    enum store_flag_mode mode;
    uint32_t flags;
    uint64_t keywords;
    uint64_t unchanged_since;
    struct effect_ranges kept;
};

/* ---- the entries of some ranges, piece by piece ---- */

struct entry_walk {
    struct effect *e;
    store_mailbox mailbox;
    struct span ranges;
    uint32_t range_count, range; /* count 0: the whole mailbox */
    uint32_t next_uid;
    struct store_entry entries[EFFECT_ENTRIES];
    size_t count, at;
};

static void walk_begin(struct entry_walk *w, struct effect *e, store_mailbox mailbox,
                       struct span ranges, uint32_t range_count)
{
    w->e = e;
    w->mailbox = mailbox;
    w->ranges = ranges;
    w->range_count = range_count;
    w->range = 0;
    w->next_uid = 1;
    w->count = w->at = 0;
}

static bool walk_fill(struct entry_walk *w, uint32_t from)
{
    w->count =
        from == 0 ? 0 : index_entries(w->e->txn, w->mailbox, from, w->entries, EFFECT_ENTRIES);
    w->at = 0;
    return w->count > 0;
}

static struct store_entry *walk_any(struct entry_walk *w)
{
    if (w->at == w->count && !walk_fill(w, w->next_uid))
        return NULL;
    w->next_uid = w->entries[w->at].uid + 1; /* 0 behind the last UID there can be */
    return &w->entries[w->at++];
}

/* The next entry in the ranges; the caller may change it and write it back. */
static struct store_entry *walk_next(struct entry_walk *w)
{
    if (w->range_count == 0)
        return walk_any(w);
    while (w->range < w->range_count) {
        struct store_range range = command_range(w->ranges, w->range);
        struct store_entry *entry;
        if (w->next_uid < range.from) { /* what is read already may reach into the range */
            w->next_uid = range.from;
            while (w->at < w->count && w->entries[w->at].uid < range.from)
                w->at++;
        }
        if (w->next_uid > range.to) {
            w->range++;
            continue;
        }
        entry = walk_any(w);
        if (!entry)
            return NULL;
        if (entry->uid <= range.to)
            return entry;
        w->at--;
        w->next_uid = entry->uid;
        w->range++;
    }
    return NULL;
}

static void entry_write(struct effect *e, store_mailbox mailbox, const struct store_entry *entry)
{
    struct index_key key = key_message(mailbox, entry->uid);
    char value[RECORD_MESSAGE_LEN];

    index_put(e->txn, INDEX_MSG, key_span(&key),
              (struct span){value, record_message_write(value, entry)});
}

/* ---- flags ---- */

static uint64_t apply_mode(enum store_flag_mode mode, uint64_t old, uint64_t bits)
{
    switch (mode) {
    case STORE_FLAGS_ADD:
        return old | bits;
    case STORE_FLAGS_REMOVE:
        return old & ~bits;
    case STORE_FLAGS_SET:
    default:
        return bits;
    }
}

static void counters_change(struct index_mailbox *m, const struct store_entry *entry,
                            uint32_t old_flags)
{
    bool was_seen = old_flags & STORE_SEEN, is_seen = entry->flags & STORE_SEEN;
    bool was_deleted = old_flags & STORE_DELETED, is_deleted = entry->flags & STORE_DELETED;

    if (was_deleted != is_deleted)
        m->deleted += is_deleted ? 1 : UINT32_MAX;
    if (was_seen != is_seen)
        m->unseen += is_seen ? UINT32_MAX : 1;
    if (was_seen && !is_seen && (m->unseen == 1 || entry->uid < m->unseen_from))
        m->unseen_from = entry->uid;
    m->keywords |= entry->keywords;
}

/* Moves the mark towards the first unseen message, some steps at a time. */
static void unseen_advance(struct effect *e, struct cached_mailbox *m)
{
    struct store_entry entries[EFFECT_ENTRIES];

    for (unsigned steps = 0; m->row.unseen > 0 && steps < UNSEEN_STEPS; steps += EFFECT_ENTRIES) {
        size_t count =
            index_entries(e->txn, m->row.id, m->row.unseen_from, entries, EFFECT_ENTRIES);
        for (size_t i = 0; i < count; i++) {
            m->row.unseen_from = entries[i].uid;
            if (!(entries[i].flags & STORE_SEEN))
                return;
        }
        if (count < EFFECT_ENTRIES)
            return;
    }
}

static void flag_entry(struct effect *e, struct cached_mailbox *m, uint64_t lsn,
                       struct flag_step *step, struct store_entry *entry)
{
    uint32_t flags = (uint32_t)apply_mode(step->mode, entry->flags, step->flags);
    uint64_t keywords = apply_mode(step->mode, entry->keywords, step->keywords);
    uint32_t old_flags = entry->flags;

    if (entry->modseq > step->unchanged_since) {
        effect_ranges_add(&step->kept, entry->uid);
        return;
    }
    if (flags == entry->flags && keywords == entry->keywords)
        return;
    entry->flags = flags;
    entry->keywords = keywords;
    cache_mailbox_touch(e->cache, m, lsn, entry->uid, entry->uid);
    entry->modseq = m->row.modseq;
    counters_change(&m->row, entry, old_flags);
    entry_write(e, m->row.id, entry);
}

static uint64_t keyword_bits(struct effect *e, struct cached_account *account, struct span keywords,
                             bool make)
{
    uint64_t bits = 0;
    struct span name;

    while (command_keyword_next(&keywords, &name)) {
        int number = name_keyword(name) ? cache_keyword(e->cache, account, name, make) : -1;
        if (number >= 0)
            bits |= (uint64_t)1 << number;
    }
    return bits;
}

void effect_flags(struct effect *e, const struct journal_record *record)
{
    struct store_result *result = effect_result(e);
    struct command_flags command;
    struct cached_mailbox *m;
    struct flag_step step = {0};
    struct store_entry *entry;
    struct entry_walk walk;

    if (!command_flags_read(record->args, &command))
        return;
    m = cache_mailbox(e->cache, command.mailbox);
    if (!m)
        return;
    step.mode = command.mode;
    step.flags = command.flags & STORE_FLAGS_ALL;
    step.unchanged_since = command.unchanged_since;
    step.keywords = keyword_bits(e, m->account, command.keywords, step.mode != STORE_FLAGS_REMOVE);
    if (command.count > 0) {
        walk_begin(&walk, e, m->row.id, command.ranges, command.count);
        while ((entry = walk_next(&walk)))
            flag_entry(e, m, record->lsn, &step, entry);
        unseen_advance(e, m);
    }
    effect_result_mailbox(result, m);
    if (e->change && e->change->result_count > 0) {
        result->ranges = step.kept.at;
        result->range_count = step.kept.count;
    } else {
        free(step.kept.at);
    }
}

void effect_recent(struct effect *e, const struct journal_record *record)
{
    struct store_result *result = effect_result(e);
    struct cached_mailbox *m;
    store_mailbox mailbox;
    uint32_t uid;

    if (!command_recent_read(record->args, &mailbox, &uid))
        return;
    m = cache_mailbox(e->cache, mailbox);
    if (!m)
        return;
    if (uid > m->row.uid_next)
        uid = m->row.uid_next;
    if (uid > m->row.recent_from) {
        m->row.recent_from = uid;
        cache_mailbox_dirty(e->cache, m);
    }
    effect_result_mailbox(result, m);
}

/* ---- expunge ---- */

static void entry_remove(struct effect *e, struct index_mailbox *m, const struct store_entry *entry)
{
    struct index_key key = key_message(m->id, entry->uid);

    index_delete(e->txn, INDEX_MSG, key_span(&key));
    effect_body_release(e, entry->message);
    m->messages--;
    m->deleted--; /* only those with the flag go */
    m->bytes -= entry->size;
    m->unseen -= !(entry->flags & STORE_SEEN);
}

void effect_expunge(struct effect *e, const struct journal_record *record)
{
    struct store_result *result = effect_result(e);
    struct command_expunge command;
    struct effect_ranges gone = {0};
    struct cached_mailbox *m;
    struct store_entry *entry;
    struct entry_walk walk;

    if (!command_expunge_read(record->args, &command))
        return;
    m = cache_mailbox(e->cache, command.mailbox);
    if (!m)
        return;
    walk_begin(&walk, e, m->row.id, command.ranges, command.count);
    while (m->row.deleted > 0 && (entry = walk_next(&walk))) {
        if (!(entry->flags & STORE_DELETED))
            continue;
        entry_remove(e, &m->row, entry);
        effect_ranges_add(&gone, entry->uid);
    }
    if (gone.count > 0) {
        cache_mailbox_touch(e->cache, m, record->lsn, 1, 0);
        effect_vanished(e, m, gone.at, gone.count);
        unseen_advance(e, m);
    }
    effect_result_mailbox(result, m);
    if (e->change && e->change->result_count > 0) {
        result->ranges = gone.at;
        result->range_count = gone.count;
    } else {
        free(gone.at);
    }
}

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

void effect_vanished(struct effect *e, struct cached_mailbox *m, const struct store_range *ranges,
                     size_t count)
{
    for (size_t i = 0; i < count; i++)
        vanish_put(e, m->row.id, m->row.modseq, ranges[i]);
    m->row.vanish_count += (uint32_t)count;
    while (m->row.vanish_count > VANISH_ROWS_MAX && index_status(e->txn) == STORE_OK)
        vanish_merge(e, m);
}
