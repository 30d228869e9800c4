#include "store/index/index_lookup.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/number.h"
#include "store/index/index_name.h"

enum {
    SUBSCRIPTION_VERSION = 1,
};

enum store_status index_identify(struct index_txn *t, struct span store_id)
{
    struct span format, id;

    if (!index_get(t, INDEX_META, span_str(INDEX_META_FORMAT), &format) || format.len != 4 ||
        !index_get(t, INDEX_META, span_str(INDEX_META_STORE), &id))
        return index_status(t) == STORE_OK ? STORE_CORRUPT : index_status(t);
    if (number_get32(format.at) > INDEX_FORMAT)
        return STORE_VERSION;
    return span_eq(id, store_id) ? STORE_OK : STORE_CORRUPT;
}

bool index_is_older(struct index_txn *t)
{
    struct span format;

    return index_get(t, INDEX_META, span_str(INDEX_META_FORMAT), &format) && format.len == 4 &&
           number_get32(format.at) < INDEX_FORMAT;
}

void index_identify_write(struct index_txn *t, struct span store_id)
{
    char format[4];

    number_put32(format, INDEX_FORMAT);
    index_put(t, INDEX_META, span_str(INDEX_META_FORMAT), (struct span){format, sizeof(format)});
    index_put(t, INDEX_META, span_str(INDEX_META_STORE), store_id);
}

struct journal_mark index_mark(struct index_txn *t)
{
    struct journal_mark mark = {0};
    struct span value;

    if (index_get(t, INDEX_META, span_str(INDEX_META_MARK), &value) &&
        !record_mark_read(value, &mark))
        index_damaged(t, "the mark");
    return mark;
}

void index_mark_write(struct index_txn *t, const struct journal_mark *mark)
{
    char value[RECORD_MARK_LEN];

    index_put(t, INDEX_META, span_str(INDEX_META_MARK),
              (struct span){value, record_mark_write(value, mark)});
}

bool index_account_find(struct index_txn *t, struct span name, store_account *account_r)
{
    struct index_key key = key_account_name(name);
    struct span value;

    if (name.len > STORE_ACCOUNT_NAME_MAX || !index_get(t, INDEX_ACCT, key_span(&key), &value))
        return false;
    if (value.len != 4) {
        index_damaged(t, "an account's name");
        return false;
    }
    *account_r = number_get32(value.at);
    return true;
}

bool index_account_get(struct index_txn *t, store_account account, struct index_account *a)
{
    struct index_key key = key_account(account);
    struct span value;

    if (!index_get(t, INDEX_ACCT, key_span(&key), &value))
        return false;
    if (!record_account_read(value, a)) {
        index_damaged(t, "an account");
        return false;
    }
    a->id = account;
    return true;
}

bool index_mailbox_get(struct index_txn *t, store_mailbox mailbox, struct index_mailbox *m)
{
    struct index_key key = key_mailbox(mailbox);
    struct span value;

    if (!index_get(t, INDEX_MBOX, key_span(&key), &value))
        return false;
    if (!record_mailbox_read(value, m)) {
        index_damaged(t, "a mailbox");
        return false;
    }
    m->id = mailbox;
    return true;
}

/* Long names share a key when their hashes do: the record has the last word. */
static bool has_name(struct index_txn *t, store_mailbox mailbox, struct span name)
{
    struct index_mailbox m;

    return name.len <= INDEX_NAME_KEY_MAX ||
           (index_mailbox_get(t, mailbox, &m) && span_eq((struct span){m.name, m.name_len}, name));
}

bool index_mailbox_find(struct index_txn *t, store_account account, struct span name,
                        store_mailbox *mailbox_r)
{
    struct index_key key = key_name(account, name);
    struct span value;

    if (!index_get(t, INDEX_NAME, key_span(&key), &value))
        return false;
    if (value.len != 4) {
        index_damaged(t, "a mailbox's name");
        return false;
    }
    *mailbox_r = mailbox_make(account, number_get32(value.at));
    return has_name(t, *mailbox_r, name);
}

bool index_name_number(struct index_txn *t, store_account account, struct span name,
                       uint32_t *number_r)
{
    struct index_key key = key_name(account, name);
    struct span value;

    if (!index_get(t, INDEX_NAME, key_span(&key), &value) || value.len != 4)
        return false;
    *number_r = number_get32(value.at);
    return true;
}

bool index_name_is_taken(struct index_txn *t, store_account account, struct span name)
{
    uint32_t number;

    return index_name_number(t, account, name, &number);
}

/* ---- a name and what is below it ---- */

struct below {
    struct index_txn *txn;
    store_account account;
    struct span name;
    size_t max, count, size;
    uint32_t *numbers;
};

static void below_add(struct below *b, uint32_t number)
{
    if (b->count == b->size) {
        b->size = b->size ? b->size * 2 : 16;
        b->numbers = xrealloc(b->numbers, b->size * sizeof(*b->numbers));
    }
    b->numbers[b->count++] = number;
}

/* Rows whose keys begin so. Keys of long names do not tell: then the mailbox's own name does. */
static void below_walk(struct below *b, struct span prefix, bool is_sure)
{
    struct span key, value;
    struct index_mailbox m;
    bool found = b->count < b->max && index_seek(b->txn, INDEX_NAME, prefix, &key, &value);

    for (; found && key_has_prefix(key, prefix.at, prefix.len) && value.len == 4;
         found = b->count < b->max && index_next(b->txn, INDEX_NAME, &key, &value)) {
        uint32_t number = number_get32(value.at);

        if (is_sure || (index_mailbox_get(b->txn, mailbox_make(b->account, number), &m) &&
                        name_is_below((struct span){m.name, m.name_len}, b->name)))
            below_add(b, number);
    }
}

size_t index_names_below(struct index_txn *t, store_account account, struct span name, size_t max,
                         uint32_t **numbers_r)
{
    struct below b = {.txn = t, .account = account, .name = name, .max = max};
    bool is_sure = name.len < INDEX_NAME_KEY_MAX;
    struct index_key prefix = key_name(account, span_first(name, INDEX_NAME_KEY_MAX));
    store_mailbox id;

    if (index_mailbox_find(t, account, name, &id))
        below_add(&b, mailbox_number(id));
    if (is_sure)
        prefix.bytes[prefix.len++] = 1; /* '/' */
    below_walk(&b, key_span(&prefix), is_sure);
    *numbers_r = b.numbers;
    return b.count;
}

bool index_mailbox_next(struct index_txn *t, store_account account, struct span after,
                        struct index_mailbox *m)
{
    struct index_key from = key_name(account, after);
    struct span key, value;
    bool found = index_seek(t, INDEX_NAME, key_span(&from), &key, &value);

    if (found && after.len > 0 && span_eq(key, key_span(&from)))
        found = index_next(t, INDEX_NAME, &key, &value);
    if (!found || !key_has_prefix(key, from.bytes, 4) || value.len != 4)
        return false;
    if (index_mailbox_get(t, mailbox_make(account, number_get32(value.at)), m))
        return true;
    index_damaged(t, "a mailbox's name without the mailbox");
    return false;
}

/* ---- subscriptions ---- */

/* The name of a row; false when there is none, or it is damaged. */
static bool subscription_read(struct index_txn *t, struct span value, struct span *name_r)
{
    if (value.len < 2 || value.len > 1 + STORE_MAILBOX_NAME_MAX ||
        value.at[0] != SUBSCRIPTION_VERSION) {
        index_damaged(t, "a subscription");
        return false;
    }
    *name_r = span_after(value, 1);
    return true;
}

bool index_subscription_find(struct index_txn *t, store_account account, struct span name)
{
    struct index_key key = key_name(account, name);
    struct span value, found;

    return index_get(t, INDEX_SUB, key_span(&key), &value) && subscription_read(t, value, &found) &&
           span_eq(found, name);
}

bool index_subscription_next(struct index_txn *t, store_account account, struct span after,
                             struct span *name_r)
{
    struct index_key from = key_name(account, after);
    struct span key, value;
    bool found = index_seek(t, INDEX_SUB, key_span(&from), &key, &value);

    if (found && after.len > 0 && span_eq(key, key_span(&from)))
        found = index_next(t, INDEX_SUB, &key, &value);
    return found && key_has_prefix(key, from.bytes, 4) && subscription_read(t, value, name_r);
}

void index_subscription_write(struct index_txn *t, store_account account, struct span name)
{
    struct index_key key = key_name(account, name);
    char value[1 + STORE_MAILBOX_NAME_MAX];

    value[0] = SUBSCRIPTION_VERSION;
    memcpy(value + 1, name.at, name.len);
    index_put(t, INDEX_SUB, key_span(&key), (struct span){value, 1 + name.len});
}

bool index_keyword_get(struct index_txn *t, store_account account, unsigned number,
                       struct span *name_r)
{
    struct index_key key = key_keyword(account, number);

    return index_get(t, INDEX_KW, key_span(&key), name_r);
}

static bool entry_read(struct index_txn *t, uint32_t uid, struct span value, struct store_entry *e)
{
    if (record_message_read(value, e) && e->uid == uid && uid != 0 && uid != UINT32_MAX)
        return true;
    index_damaged(t, "an entry");
    return false;
}

size_t index_entries(struct index_txn *t, store_mailbox mailbox, uint32_t from_uid,
                     struct store_entry *entries, size_t max)
{
    struct index_key from = key_message(mailbox, from_uid);
    struct span key, value;
    size_t count = 0;
    bool found = max > 0 && index_seek(t, INDEX_MSG, key_span(&from), &key, &value);

    while (found && key.len == 12 && key_has_prefix(key, from.bytes, 8)) {
        if (!entry_read(t, key_get32(key.at + 8), value, &entries[count]))
            return 0;
        if (++count == max)
            break;
        found = index_next(t, INDEX_MSG, &key, &value);
    }
    return count;
}

bool index_body_get(struct index_txn *t, store_message message, struct index_body *b)
{
    struct index_key key = key_body(message);
    struct span value;

    if (!index_get(t, INDEX_BODY, key_span(&key), &value))
        return false;
    if (!record_body_read(value, b)) {
        index_damaged(t, "a body");
        return false;
    }
    return true;
}
