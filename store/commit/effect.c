#include "store/commit/effect.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "store/index/index_name.h"

typedef void effect_fn(struct effect *e, const struct journal_record *record);

static effect_fn *const effects[] = {
    [JOURNAL_ACCOUNT] = effect_account, [JOURNAL_DELIVER] = effect_deliver,
    [JOURNAL_FLAGS] = effect_flags,     [JOURNAL_EXPUNGE] = effect_expunge,
    [JOURNAL_MAILBOX] = effect_mailbox, [JOURNAL_RECENT] = effect_recent,
    [JOURNAL_MOVED] = effect_moved,     [JOURNAL_SNAP] = effect_snap,
    [JOURNAL_FOLDERS] = effect_folders, [JOURNAL_PURGE] = effect_purge,
    [JOURNAL_COPY] = effect_copy,       [JOURNAL_QUEUE] = effect_queue_state,
};

static struct store_result *result_at(struct effect *e, unsigned item)
{
    static struct store_result nobody;

    if (!e->change || e->change->result_count == 0)
        return &nobody;
    ensure(e->change->result_of[item] < e->change->result_count);
    return &e->change->results[e->change->result_of[item]];
}

struct store_result *effect_result(struct effect *e)
{
    return result_at(e, e->item++);
}

void effect_result_mailbox(struct store_result *r, const struct cached_mailbox *m)
{
    r->account = m->account->row.id;
    r->mailbox = m->row.id;
    r->uid_validity = m->row.uid_validity;
    r->modseq = m->row.modseq;
}

/* The status of the first record that cannot happen goes to the results of its items. */
static enum store_status check(struct effect *e, const struct journal_record *records,
                               unsigned count)
{
    enum store_status status = STORE_OK;
    unsigned item = 0, items;

    for (unsigned i = 0; i < count && status == STORE_OK; i++) {
        status = effect_check(e, records, i, &items);
        if (status == STORE_CORRUPT && e->change) /* it comes from a caller, not from the disk */
            status = STORE_INVALID;
        for (unsigned k = 0; k < items && status != STORE_OK; k++)
            result_at(e, item + k)->status = status;
        item += items;
    }
    return status;
}

static void release_bigs(struct effect *e, const struct journal_record *records, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (records[i].type == JOURNAL_DELIVER && records[i].is_big)
            effect_body_keep(e, &records[i], 0);
    }
}

enum store_status effect_change(struct effect *e, const struct journal_record *records,
                                unsigned count)
{
    enum store_status status;

    e->item = 0;
    status = check(e, records, count);
    if (status == STORE_CORRUPT && e->say)
        e->say(e->context, "store: a command in the log has no meaning: passed over");
    if (status != STORE_OK) {
        release_bigs(e, records, count);
        return status;
    }
    for (unsigned i = 0; i < count; i++) {
        if (records[i].type < COUNT_OF(effects) && effects[records[i].type])
            effects[records[i].type](e, &records[i]);
    }
    return STORE_OK;
}

struct cached_mailbox *effect_mailbox_find(struct effect *e, struct cached_account *account,
                                           struct span name)
{
    char room[STORE_MAILBOX_NAME_MAX];
    store_mailbox id;
    struct span normal;

    if (!name_mailbox(name, room, &normal))
        return NULL;
    if (span_eq(normal, SPAN("INBOX")))
        return cache_inbox(e->cache, account);
    if (!index_mailbox_find(e->txn, account->row.id, normal, &id))
        return NULL;
    return cache_mailbox(e->cache, id);
}

void effect_ranges_add(struct effect_ranges *r, uint32_t uid)
{
    if (r->count > 0 && r->at[r->count - 1].to + 1 == uid) {
        r->at[r->count - 1].to = uid;
        return;
    }
    if (r->count == r->size) {
        r->size = r->size ? r->size * 2 : 16;
        r->at = xrealloc(r->at, r->size * sizeof(*r->at));
    }
    r->at[r->count++] = (struct store_range){uid, uid};
}

void effect_result_ranges(struct effect *e, struct store_result *result,
                          struct effect_ranges *ranges)
{
    if (e->change && e->change->result_count > 0) {
        result->ranges = ranges->at;
        result->range_count = ranges->count;
    } else {
        free(ranges->at);
    }
    *ranges = (struct effect_ranges){0};
}
