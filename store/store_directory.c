/* Accounts, mailboxes and keywords in a view. */

#include "store/index/index_name.h"
#include "store/store_private.h"

enum {
    LOOK_AHEAD = 64, /* entries read at once in search of the first unseen one */
};

enum store_status store_account_find(struct store_view *v, struct span name,
                                     store_account *account_r)
{
    return index_account_find(v->txn, name, account_r) ? STORE_OK : store_view_missing(v);
}

uint32_t store_account_mailboxes(struct store_view *v, store_account account)
{
    struct index_account a;

    return index_account_get(v->txn, account, &a) ? a.mailbox_count : 0;
}

bool store_account_wants_folders(struct store_view *v, store_account account)
{
    struct store_folder folders[STORE_FOLDERS_MAX];
    struct index_account a;

    return index_account_get(v->txn, account, &a) && !a.has_folders &&
           store_folders(v, folders) > 0;
}

size_t store_folders(struct store_view *v, struct store_folder folders_r[STORE_FOLDERS_MAX])
{
    struct span row, folders;
    size_t count = 0;

    if (!index_get(v->txn, INDEX_META, span_str(INDEX_META_FOLDERS), &row) ||
        !command_folders_read(row, &folders))
        return 0;
    while (count < STORE_FOLDERS_MAX && command_folder_next(&folders, &folders_r[count]))
        count++;
    return count;
}

static uint32_t first_unseen(struct store_view *v, const struct index_mailbox *m)
{
    struct store_entry entries[LOOK_AHEAD];
    uint32_t from = m->unseen_from;
    size_t count = LOOK_AHEAD;

    while (m->unseen > 0 && count == LOOK_AHEAD) {
        count = index_entries(v->txn, m->id, from, entries, LOOK_AHEAD);
        for (size_t i = 0; i < count; i++) {
            if (!(entries[i].flags & STORE_SEEN))
                return entries[i].uid;
            from = entries[i].uid + 1;
        }
    }
    return 0;
}

static enum store_status info_fill(struct store_view *v, const struct index_mailbox *m,
                                   struct store_mailbox_info *info)
{
    info->id = m->id;
    info->uid_validity = m->uid_validity;
    info->uid_next = m->uid_next;
    info->messages = m->messages;
    info->unseen = m->unseen;
    info->deleted = m->deleted;
    info->first_unseen_uid = first_unseen(v, m);
    info->recent_from_uid = store_recent_known(v->store, m->id, m->recent_from);
    info->bytes = m->bytes;
    info->modseq = m->modseq;
    info->keywords = m->keywords;
    info->uses = m->uses;
    info->name_len = m->name_len;
    memcpy(info->name, m->name, m->name_len);
    info->name_hash = key_name_hash((struct span){m->name, m->name_len}, 0);
    return index_status(v->txn);
}

enum store_status store_mailbox_get(struct store_view *v, store_mailbox mailbox,
                                    struct store_mailbox_info *info_r)
{
    struct index_mailbox m;

    if (!index_mailbox_get(v->txn, mailbox, &m) || m.is_deleted)
        return store_view_missing(v);
    return info_fill(v, &m, info_r);
}

enum store_status store_mailbox_state(struct store_view *v, store_mailbox mailbox,
                                      uint32_t *uid_validity_r)
{
    struct index_mailbox m;

    if (!index_mailbox_get(v->txn, mailbox, &m) || m.is_deleted)
        return store_view_missing(v);
    *uid_validity_r = m.uid_validity;
    return STORE_OK;
}

enum store_status store_mailbox_find(struct store_view *v, store_account account, struct span name,
                                     struct store_mailbox_info *info_r)
{
    char room[STORE_MAILBOX_NAME_MAX];
    store_mailbox id;
    struct span normal;

    if (!name_mailbox(name, room, &normal))
        return STORE_NOT_FOUND;
    if (!index_mailbox_find(v->txn, account, normal, &id))
        return store_view_missing(v);
    return store_mailbox_get(v, id, info_r);
}

enum store_status store_mailbox_next(struct store_view *v, store_account account, struct span after,
                                     struct store_mailbox_info *info_r)
{
    struct index_mailbox m;

    if (after.len > STORE_MAILBOX_NAME_MAX)
        return STORE_INVALID;
    if (!index_mailbox_next(v->txn, account, after, &m))
        return store_view_missing(v);
    return info_fill(v, &m, info_r);
}

enum store_status store_keyword_name(struct store_view *v, store_account account, unsigned number,
                                     struct span *name_r)
{
    return index_keyword_get(v->txn, account, number, name_r) ? STORE_OK : store_view_missing(v);
}

enum store_status store_keyword_find(struct store_view *v, store_account account, struct span name,
                                     unsigned *number_r)
{
    struct span known;

    for (unsigned i = 0; i < STORE_KEYWORDS_MAX; i++) {
        if (!index_keyword_get(v->txn, account, i, &known))
            break;
        if (span_eq_nocase(known, name)) {
            *number_r = i;
            return STORE_OK;
        }
    }
    return store_view_missing(v);
}
