/* The mailboxes that come and go, as the store itself shows them between two lives. */

#include "core/base/ensure.h"
#include "tests/sim/sim_folders.h"
#include "tests/sim/sim_model.h"
#include "tests/sim/sim_verify.h"
#include "tests/sim/sim_world.h"

/* Its bytes are those of the mail that it says it is. */
static unsigned mail_of(struct run *r, struct store_view *v, const struct store_entry *entry)
{
    struct chain whole = {0};
    unsigned mail = 0;

    if (!world_read(v, entry, &whole)) {
        run_violated(r, "LOST: a message of %s can't be read", FOLDERS_ACCOUNT);
    } else {
        mail = model_mail_number(chain_flat(&whole));
        if (mail == 0 || mail > r->model->mail_count ||
            !span_eq(chain_flat(&whole), r->model->mails[mail - 1].text))
            run_violated(r, "a message of %s has other bytes than were sent", FOLDERS_ACCOUNT);
    }
    chain_free(&whole);
    return mail;
}

static void look_at(struct run *r, struct store_view *v, store_account account,
                    const struct store_mailbox_info *info, struct folder *f)
{
    struct store_entry entries[FOLDERS_MESSAGES_MAX + 1];
    size_t count = 0;

    *f = (struct folder){.exists = true,
                         .uid_validity = info->uid_validity,
                         .uid_next = info->uid_next,
                         .modseq = info->modseq};
    if (store_entries(v, info->id, 1, entries, COUNT_OF(entries), &count) != STORE_OK ||
        count != info->messages || count > FOLDERS_MESSAGES_MAX) {
        run_violated(r, "LOST: a mailbox of %s has %zu messages and says %u", FOLDERS_ACCOUNT,
                     count, info->messages);
        return;
    }
    for (size_t i = 0; i < count && !r->failed; i++) {
        f->messages[f->count++] =
            (struct folder_message){.uid = entries[i].uid,
                                    .mail = mail_of(r, v, &entries[i]),
                                    .flags = world_flags(v, account, &entries[i])};
        if (entries[i].modseq > info->modseq)
            run_violated(r, "a message has a MODSEQ beyond that of its mailbox");
    }
}

static void look_at_subscriptions(struct run *r, struct store_view *v, store_account account,
                                  struct folders *seen)
{
    struct store_listings listings;

    if (store_listings(v, account, &listings) != STORE_OK)
        run_violated(r, "LOST: the names of %s can't be read", FOLDERS_ACCOUNT);
    for (size_t i = 0; i < listings.count; i++) {
        for (unsigned name = 0; name < FOLDERS_NAMES; name++) {
            if (span_eq(listings.at[i].name, span_str(folders_names[name])))
                seen->subscribed[name] = listings.at[i].is_subscribed;
        }
    }
    store_listings_free(&listings);
}

void world_verify_folders(struct world *w, struct store_view *v)
{
    struct run *r = w->run;
    struct folders_book *book = r->model->folders;
    struct folders seen = {0};
    struct store_mailbox_info info;
    store_account account;

    if (store_account_find(v, SPAN(FOLDERS_ACCOUNT "@sim.example"), &account) != STORE_OK) {
        if (book->is_account)
            run_violated(r, "LOST: the account of %s", FOLDERS_ACCOUNT);
        return;
    }
    for (unsigned i = 0; i < FOLDERS_NAMES && !r->failed; i++) {
        if (store_mailbox_find(v, account, span_str(folders_names[i]), &info) == STORE_OK)
            look_at(r, v, account, &info, &seen.at[i]);
    }
    look_at_subscriptions(r, v, account, &seen);
    if (!r->failed)
        folders_seen(r, book, &seen, "the store");
}
