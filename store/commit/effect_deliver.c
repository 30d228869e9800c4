/* Mail that comes into mailboxes, and into the queue. */

#include "store/commit/effect.h"
#include "store/index/index_name.h"

/* Where the delivery goes: its mailbox, or what `missing` says, at last INBOX. */
static struct cached_mailbox *target_mailbox(struct effect *e, const struct command_target *target)
{
    struct cached_account *account = effect_account_make(e, target->account);
    struct cached_mailbox *m = effect_mailbox_find(e, account, target->mailbox);
    char room[STORE_MAILBOX_NAME_MAX];
    struct span normal;

    if (!m && target->missing == STORE_MISSING_CREATE &&
        account->row.mailbox_count < STORE_MAILBOXES_MAX &&
        name_mailbox(target->mailbox, room, &normal) &&
        !index_name_is_taken(e->txn, account->row.id, normal))
        m = cache_mailbox_make(e->cache, account, normal, e->time_us);
    return m ? m : cache_inbox(e->cache, account);
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

static bool deliver_target(struct effect *e, const struct journal_record *record, unsigned number,
                           const struct command_target *target)
{
    struct store_result *result = effect_result(e);
    struct cached_mailbox *m = target_mailbox(e, target);
    struct store_entry entry;

    if (!m) { /* an account without an INBOX: the index is damaged */
        result->status = STORE_CORRUPT;
        return false;
    }
    if (m->row.uid_next == UINT32_MAX)
        m = effect_renew(e, m, record->lsn);
    entry = (struct store_entry){
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
    effect_entry_add(e, m, record->lsn, &entry);
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
    references += effect_queue(e, record);
    effect_body_keep(e, record, references);
}
