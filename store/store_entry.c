/* The messages of a mailbox in a view: all of them, and what happened to them since a modseq. */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/number.h"
#include "store/store_private.h"

enum {
    PIECE = 256,           /* entries read at once */
    CHANGE_LEN = 12,       /* bytes of a range in the chg table */
    CHANGE_ROWS_FREE = 16, /* rows of the change log that are always worth reading */
    CHANGE_ROWS_SHARE = 4, /* else as many as a quarter of the mailbox has messages */
    CHANGE_RANGES_MAX = 65536,
};

enum store_status store_entries(struct store_view *v, store_mailbox mailbox, uint32_t from_uid,
                                struct store_entry *entries_r, size_t max, size_t *count_r)
{
    *count_r = index_entries(v->txn, mailbox, from_uid, entries_r, max);
    return index_status(v->txn);
}

/* ---- ranges ---- */

struct ranges {
    struct store_range *at;
    size_t count, size;
};

static void ranges_add(struct ranges *r, uint32_t from, uint32_t to)
{
    if (r->count == r->size) {
        r->size = r->size ? r->size * 2 : 64;
        r->at = xrealloc(r->at, r->size * sizeof(*r->at));
    }
    r->at[r->count++] = (struct store_range){from, to};
}

static int range_order(const void *a, const void *b)
{
    const struct store_range *x = a, *y = b;

    return x->from < y->from ? -1 : x->from > y->from;
}

/* Ascending and disjoint; what touches is joined. */
static void ranges_sort(struct ranges *r)
{
    size_t kept = 0;

    if (r->count == 0)
        return;
    qsort(r->at, r->count, sizeof(*r->at), range_order);
    for (size_t i = 1; i < r->count; i++) {
        if (r->at[i].from > (uint64_t)r->at[kept].to + 1)
            r->at[++kept] = r->at[i];
        else if (r->at[i].to > r->at[kept].to)
            r->at[kept].to = r->at[i].to;
    }
    r->count = kept + 1;
}

/* Adds UIDs above all that are there. */
static void ranges_append(struct ranges *r, uint32_t from, uint32_t to)
{
    if (r->count > 0 && r->at[r->count - 1].to + 1 == from)
        r->at[r->count - 1].to = to;
    else
        ranges_add(r, from, to);
}

/* The first UID at or behind `uid`, or the one after the one found last; 0: none. */
static uint32_t uid_find(struct store_view *v, store_mailbox mailbox, uint32_t uid, bool next)
{
    struct index_key from = key_message(mailbox, uid);
    struct span key, value;
    bool found = next ? index_next(v->txn, INDEX_MSG, &key, &value)
                      : index_seek(v->txn, INDEX_MSG, key_span(&from), &key, &value);

    return found && key.len == 12 && key_has_prefix(key, from.bytes, 8) ? key_get32(key.at + 8) : 0;
}

/* The last UID, by steps back from the end that double until one finds something; 0: none. */
static uint32_t uid_last(struct store_view *v, const struct index_mailbox *m)
{
    uint32_t last = 0, uid = 0;

    for (uint64_t back = 1; uid == 0 && back < 2 * (uint64_t)m->uid_next; back *= 2)
        uid = uid_find(v, m->id, back < m->uid_next ? (uint32_t)(m->uid_next - back) : 0, false);
    for (; uid != 0; uid = uid_find(v, m->id, 0, true))
        last = uid;
    return last;
}

/* Where as many messages are left as there are UIDs up to the last, all of them are there: a
 * mailbox without gaps costs two look-ups however long it is, and one that lost its oldest messages
 * is not much dearer. */
enum store_status store_uids(struct store_view *v, store_mailbox mailbox,
                             struct store_range **ranges_r, size_t *count_r)
{
    struct ranges r = {0};
    struct index_mailbox m;
    uint32_t passed = 0, last, uid;

    *ranges_r = NULL;
    *count_r = 0;
    if (!index_mailbox_get(v->txn, mailbox, &m))
        return index_status(v->txn);
    last = uid_last(v, &m);
    uid = uid_find(v, mailbox, 0, false);
    for (; uid != 0 && m.messages - passed != last - uid + 1; passed++) {
        ranges_append(&r, uid, uid);
        uid = uid_find(v, mailbox, 0, true);
    }
    if (uid != 0)
        ranges_append(&r, uid, last);
    *ranges_r = r.at;
    *count_r = r.count;
    return index_status(v->txn);
}

/* ---- changes since ---- */

/* The ranges of one row of the change log that belong to the mailbox. */
static void changes_collect(struct ranges *r, struct span value, uint32_t mailbox)
{
    for (; value.len >= CHANGE_LEN; value = span_after(value, CHANGE_LEN)) {
        if (number_get32(value.at) == mailbox && r->count < CHANGE_RANGES_MAX)
            ranges_add(r, number_get32(value.at + 4), number_get32(value.at + 8));
    }
}

/* What the change log says; false when it does not go back so far or reading the mailbox is
 * cheaper. */
static bool changes_read(struct store_view *v, const struct index_mailbox *m, uint64_t since,
                         struct ranges *r)
{
    struct index_key from = key_changed(mailbox_account(m->id), since + 1);
    size_t rows_max = CHANGE_ROWS_FREE + m->messages / CHANGE_ROWS_SHARE, rows = 0;
    struct index_account account;
    struct span key, value;
    bool found;

    if (!index_account_get(v->txn, mailbox_account(m->id), &account) ||
        since < account.change_floor)
        return false;
    found = index_seek(v->txn, INDEX_CHG, key_span(&from), &key, &value);
    for (; found && key.len == 12 && key_has_prefix(key, from.bytes, 4);
         found = index_next(v->txn, INDEX_CHG, &key, &value)) {
        changes_collect(r, value, mailbox_number(m->id));
        if (++rows > rows_max || r->count >= CHANGE_RANGES_MAX)
            return false;
    }
    ranges_sort(r);
    return true;
}

/* Answers for one mailbox and modseq are kept, since a caller asks piece by piece. */
static void since_load(struct store_view *v, const struct index_mailbox *m, uint64_t since)
{
    struct ranges r = {0};

    if (v->since_mailbox == m->id && v->since_modseq == since)
        return;
    free(v->since);
    v->since_known = changes_read(v, m, since, &r);
    v->since_mailbox = m->id;
    v->since_modseq = since;
    v->since = r.at;
    v->since_count = r.count;
}

struct collect {
    struct store_entry *entries;
    size_t max, count;
    uint64_t since;
};

/* Entries of from..to that are newer than since; false when there is no room for more. */
static bool collect_range(struct store_view *v, store_mailbox mailbox, uint32_t from, uint32_t to,
                          struct collect *c)
{
    struct store_entry piece[PIECE];
    size_t count = PIECE;

    while (count == PIECE && from <= to) {
        count = index_entries(v->txn, mailbox, from, piece, PIECE);
        for (size_t i = 0; i < count && piece[i].uid <= to; i++) {
            if (piece[i].modseq > c->since)
                c->entries[c->count++] = piece[i];
            if (c->count == c->max)
                return false;
        }
        if (count > 0)
            from = piece[count - 1].uid + 1;
    }
    return true;
}

enum store_status store_entries_since(struct store_view *v, store_mailbox mailbox, uint64_t since,
                                      uint32_t from_uid, struct store_entry *entries_r, size_t max,
                                      size_t *count_r)
{
    struct collect c = {.entries = entries_r, .max = max, .since = since};
    struct index_mailbox m;

    *count_r = 0;
    if (!index_mailbox_get(v->txn, mailbox, &m))
        return store_view_missing(v);
    if (m.modseq <= since || max == 0)
        return STORE_OK;
    since_load(v, &m, since);
    if (!v->since_known) {
        collect_range(v, mailbox, from_uid, UINT32_MAX - 1, &c);
    } else {
        for (size_t i = 0; i < v->since_count; i++) {
            struct store_range range = v->since[i];
            if (range.to < from_uid)
                continue;
            if (range.from < from_uid)
                range.from = from_uid;
            if (!collect_range(v, mailbox, range.from, range.to, &c))
                break;
        }
    }
    *count_r = c.count;
    return index_status(v->txn);
}

/* ---- what vanished ---- */

/* All UIDs that ever were and are not there. */
static enum store_status vanished_all(struct store_view *v, const struct index_mailbox *m,
                                      struct ranges *r)
{
    struct store_range *uids;
    size_t count;
    uint32_t next = 1;
    enum store_status status = store_uids(v, m->id, &uids, &count);

    for (size_t i = 0; i < count; i++) {
        if (uids[i].from > next)
            ranges_add(r, next, uids[i].from - 1);
        next = uids[i].to + 1;
    }
    if (next < m->uid_next)
        ranges_add(r, next, m->uid_next - 1);
    free(uids);
    return status;
}

static enum store_status vanished_since(struct store_view *v, const struct index_mailbox *m,
                                        uint64_t since, struct ranges *r)
{
    struct index_key from = key_vanished(m->id, since + 1, 0);
    struct span key, value;
    bool found = index_seek(v->txn, INDEX_VAN, key_span(&from), &key, &value);

    for (; found && key.len == 20 && value.len == 4 && key_has_prefix(key, from.bytes, 8);
         found = index_next(v->txn, INDEX_VAN, &key, &value))
        ranges_add(r, key_get32(key.at + 16), number_get32(value.at));
    ranges_sort(r);
    return index_status(v->txn);
}

enum store_status store_vanished(struct store_view *v, store_mailbox mailbox, uint64_t since,
                                 struct store_range **ranges_r, size_t *count_r)
{
    enum store_status status = STORE_OK;
    struct ranges r = {0};
    struct index_mailbox m;

    *ranges_r = NULL;
    *count_r = 0;
    if (!index_mailbox_get(v->txn, mailbox, &m))
        return store_view_missing(v);
    if (since < m.vanish_floor)
        status = vanished_all(v, &m, &r);
    else if (since < m.modseq)
        status = vanished_since(v, &m, since, &r);
    *ranges_r = r.at;
    *count_r = r.count;
    return status;
}
