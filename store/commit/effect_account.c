/* Accounts, and the mailboxes that are made with each. */

#include "store/commit/effect.h"
#include "store/index/index_name.h"

/* One of the folders: made when it is not there and has room; one that is there keeps its uses. */
static void folder_give(struct effect *e, struct cached_account *a,
                        const struct store_folder *folder)
{
    struct cached_mailbox *m = effect_mailbox_find(e, a, folder->name);
    char room[STORE_MAILBOX_NAME_MAX];
    struct span normal;

    if (!name_mailbox(folder->name, room, &normal))
        return;
    if (!m && a->row.mailbox_count + NAME_LEVELS_MAX <= STORE_MAILBOXES_MAX &&
        !index_name_is_taken(e->txn, a->row.id, normal))
        m = effect_mailbox_make(e, a, normal);
    if (!m)
        return;
    if (m->row.uses == 0 && folder->uses != 0) {
        m->row.uses = folder->uses;
        cache_mailbox_dirty(e->cache, m);
    }
    effect_subscribe(e, a, normal);
}

/* Once for each account. As long as nobody said which folders there are, an account waits for
 * them. */
static void folders_give(struct effect *e, struct cached_account *a)
{
    struct store_folder folder;
    struct span row, folders;

    if (a->row.has_folders || !index_get(e->txn, INDEX_META, span_str(INDEX_META_FOLDERS), &row) ||
        !command_folders_read(row, &folders) || folders.len == 0)
        return;
    a->row.has_folders = true;
    cache_account_dirty(e->cache, a);
    effect_subscribe(e, a, SPAN("INBOX"));
    for (size_t left = folders.len; left > 0; left = folders.len) {
        /* Found anew each time: making a mailbox writes, and what was read may move then. */
        if (!index_get(e->txn, INDEX_META, span_str(INDEX_META_FOLDERS), &row) || row.len < left)
            return;
        folders = span_after(row, row.len - left);
        if (!command_folder_next(&folders, &folder))
            return;
        folder_give(e, a, &folder);
    }
}

struct cached_account *effect_account_make(struct effect *e, struct span name)
{
    struct cached_account *a = cache_account_find(e->cache, name);

    if (a)
        return a;
    a = cache_account_make(e->cache, name);
    cache_mailbox_make(e->cache, a, SPAN("INBOX"), e->time_us);
    folders_give(e, a);
    return a;
}

void effect_account(struct effect *e, const struct journal_record *record)
{
    struct store_result *result = effect_result(e);
    struct cached_mailbox *inbox;
    struct cached_account *a;
    struct span name;

    if (!command_account_read(record->args, &name))
        return;
    a = effect_account_make(e, name);
    folders_give(e, a);
    inbox = cache_inbox(e->cache, a);
    if (inbox)
        effect_result_mailbox(result, inbox);
}

void effect_folders(struct effect *e, const struct journal_record *record)
{
    struct span folders;

    (void)effect_result(e);
    if (command_folders_read(record->args, &folders))
        index_put(e->txn, INDEX_META, span_str(INDEX_META_FOLDERS), record->args);
}
