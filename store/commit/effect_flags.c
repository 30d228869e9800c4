/* Flags, keywords and the mark of what is recent. */

#include "store/commit/effect_walk.h"
#include "store/index/index_name.h"

/* What a flag change does to one entry. */
struct flag_step {
    enum store_flag_mode mode;
    uint32_t flags;
    uint64_t keywords;
    uint64_t unchanged_since;
    struct effect_ranges kept;
};

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
    effect_entry_write(e, m->row.id, entry);
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
    struct effect_walk walk;

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
        effect_walk_begin(&walk, e, m->row.id, command.ranges, command.count);
        while ((entry = effect_walk_next(&walk)))
            flag_entry(e, m, record->lsn, &step, entry);
        effect_unseen_advance(e, m);
    }
    effect_result_mailbox(result, m);
    effect_result_ranges(e, result, &step.kept);
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
