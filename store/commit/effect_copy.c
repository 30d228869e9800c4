/*
 * Copies and moves: new entries that point at the same bodies. Flags, keywords, INTERNALDATE and
 * the recipient's delivery header stay as they are; no message byte is touched. All of a copy is
 * one command and so one transaction, whatever its length: others see all of it or nothing, and so
 * does the next start.
 */

#include "store/commit/effect_walk.h"

/* How many entries of the source the command names, up to one more than can be copied. */
static uint32_t entries_named(struct effect *e, const struct command_copy *c)
{
    struct effect_walk walk;
    uint32_t count = 0;

    effect_walk_begin(&walk, e, c->from, c->ranges, c->count);
    while (count <= STORE_COPY_MAX && effect_walk_next(&walk))
        count++;
    return count;
}

enum store_status effect_copy_check(struct effect *e, const struct journal_record *record)
{
    struct command_copy command;
    struct cached_mailbox *to;
    uint32_t named;

    if (!command_copy_read(record->args, &command))
        return STORE_CORRUPT;
    if (mailbox_account(command.from) != mailbox_account(command.to))
        return STORE_INVALID;
    to = cache_mailbox(e->cache, command.to);
    if (!to || !cache_mailbox(e->cache, command.from))
        return STORE_NOT_FOUND;
    named = entries_named(e, &command);
    if (named > STORE_COPY_MAX || named > UINT32_MAX - to->row.uid_next)
        return STORE_OVER_QUOTA;
    return command.is_exact && named != command.messages ? STORE_GONE : STORE_OK;
}

static void copy_entry(struct effect *e, const struct command_copy *c, struct cached_mailbox *to,
                       uint64_t lsn, const struct store_entry *entry)
{
    struct store_entry copy = *entry;

    copy.saved_s = e->time_us / 1000000;
    effect_entry_add(e, to, lsn, &copy);
    if (!c->is_move)
        effect_body_share(e, entry->message);
}

void effect_copy(struct effect *e, const struct journal_record *record)
{
    struct store_result *result = effect_result(e);
    struct cached_mailbox *from, *to;
    struct effect_ranges copied = {0};
    struct command_copy command;
    struct store_entry *entry;
    struct effect_walk walk;
    uint32_t before;

    if (!command_copy_read(record->args, &command))
        return;
    from = cache_mailbox(e->cache, command.from);
    to = cache_mailbox(e->cache, command.to);
    if (!from || !to)
        return;
    before = from->row.uid_next; /* what comes onto itself is not copied again */
    result->uid = to->row.uid_next;
    effect_walk_begin(&walk, e, command.from, command.ranges, command.count);
    while (to->row.uid_next < UINT32_MAX && (entry = effect_walk_next(&walk)) &&
           entry->uid < before) {
        copy_entry(e, &command, to, record->lsn, entry);
        if (command.is_move)
            effect_entry_remove(e, from, entry);
        effect_ranges_add(&copied, entry->uid);
    }
    if (command.is_move && copied.count > 0) {
        cache_mailbox_touch(e->cache, from, record->lsn, 1, 0);
        effect_vanish(e, from, copied.at, copied.count);
        effect_unseen_advance(e, from);
    }
    effect_result_mailbox(result, to);
    effect_result_ranges(e, result, &copied);
}
