#include "store/commit/apply_txn.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "store/commit/command_queue.h"

enum {
    TARGET_BYTES = 64, /* of arguments, for about one row more */
};

void apply_txn_init(struct apply_txn *t, struct index *index,
                    void (*say)(void *context, const char *text), void *context)
{
    *t = (struct apply_txn){.index = index};
    cache_init(&t->cache);
    t->effect.cache = &t->cache;
    t->effect.say = say;
    t->effect.context = context;
}

static void give_up(struct apply_txn *t)
{
    if (t->txn)
        index_abort(&t->txn);
    cache_clear(&t->cache);
    t->effect.dead_count = 0;
    t->weight = 0;
}

void apply_txn_free(struct apply_txn *t)
{
    give_up(t);
    cache_clear(&t->cache);
    map_free(&t->cache.account_names);
    map_free(&t->cache.accounts);
    map_free(&t->cache.mailboxes);
    map_free(&t->cache.segments);
    free(t->effect.dead_bigs);
    free(t->touched);
}

/* A copy is a row for each of its messages. */
static size_t copy_weight(const struct journal_record *record)
{
    struct command_copy copy;

    return record->type == JOURNAL_COPY && command_copy_read(record->args, &copy) ? copy.messages
                                                                                  : 0;
}

/* A row, and a body's, for each message that goes. */
static size_t purge_weight(const struct journal_record *record)
{
    store_mailbox mailbox;
    uint32_t max;

    return record->type == JOURNAL_PURGE && command_purge_read(record->args, &mailbox, &max) ? max
                                                                                             : 0;
}

/* A recipient's row, and where it stood in the order of due times and where it stands now. */
static size_t queue_weight(const struct journal_record *record)
{
    struct command_queue_state state;

    return record->type == JOURNAL_QUEUE && command_queue_state_read(record->args, &state)
               ? (size_t)state.count * 2
               : 0;
}

size_t apply_weight(const struct journal_batch *batch)
{
    size_t weight = 0;

    for (unsigned i = 0; i < batch->count; i++) {
        bool is_bulk =
            batch->records[i].type == JOURNAL_SNAP || batch->records[i].type == JOURNAL_MOVED;
        weight += purge_weight(&batch->records[i]);
        weight += 1 + (is_bulk ? 0 : batch->records[i].args.len / TARGET_BYTES / 4);
        weight += copy_weight(&batch->records[i]);
        weight += queue_weight(&batch->records[i]);
    }
    return weight;
}

static enum store_status begin(struct apply_txn *t)
{
    enum store_status status = index_write_begin(t->index, &t->txn);

    t->cache.txn = t->effect.txn = t->txn;
    return status;
}

/* Records of one change stand together: all but the last say that there is more. */
static unsigned change_len(const struct journal_batch *batch, unsigned first)
{
    unsigned i = first;

    while (i + 1 < batch->count && batch->records[i].more)
        i++;
    return i + 1 - first;
}

enum store_status apply_txn_add(struct apply_txn *t, const struct journal_batch *batch,
                                struct store_change *changes)
{
    enum store_status status = t->txn ? STORE_OK : begin(t);
    struct store_change *change = changes;

    if (status != STORE_OK)
        return status;
    t->effect.time_us = batch->time_us;
    for (unsigned i = 0, len; i < batch->count; i += len) {
        len = change_len(batch, i);
        ensure(!change || change->count == len);
        t->effect.change = change;
        status = effect_change(&t->effect, &batch->records[i], len);
        if (change) {
            change->status = status;
            change = change->next;
        }
    }
    t->mark = batch->end;
    t->weight += apply_weight(batch);
    status = index_status(t->txn);
    if (status != STORE_OK)
        give_up(t);
    return status;
}

static void touched_collect(struct apply_txn *t)
{
    const struct cache_list *dirty = &t->cache.dirty_mailboxes;

    free(t->touched);
    t->touched = dirty->count ? xcalloc(dirty->count, sizeof(*t->touched)) : NULL;
    t->touched_count = 0;
    for (unsigned i = 0; i < dirty->count; i++) {
        const struct cached_mailbox *m = dirty->items[i];
        if (m->is_touched)
            t->touched[t->touched_count++] = m->row.id;
    }
}

enum store_status apply_txn_commit(struct apply_txn *t)
{
    enum store_status status;

    ensure(t->txn);
    cache_flush(&t->cache);
    index_mark_write(t->txn, &t->mark);
    status = index_commit(&t->txn);
    if (status != STORE_OK) {
        give_up(t);
        return status;
    }
    touched_collect(t);
    cache_clean(&t->cache);
    t->weight = 0;
    return STORE_OK;
}
