#include "store/commit/effect_walk.h"

enum {
    UNSEEN_STEPS = 512, /* entries looked at for the first unseen one, in one command */
};

void effect_walk_begin(struct effect_walk *w, struct effect *e, store_mailbox mailbox,
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

static bool walk_fill(struct effect_walk *w, uint32_t from)
{
    w->count =
        from == 0 ? 0 : index_entries(w->e->txn, w->mailbox, from, w->entries, EFFECT_ENTRIES);
    w->at = 0;
    return w->count > 0;
}

static struct store_entry *walk_any(struct effect_walk *w)
{
    if (w->at == w->count && !walk_fill(w, w->next_uid))
        return NULL;
    w->next_uid = w->entries[w->at].uid + 1; /* 0 behind the last UID there can be */
    return &w->entries[w->at++];
}

/* The next entry in the ranges; the caller may change it and write it back. */
struct store_entry *effect_walk_next(struct effect_walk *w)
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

void effect_unseen_advance(struct effect *e, struct cached_mailbox *m)
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
