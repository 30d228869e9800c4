/*
 * A mailbox whose last UID was given (4,294,967,294) and that gets mail: RFC 3501 2.3.1.1 leaves
 * only a new UIDVALIDITY. The messages move, in their order, into a mailbox of another number that
 * takes over the name; the old one counts as deleted. So whoever has it open, and every command
 * about its UIDs that is on its way, finds no mailbox instead of another message.
 */

#include "store/commit/effect_walk.h"

static void entries_move(struct effect *e, struct cached_mailbox *from, struct cached_mailbox *to,
                         uint64_t lsn)
{
    struct effect_walk walk;
    struct store_entry *entry;

    effect_walk_begin(&walk, e, from->row.id, SPAN(""), 0);
    while ((entry = effect_walk_next(&walk))) {
        bool is_recent = entry->uid >= from->row.recent_from;

        effect_entry_remove(e, from, entry);
        effect_entry_add(e, to, lsn, entry);
        if (!is_recent)
            to->row.recent_from = to->row.uid_next;
    }
}

struct cached_mailbox *effect_renew(struct effect *e, struct cached_mailbox *old, uint64_t lsn)
{
    struct cached_account *account = old->account;
    struct cached_mailbox *fresh;

    cache_mailbox_delete(e->cache, old);
    fresh = cache_mailbox_make(e->cache, account, (struct span){old->row.name, old->row.name_len},
                               e->time_us);
    fresh->row.uses = old->row.uses;
    if (account->row.inbox == mailbox_number(old->row.id))
        account->row.inbox = mailbox_number(fresh->row.id);
    entries_move(e, old, fresh, lsn);
    if (old->row.vanish_count == 0)
        cache_mailbox_remove(e->cache, old);
    return fresh;
}
