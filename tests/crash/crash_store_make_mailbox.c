/* Accounts and mailboxes: made, deleted, renamed, subscribed. */

#include <string.h>

#include "tests/crash/crash_store_making.h"

enum {
    RENAME_TRIES = 8, /* most names are taken, or cannot be of one below */
};

static struct span name_of(unsigned mailbox)
{
    return span_str(model_names[mailbox % MODEL_NAMES]);
}

static store_account account_of(const struct making *g, unsigned mailbox)
{
    return g->m->accounts[mailbox / MODEL_NAMES].number;
}

/* Whether no mailbox was made by the change so far. */
static bool is_as_before(const struct making *g)
{
    const struct model *before = making_before(g);
    bool is_same = true;

    for (unsigned i = 0; i < MODEL_ACCOUNTS; i++)
        is_same = is_same && g->m->accounts[i].made == before->accounts[i].made &&
                  g->m->accounts[i].modseq == before->accounts[i].modseq;
    return is_same || !g->alters;
}

void make_account(struct making *g)
{
    unsigned account = (unsigned)load_random(g->load, MODEL_ACCOUNTS);

    if (g->m->accounts[account].number != 0 && !model_wants_folders(g->m, account))
        return;
    store_change_account(g->change, span_str(model_accounts[account]));
    if (g->m->accounts[account].number == 0)
        model_account_make(g->m, account);
    else
        model_folders_give(g->m, account);
    making_expect(g, 0);
}

/* Others than before, for the accounts that were not given any yet. */
void make_folders(struct making *g)
{
    struct store_folder folders[MODEL_NAMES];
    uint32_t wanted = (uint32_t)load_random(g->load, 1u << MODEL_NAMES) & ~1u, count = 0;

    if (wanted == g->m->folders)
        return;
    g->m->folders = wanted;
    for (unsigned i = 1; i < MODEL_NAMES; i++) {
        g->m->folder_uses[i] = 0;
        if ((wanted & 1u << i) == 0)
            continue;
        if (load_random(g->load, 2) == 0)
            g->m->folder_uses[i] = (uint32_t)load_random(g->load, STORE_USES_ALL + 1);
        folders[count++] = (struct store_folder){span_str(model_names[i]), g->m->folder_uses[i]};
    }
    store_change_folders(g->change, folders, count);
    making_expect(g, 0);
}

void make_mailbox(struct making *g)
{
    unsigned mailbox = (unsigned)load_random(g->load, MODEL_MAILBOXES);
    unsigned uses =
        load_random(g->load, 2) == 0 ? 0 : (unsigned)load_random(g->load, STORE_USES_ALL + 1);

    if (making_before(g)->accounts[mailbox / MODEL_NAMES].number == 0 ||
        g->m->mailboxes[mailbox].number != 0)
        return;
    store_change_mailbox_create(g->change, account_of(g, mailbox), name_of(mailbox), uses);
    model_levels_make(g->m, mailbox);
    model_mailbox_make(g->m, mailbox);
    g->m->mailboxes[mailbox].uses = uses;
    making_expect(g, 0);
}

void make_delete(struct making *g)
{
    unsigned mailbox;

    if (!making_mailbox(g, &mailbox) || mailbox % MODEL_NAMES == 0)
        return;
    store_change_mailbox_delete(g->change, account_of(g, mailbox), name_of(mailbox));
    model_mailbox_delete(g->m, mailbox);
    making_expect(g, 0);
    g->is_full = true;
}

/* A level may be renamed that is no mailbox itself. */
static bool rename_one(struct making *g, unsigned from)
{
    unsigned to = from - from % MODEL_NAMES + (unsigned)load_random(g->load, MODEL_NAMES);

    if (account_of(g, from) == 0 || (from % MODEL_NAMES == 0 ? !model_rename_inbox(g->m, from, to)
                                                             : !model_rename(g->m, from, to)))
        return false;
    store_change_mailbox_rename(g->change, account_of(g, from), name_of(from), name_of(to));
    making_expect(g, 0);
    return true;
}

void make_rename(struct making *g)
{
    if (!is_as_before(g))
        return;
    for (unsigned tries = 0; tries < RENAME_TRIES && !g->is_full; tries++)
        g->is_full = rename_one(g, (unsigned)load_random(g->load, MODEL_MAILBOXES));
}

/* What is subscribed must be there then, or something below it; and the account before the change,
 * though it may make the account and give it folders, subscribed ones. */
void make_subscription(struct making *g)
{
    unsigned mailbox = (unsigned)load_random(g->load, MODEL_MAILBOXES);
    bool *subscribed = &g->m->subscribed[mailbox], is_there = *subscribed;

    for (unsigned i = 0; i < MODEL_MAILBOXES; i++)
        is_there =
            is_there || (making_before(g)->mailboxes[i].number != 0 && model_is_below(i, mailbox));
    if (!is_there || making_before(g)->accounts[mailbox / MODEL_NAMES].number == 0)
        return;
    *subscribed = !*subscribed;
    store_change_subscribe(g->change, account_of(g, mailbox), name_of(mailbox), *subscribed);
    making_expect(g, 0);
}
