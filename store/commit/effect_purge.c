/*
 * What a deleted mailbox still holds goes in slices, each a command of its own, so that no
 * transaction is as long as a mailbox can be. Who submits them: store_purge.c.
 */

#include "core/base/number.h"
#include "store/commit/effect.h"

/* Up to `max` messages; returns how many. */
static uint32_t release_entries(struct effect *e, struct cached_mailbox *m, uint32_t max)
{
    struct store_entry entries[EFFECT_ENTRIES];
    uint32_t done = 0;
    size_t count = 1;

    while (done < max && count > 0) {
        size_t some = max - done < EFFECT_ENTRIES ? max - done : EFFECT_ENTRIES;

        count = index_entries(e->txn, m->row.id, 1, entries, some);
        for (size_t i = 0; i < count; i++) {
            effect_entry_remove(e, m, &entries[i]);
            effect_body_release(e, entries[i].message);
        }
        done += (uint32_t)count;
    }
    return done;
}

/* Up to `max` rows of the log of what vanished. */
static void release_vanished(struct effect *e, struct cached_mailbox *m, uint32_t max)
{
    struct index_key from = key_vanished(m->row.id, 0, 0);
    struct span key, value;

    while (max-- > 0 && index_seek(e->txn, INDEX_VAN, key_span(&from), &key, &value) &&
           key.len == 20 && key_has_prefix(key, from.bytes, 8)) {
        struct index_key old = {.len = 20};

        memcpy(old.bytes, key.at, 20);
        index_delete(e->txn, INDEX_VAN, key_span(&old));
        m->row.vanish_count--;
    }
}

void effect_purge(struct effect *e, const struct journal_record *record)
{
    struct cached_mailbox *m;
    store_mailbox mailbox;
    uint32_t max;

    if (!command_purge_read(record->args, &mailbox, &max))
        return;
    m = cache_mailbox_deleted(e->cache, mailbox);
    if (!m)
        return;
    release_vanished(e, m, max - release_entries(e, m, max));
    cache_mailbox_dirty(e->cache, m);
    if (m->row.messages == 0 && m->row.vanish_count == 0)
        cache_mailbox_remove(e->cache, m);
}
