/* What the store itself says between two lives of the gateway. */

#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "store/store.h"
#include "tests/sim/sim_model.h"
#include "tests/sim/sim_verify.h"
#include "tests/sim/sim_world.h"

enum {
    VERIFY_ENTRIES_MAX = 4096, /* of a mailbox */
};

unsigned world_flags(struct store_view *v, store_account account, const struct store_entry *entry)
{
    unsigned flags = (entry->flags & STORE_ANSWERED ? MODEL_ANSWERED : 0u) |
                     (entry->flags & STORE_FLAGGED ? MODEL_FLAGGED : 0u) |
                     (entry->flags & STORE_DELETED ? MODEL_DELETED : 0u) |
                     (entry->flags & STORE_SEEN ? MODEL_SEEN : 0u) |
                     (entry->flags & STORE_DRAFT ? MODEL_DRAFT : 0u);
    unsigned number;

    if (store_keyword_find(v, account, SPAN("kw"), &number) == STORE_OK &&
        (entry->keywords & UINT64_C(1) << number) != 0)
        flags |= MODEL_KEYWORD;
    return flags;
}

bool world_read(struct store_view *v, const struct store_entry *entry, struct chain *whole)
{
    struct span header, body;
    uint32_t size;

    if (store_entry_header(v, entry, &header) != STORE_OK ||
        store_message_size(v, entry->message, &size) != STORE_OK ||
        store_message_bytes(v, entry->message, 0, size, &body) != STORE_OK)
        return false;
    chain_add(whole, header);
    chain_add(whole, body);
    return true;
}

static void check_modseq(struct run *r, unsigned box, struct model_message *message,
                         const struct store_entry *entry, unsigned flags, uint64_t most)
{
    bool changed = message->modseq != 0 && message->flags != flags;

    if (entry->modseq < message->modseq + changed || entry->modseq > most)
        run_violated(r, "MODSEQ of UID %u in box %u was %llu and is %llu, of %llu", entry->uid, box,
                     (unsigned long long)message->modseq, (unsigned long long)entry->modseq,
                     (unsigned long long)most);
    message->modseq = entry->modseq;
    message->flags = flags;
}

static void verify_entry(struct run *r, struct store_view *v, unsigned box, store_account account,
                         const struct store_entry *entry, uint64_t most)
{
    struct model_message *message = model_seen(r->model, box, entry->uid, 0);
    unsigned flags = world_flags(v, account, entry);
    struct chain whole = {0};

    if (message == NULL)
        return;
    if (!world_read(v, entry, &whole))
        run_violated(r, "LOST: UID %u of box %u can't be read", entry->uid, box);
    else
        model_whole(r->model, box, message, chain_flat(&whole));
    chain_free(&whole);
    if (entry->size != message->size && !r->failed)
        run_violated(r, "UID %u of box %u has %u bytes and says %u", entry->uid, box, message->size,
                     entry->size);
    check_modseq(r, box, message, entry, flags, most);
    model_flags_read(r->model, box, entry->uid, flags, r->tick);
}

static void verify_entries(struct run *r, struct store_view *v, unsigned box, store_account account,
                           const struct store_mailbox_info *info)
{
    struct store_entry *entries = xcalloc(VERIFY_ENTRIES_MAX, sizeof(*entries));
    uint32_t *uids = xcalloc(VERIFY_ENTRIES_MAX, sizeof(*uids));
    size_t count = 0;

    if (store_entries(v, info->id, 1, entries, VERIFY_ENTRIES_MAX, &count) != STORE_OK)
        run_violated(r, "LOST: box %u can't be read", box);
    for (size_t i = 0; i < count && !r->failed; i++) {
        uids[i] = entries[i].uid;
        verify_entry(r, v, box, account, &entries[i], info->modseq);
    }
    if (count != info->messages)
        run_violated(r, "box %u has %zu messages and says %u", box, count, info->messages);
    if (!r->failed)
        model_listed(r->model, box, uids, count, r->tick);
    free(entries);
    free(uids);
}

static void verify_box(struct run *r, struct store_view *v, unsigned box)
{
    struct model_box *b = &r->model->boxes[box];
    struct span name = span_str(model_box_name(box));
    char account_name[64];
    struct store_mailbox_info info;
    store_account account;

    (void)snprintf(account_name, sizeof(account_name), "%s@sim.example",
                   model_account_names[box / 2]);
    if (store_account_find(v, span_str(account_name), &account) != STORE_OK ||
        store_mailbox_find(v, account, name, &info) != STORE_OK) {
        model_listed(r->model, box, NULL, 0, r->tick);
        return;
    }
    model_uid_validity(r->model, box, info.uid_validity);
    model_uid_next(r->model, box, info.uid_next, b->uid_next);
    if (info.modseq < b->modseq)
        run_violated(r, "MODSEQ of box %u was %llu and is %llu", box, (unsigned long long)b->modseq,
                     (unsigned long long)info.modseq);
    b->modseq = info.modseq;
    verify_entries(r, v, box, account, &info);
}

void world_verify(struct world *w)
{
    struct store_config config = world_store_config(w);
    struct run *r = w->run;
    struct store_numbers numbers;
    struct store_view *v;
    struct store *s;

    r->tick++;
    if (store_open(&config, &s) != STORE_OK) {
        run_violated(r, "LOST: the store does not open");
        return;
    }
    store_numbers(s, &numbers);
    run_trace(r, "the store has %llu segments and %llu spare ones",
              (unsigned long long)numbers.segments, (unsigned long long)numbers.segments_spare);
    if (store_view_open(s, &v) != STORE_OK) {
        run_violated(r, "LOST: the store can't be read");
    } else {
        for (unsigned box = 0; box < MODEL_BOXES && !r->failed; box++)
            verify_box(r, v, box);
        if (!r->failed)
            world_verify_folders(w, v);
        store_view_close(&v);
    }
    store_close(&s);
    r->tick++;
}

void world_check(struct world *w)
{
    struct store_config config = world_store_config(w);
    struct store_check_report report = {0};
    enum store_status status;

    config.read_only_check = true;
    status = store_check(&config, &report);
    if (status == STORE_NOT_FOUND && w->run->counts.acked == 0)
        return; /* the power went before there was a store */
    if (status != STORE_OK ||
        report.damaged + report.missing + report.orphaned + report.miscounted > 0)
        run_violated(w->run,
                     "store check: %s, %llu damaged, %llu missing, %llu orphaned, "
                     "%llu miscounted",
                     store_status_text(status), (unsigned long long)report.damaged,
                     (unsigned long long)report.missing, (unsigned long long)report.orphaned,
                     (unsigned long long)report.miscounted);
}
