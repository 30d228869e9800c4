/*
 * Mailboxes: made, deleted, renamed, subscribed. For each command, whether it can happen and what
 * it does; the second looks at what the first looked at, and when things changed in between (by an
 * earlier command of the same change) it does nothing.
 */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "store/commit/effect.h"
#include "store/index/index_name.h"

enum {
    BELOW_MAX = STORE_MAILBOXES_MAX + 1, /* mailboxes that one rename may move */
};

static bool is_inbox(struct span name)
{
    return span_eq(name, SPAN("INBOX"));
}

static bool has_below(struct effect *e, store_account account, struct span name)
{
    uint32_t *numbers;
    size_t count = index_names_below(e->txn, account, name, 1, &numbers);

    free(numbers);
    return count > 0;
}

/* ---- making ---- */

/* How many mailboxes making this one would make. */
static unsigned levels_missing(struct effect *e, store_account account, struct span name)
{
    unsigned missing = 0;

    for (; name.len > 0; name = name_above(name))
        missing += !index_name_is_taken(e->txn, account, name);
    return missing;
}

struct cached_mailbox *effect_mailbox_make(struct effect *e, struct cached_account *account,
                                           struct span name)
{
    struct cached_mailbox *m = NULL;

    for (size_t len = 1; len <= name.len; len++) {
        struct span level = span_first(name, len);

        if ((len == name.len || name.at[len] == '/') &&
            !index_name_is_taken(e->txn, account->row.id, level))
            m = cache_mailbox_make(e->cache, account, level, e->time_us);
    }
    return m;
}

static enum store_status check_create(struct effect *e, const struct cached_account *account,
                                      struct span name, bool with_levels)
{
    unsigned made = with_levels ? levels_missing(e, account->row.id, name) : 1;

    if (index_name_is_taken(e->txn, account->row.id, name))
        return STORE_EXISTS;
    return account->row.mailbox_count + made > STORE_MAILBOXES_MAX ? STORE_OVER_QUOTA : STORE_OK;
}

static struct cached_mailbox *create(struct effect *e, struct cached_account *account,
                                     struct span name, const struct command_mailbox *command)
{
    bool with_levels = command->what == COMMAND_MAILBOX_CREATE;
    struct cached_mailbox *m;

    if (check_create(e, account, name, with_levels) != STORE_OK)
        return NULL;
    m = with_levels ? effect_mailbox_make(e, account, name)
                    : cache_mailbox_make(e->cache, account, name, e->time_us);
    m->row.uses = command->uses;
    m->is_touched = true;
    return m;
}

/* ---- deleting ---- */

static enum store_status check_delete(struct effect *e, struct cached_account *account,
                                      struct span name)
{
    if (is_inbox(name))
        return STORE_INVALID;
    if (effect_mailbox_find(e, account, name))
        return STORE_OK;
    return has_below(e, account->row.id, name) ? STORE_INVALID : STORE_NOT_FOUND;
}

static struct cached_mailbox *remove_it(struct effect *e, struct cached_account *account,
                                        struct span name)
{
    struct cached_mailbox *m = effect_mailbox_find(e, account, name);

    if (!m || is_inbox(name))
        return NULL;
    cache_mailbox_delete(e->cache, m);
    if (m->row.messages == 0 && m->row.vanish_count == 0)
        cache_mailbox_remove(e->cache, m);
    return m;
}

/* ---- renaming ---- */

/* A rename as it is judged and done: the mailboxes that change their name. */
struct renaming {
    struct cached_account *account;
    struct span from, to;
    uint32_t *numbers; /* ascending */
    size_t count;
};

static int number_order(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void renaming_begin(struct renaming *r, struct effect *e)
{
    r->count = index_names_below(e->txn, r->account->row.id, r->from, BELOW_MAX, &r->numbers);
    if (r->count > 0)
        qsort(r->numbers, r->count, sizeof(*r->numbers), number_order);
}

static struct cached_mailbox *renaming_mailbox(const struct renaming *r, struct effect *e, size_t i)
{
    return cache_mailbox(e->cache, mailbox_make(r->account->row.id, r->numbers[i]));
}

/* The new name of a mailbox; false when it can't be one. `room` as for name_mailbox(). */
static bool renamed(const struct renaming *r, const struct cached_mailbox *m, char *room,
                    struct span *name_r)
{
    char text[STORE_MAILBOX_NAME_MAX];
    size_t rest = m->row.name_len - r->from.len;

    if (r->to.len + rest > sizeof(text))
        return false;
    memcpy(text, r->to.at, r->to.len);
    memcpy(text + r->to.len, m->row.name + r->from.len, rest);
    return name_mailbox((struct span){text, r->to.len + rest}, room, name_r);
}

/* What has the new name already may be one that gets another itself. */
static enum store_status check_renamed(const struct renaming *r, struct effect *e, size_t i)
{
    const struct cached_mailbox *m = renaming_mailbox(r, e, i);
    char room[STORE_MAILBOX_NAME_MAX];
    struct span name;
    uint32_t taker;

    if (!m || !renamed(r, m, room, &name))
        return STORE_INVALID;
    if (index_name_number(e->txn, r->account->row.id, name, &taker) &&
        !bsearch(&taker, r->numbers, r->count, sizeof(taker), number_order))
        return STORE_EXISTS;
    return STORE_OK;
}

static enum store_status check_rename(struct effect *e, struct renaming *r)
{
    enum store_status status = STORE_OK;
    struct span above = name_above(r->to);
    unsigned made = levels_missing(e, r->account->row.id, above);

    if (is_inbox(r->to) || index_name_is_taken(e->txn, r->account->row.id, r->to))
        return STORE_EXISTS;
    if (is_inbox(r->from)) {
        made++;
    } else {
        if (name_is_below(r->to, r->from))
            return STORE_INVALID;
        renaming_begin(r, e);
        if (r->count == 0)
            return STORE_NOT_FOUND;
    }
    for (size_t i = 0; i < r->count && status == STORE_OK; i++)
        status = check_renamed(r, e, i);
    if (status == STORE_OK && made > 0 &&
        r->account->row.mailbox_count + made > STORE_MAILBOXES_MAX)
        status = STORE_OVER_QUOTA;
    return status;
}

/* All names go before the first one comes, as some may change places. */
static struct cached_mailbox *rename_all(struct effect *e, struct renaming *r)
{
    char room[STORE_MAILBOX_NAME_MAX];
    struct cached_mailbox *m = NULL;
    struct span name;

    for (size_t i = 0; i < r->count; i++)
        cache_mailbox_unname(e->cache, renaming_mailbox(r, e, i));
    for (size_t i = 0; i < r->count; i++) {
        m = renaming_mailbox(r, e, i);
        if (renamed(r, m, room, &name))
            cache_mailbox_rename(e->cache, m, name);
    }
    return m;
}

/* The mailbox of INBOX's messages gets the new name and, as its own, a new UIDVALIDITY; the one
 * that is INBOX from now on goes on where it was, except that all before has vanished. */
static struct cached_mailbox *rename_inbox(struct effect *e, struct renaming *r, uint64_t lsn)
{
    struct cached_account *a = r->account;
    struct cached_mailbox *old = cache_inbox(e->cache, a), *inbox;
    uint32_t validity, uid_next;

    if (!old)
        return NULL;
    validity = old->row.uid_validity;
    uid_next = old->row.uid_next;
    cache_mailbox_unname(e->cache, old);
    cache_mailbox_renew(e->cache, old, e->time_us);
    cache_mailbox_rename(e->cache, old, r->to);
    inbox = cache_mailbox_make(e->cache, a, r->from, e->time_us);
    inbox->row.uid_validity = validity;
    inbox->row.uid_next = inbox->row.unseen_from = inbox->row.recent_from = uid_next;
    a->row.inbox = mailbox_number(inbox->row.id);
    cache_mailbox_touch(e->cache, old, lsn, 1, 0);
    cache_mailbox_touch(e->cache, inbox, lsn, 1, 0);
    inbox->row.vanish_floor = inbox->row.modseq;
    return old;
}

static struct cached_mailbox *rename_it(struct effect *e, struct cached_account *account,
                                        struct span from, struct span to, uint64_t lsn)
{
    struct renaming r = {.account = account, .from = from, .to = to};
    struct cached_mailbox *m = NULL;

    if (check_rename(e, &r) == STORE_OK) {
        (void)effect_mailbox_make(e, account, name_above(to));
        m = is_inbox(from) ? rename_inbox(e, &r, lsn) : rename_all(e, &r);
    }
    free(r.numbers);
    return m;
}

/* ---- subscribing ---- */

static enum store_status check_subscribe(struct effect *e, struct cached_account *account,
                                         struct span name)
{
    if (index_subscription_find(e->txn, account->row.id, name))
        return STORE_OK;
    if (!has_below(e, account->row.id, name))
        return STORE_NOT_FOUND;
    return account->row.subscription_count < STORE_MAILBOXES_MAX ? STORE_OK : STORE_OVER_QUOTA;
}

void effect_subscribe(struct effect *e, struct cached_account *account, struct span name)
{
    struct index_key key = key_name(account->row.id, name);
    struct span value;

    if (index_get(e->txn, INDEX_SUB, key_span(&key), &value) ||
        account->row.subscription_count >= STORE_MAILBOXES_MAX)
        return;
    index_subscription_write(e->txn, account->row.id, name);
    account->row.subscription_count++;
    cache_account_dirty(e->cache, account);
}

static void unsubscribe(struct effect *e, struct cached_account *account, struct span name)
{
    struct index_key key = key_name(account->row.id, name);

    if (!index_subscription_find(e->txn, account->row.id, name))
        return;
    index_delete(e->txn, INDEX_SUB, key_span(&key));
    account->row.subscription_count--;
    cache_account_dirty(e->cache, account);
}

/* ---- all of them ---- */

enum store_status effect_mailbox_check(struct effect *e, const struct command_mailbox *command)
{
    char room[STORE_MAILBOX_NAME_MAX], to_room[STORE_MAILBOX_NAME_MAX];
    struct renaming r = {.account = cache_account(e->cache, command->account)};
    enum store_status status = STORE_OK;

    if (!name_mailbox(command->name, room, &r.from))
        return STORE_INVALID;
    if (!r.account)
        return STORE_NOT_FOUND;
    switch (command->what) {
    case COMMAND_MAILBOX_CREATE_ONE:
    case COMMAND_MAILBOX_CREATE:
        return check_create(e, r.account, r.from, command->what == COMMAND_MAILBOX_CREATE);
    case COMMAND_MAILBOX_DELETE:
        return check_delete(e, r.account, r.from);
    case COMMAND_MAILBOX_RENAME:
        status = name_mailbox(command->to, to_room, &r.to) ? check_rename(e, &r) : STORE_INVALID;
        free(r.numbers);
        return status;
    case COMMAND_MAILBOX_SUBSCRIBE:
        return check_subscribe(e, r.account, r.from);
    case COMMAND_MAILBOX_UNSUBSCRIBE:
        break;
    }
    return STORE_OK;
}

void effect_mailbox(struct effect *e, const struct journal_record *record)
{
    struct store_result *result = effect_result(e);
    char room[STORE_MAILBOX_NAME_MAX], to_room[STORE_MAILBOX_NAME_MAX];
    struct command_mailbox command;
    struct cached_account *account;
    struct cached_mailbox *m = NULL;
    struct span name, to;

    if (!command_mailbox_read(record->args, &command) || !name_mailbox(command.name, room, &name))
        return;
    account = cache_account(e->cache, command.account);
    if (!account)
        return;
    result->account = account->row.id;
    if (command.what <= COMMAND_MAILBOX_CREATE)
        m = create(e, account, name, &command);
    else if (command.what == COMMAND_MAILBOX_DELETE)
        m = remove_it(e, account, name);
    else if (command.what == COMMAND_MAILBOX_RENAME && name_mailbox(command.to, to_room, &to))
        m = rename_it(e, account, name, to, record->lsn);
    else if (command.what == COMMAND_MAILBOX_SUBSCRIBE)
        effect_subscribe(e, account, name);
    else if (command.what == COMMAND_MAILBOX_UNSUBSCRIBE)
        unsubscribe(e, account, name);
    if (m)
        effect_result_mailbox(result, m);
}
