/* One message in one mailbox: its row, and what the mailbox's row counts of it. */

#include "core/base/ensure.h"
#include "store/commit/effect.h"

void effect_entry_write(struct effect *e, store_mailbox mailbox, const struct store_entry *entry)
{
    struct index_key key = key_message(mailbox, entry->uid);
    char value[RECORD_MESSAGE_LEN];

    index_put(e->txn, INDEX_MSG, key_span(&key),
              (struct span){value, record_message_write(value, entry)});
}

void effect_entry_add(struct effect *e, struct cached_mailbox *mailbox, uint64_t lsn,
                      struct store_entry *entry)
{
    struct index_mailbox *m = &mailbox->row;

    ensure(m->uid_next < UINT32_MAX);
    entry->uid = m->uid_next++;
    cache_mailbox_touch(e->cache, mailbox, lsn, entry->uid, entry->uid);
    entry->modseq = m->modseq;
    m->messages++;
    m->bytes += entry->size;
    m->deleted += (entry->flags & STORE_DELETED) != 0;
    m->keywords |= entry->keywords;
    if ((entry->flags & STORE_SEEN) == 0 && m->unseen++ == 0)
        m->unseen_from = entry->uid;
    effect_entry_write(e, m->id, entry);
}

void effect_entry_remove(struct effect *e, struct cached_mailbox *mailbox,
                         const struct store_entry *entry)
{
    struct index_key key = key_message(mailbox->row.id, entry->uid);
    struct index_mailbox *m = &mailbox->row;

    index_delete(e->txn, INDEX_MSG, key_span(&key));
    m->messages--;
    m->deleted -= (entry->flags & STORE_DELETED) != 0;
    m->bytes -= entry->size;
    m->unseen -= !(entry->flags & STORE_SEEN);
    cache_mailbox_dirty(e->cache, mailbox);
}
