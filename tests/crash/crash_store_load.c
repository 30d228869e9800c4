#include "tests/crash/crash_store_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "tests/crash/crash_store_making.h"
#include "tests/support/sim_disk.h"

uint64_t load_random(struct load *l, uint64_t below)
{
    return sim_random(&l->random) % below;
}

const struct model *load_state(const struct load *l, uint32_t change)
{
    ensure(change <= l->submitted && change + LOAD_STATES > l->submitted);
    return &l->states[change % LOAD_STATES];
}

/* ---- making ---- */

const struct model *making_before(const struct making *g)
{
    return load_state(g->load, g->load->submitted);
}

bool making_mailbox(struct making *g, unsigned *mailbox_r)
{
    *mailbox_r = (unsigned)load_random(g->load, MODEL_MAILBOXES);
    return making_before(g)->mailboxes[*mailbox_r].number != 0;
}

store_mailbox making_id(const struct model *m, unsigned mailbox)
{
    return (store_mailbox)m->accounts[mailbox / MODEL_NAMES].number << 32 |
           m->mailboxes[mailbox].number;
}

void making_expect(struct making *g, uint32_t uid)
{
    ensure(g->expected->count < LOAD_RESULTS_MAX);
    g->expected->uids[g->expected->count++] = uid;
    g->alters = true;
}

void making_touch(struct making *g, unsigned mailbox)
{
    struct model_account *a = &g->m->accounts[mailbox / MODEL_NAMES];

    if (!g->touched[mailbox / MODEL_NAMES])
        a->modseq++;
    g->touched[mailbox / MODEL_NAMES] = true;
    g->m->mailboxes[mailbox].modseq = a->modseq;
}

static void make_mailbox_command(struct making *g, uint64_t kind)
{
    if (kind < 4)
        make_account(g);
    else if (kind < 6)
        make_folders(g);
    else if (kind < 12)
        make_mailbox(g);
    else if (kind < 19)
        make_delete(g);
    else if (kind < 30)
        make_rename(g);
    else
        make_subscription(g);
}

static void make_command(struct making *g)
{
    uint64_t kind = load_random(g->load, 150);

    memset(g->touched, 0, sizeof(g->touched));
    if (g->m->count > MODEL_ENTRIES_MAX / 4 && load_random(g->load, 2) == 0)
        make_purge(g);
    else if (kind < 36)
        make_delivery(g);
    else if (kind < 40)
        make_append(g);
    else if (kind < 55)
        make_flags(g);
    else if (kind < 61)
        make_expunge(g);
    else if (kind < 65)
        make_purge(g);
    else if (kind < 68)
        make_recent(g);
    else if (kind < 85)
        make_copy(g, kind >= 76);
    else if (kind < 120)
        make_mailbox_command(g, kind - 85);
    else if (kind < 126)
        make_relayed(g);
    else
        make_queue_state(g);
}

/* ---- submitting ---- */

struct waiting {
    struct load *load;
    uint32_t change;
    enum store_ack ack;
};

static void wrong(struct load *l, const char *what, uint64_t a, uint64_t b)
{
    if (l->why[0] == '\0')
        (void)snprintf(l->why, sizeof(l->why), "change %u: %s (%llu, %llu)", l->acked, what,
                       (unsigned long long)a, (unsigned long long)b);
}

/* What is acknowledged out of turn would be an error of its own: the log has one order. */
static void done(void *context, enum store_status status, const struct store_result *results,
                 size_t count)
{
    struct waiting *w = context;
    struct load *l = w->load;
    struct expected *e = &l->expected[w->change % LOAD_STATES];

    if (status != STORE_OK)
        wrong(l, "a change was refused", w->change, status);
    if (e->is_acked)
        wrong(l, "acknowledged twice", w->change, 0);
    e->is_acked = true;
    if (w->change > l->acked)
        l->acked = w->change;
    if (w->ack == STORE_ACK_APPLIED && status == STORE_OK) {
        if (count != e->count)
            wrong(l, "another number of results", count, e->count);
        for (size_t i = 0; i < count && i < e->count; i++) {
            if (results[i].status != STORE_OK || (e->uids[i] != 0 && results[i].uid != e->uids[i]))
                wrong(l, "another UID than foretold", results[i].uid, e->uids[i]);
            if (results[i].is_over != e->is_over[i])
                wrong(l, "whether a queued message is over", results[i].is_over, e->is_over[i]);
            if (e->queued[i] != 0)
                l->ids[e->queued[i]] = results[i].message;
        }
    }
    free(w);
}

void load_change(struct load *l)
{
    uint32_t change = l->submitted + 1;
    struct model *next = &l->states[change % LOAD_STATES];
    struct making g = {.load = l, .m = next, .expected = &l->expected[change % LOAD_STATES]};
    struct waiting *w;

    ensure(l->submitted - l->acked < LOAD_WAITING_MAX);
    *next = *load_state(l, l->submitted);
    *g.expected = (struct expected){0};
    g.change = store_change_new(l->store);
    do
        make_command(&g);
    while (!g.is_full && load_random(l, 4) == 0 && g.expected->count + 4 < LOAD_RESULTS_MAX);
    if (!g.alters) {
        store_change_drop(&g.change);
        return;
    }
    l->submitted = change;
    w = xmalloc(sizeof(*w));
    *w = (struct waiting){l, change, (enum store_ack)load_random(l, 3)};
    if (next->queued_count > MODEL_QUEUED_MAX / 2) /* ids are told, so that some may go */
        w->ack = STORE_ACK_APPLIED;
    store_submit(l->store, &g.change, w->ack, done, w);
    if (l->acks_early)
        l->acked = change;
}
