#include "store/commit/apply_cache.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/number.h"

struct cached_segment {
    uint64_t segment, live;
    bool is_dirty;
};

enum {
    INBOX_NUMBER = 1,
    CHANGE_LOOK_BACK = 4, /* ranges that a new one may be joined with */
    CHANGE_LEN = 12,      /* bytes of a range in the chg table */
    TRIM_ROWS = 16,       /* old rows of the chg table that go in one transaction */
};

void cache_init(struct apply_cache *c)
{
    *c = (struct apply_cache){0};
    c->account_names = map_new();
    c->accounts = map_new();
    c->mailboxes = map_new();
    c->segments = map_new();
}

static void values_free(struct map *m)
{
    struct span key;
    void *value;

    for (size_t place = 0; map_next(m, &place, &key, &value);)
        free(value);
}

void cache_clear(struct apply_cache *c)
{
    struct span key;
    void *value;

    for (size_t place = 0; map_next(c->accounts, &place, &key, &value);) {
        struct cached_account *a = value;
        free(a->changes);
        free(a->keywords);
        free(a);
    }
    values_free(c->mailboxes);
    values_free(c->segments);
    map_free(&c->account_names);
    map_free(&c->accounts);
    map_free(&c->mailboxes);
    map_free(&c->segments);
    free(c->dirty_accounts.items);
    free(c->dirty_mailboxes.items);
    free(c->dirty_segments.items);
    cache_init(c);
}

/* ---- finding ---- */

static struct cached_account *account_keep(struct apply_cache *c, const struct index_account *row)
{
    struct cached_account *a = xcalloc(1, sizeof(*a));
    uint64_t id = row->id;

    a->row = *row;
    map_put(c->accounts, map_key_u64(&id), a);
    map_put(c->account_names, (struct span){a->row.name, a->row.name_len}, a);
    return a;
}

struct cached_account *cache_account(struct apply_cache *c, store_account account)
{
    uint64_t id = account;
    struct cached_account *a = map_get(c->accounts, map_key_u64(&id));
    struct index_account row;

    if (a || !index_account_get(c->txn, account, &row))
        return a;
    return account_keep(c, &row);
}

struct cached_account *cache_account_find(struct apply_cache *c, struct span name)
{
    struct cached_account *a = map_get(c->account_names, name);
    store_account id;

    if (a || !index_account_find(c->txn, name, &id))
        return a;
    return cache_account(c, id);
}

static struct cached_mailbox *mailbox_keep(struct apply_cache *c, const struct index_mailbox *row,
                                           struct cached_account *account)
{
    struct cached_mailbox *m = xmalloc(sizeof(*m));

    *m = (struct cached_mailbox){.row = *row, .account = account};
    map_put(c->mailboxes, map_key_u64(&row->id), m);
    return m;
}

static struct cached_mailbox *mailbox_any(struct apply_cache *c, store_mailbox mailbox)
{
    struct cached_mailbox *m = map_get(c->mailboxes, map_key_u64(&mailbox));
    struct cached_account *account;
    struct index_mailbox row;

    if (m || !index_mailbox_get(c->txn, mailbox, &row))
        return m;
    account = cache_account(c, mailbox_account(mailbox));
    if (account)
        return mailbox_keep(c, &row, account);
    index_damaged(c->txn, "a mailbox without an account");
    return NULL;
}

struct cached_mailbox *cache_mailbox(struct apply_cache *c, store_mailbox mailbox)
{
    struct cached_mailbox *m = mailbox_any(c, mailbox);

    return m && !m->row.is_deleted ? m : NULL;
}

struct cached_mailbox *cache_mailbox_deleted(struct apply_cache *c, store_mailbox mailbox)
{
    struct cached_mailbox *m = mailbox_any(c, mailbox);

    return m && m->row.is_deleted && !m->is_gone ? m : NULL;
}

struct cached_mailbox *cache_inbox(struct apply_cache *c, struct cached_account *account)
{
    return cache_mailbox(c, mailbox_make(account->row.id, account->row.inbox));
}

/* ---- what will be written ---- */

static void dirty_add(struct cache_list *list, void *row)
{
    if (list->count == list->size) {
        list->size = list->size ? list->size * 2 : 64;
        list->items = xrealloc(list->items, list->size * sizeof(*list->items));
    }
    list->items[list->count++] = row;
}

void cache_account_dirty(struct apply_cache *c, struct cached_account *a)
{
    if (!a->is_dirty)
        dirty_add(&c->dirty_accounts, a);
    a->is_dirty = true;
}

void cache_mailbox_dirty(struct apply_cache *c, struct cached_mailbox *m)
{
    if (!m->is_dirty)
        dirty_add(&c->dirty_mailboxes, m);
    m->is_dirty = true;
}

static bool is_near(const struct cached_change *change, uint32_t mailbox, uint32_t from,
                    uint32_t to)
{
    return change->mailbox == mailbox && from <= (uint64_t)change->to + 1 &&
           change->from <= (uint64_t)to + 1;
}

static void change_widen(struct cached_change *change, uint32_t from, uint32_t to)
{
    if (from < change->from)
        change->from = from;
    if (to > change->to)
        change->to = to;
}

/* The log is a hint: past CACHE_CHANGES_MAX ranges the last one of the mailbox is widened. */
static void change_note(struct cached_account *a, uint32_t mailbox, uint32_t from, uint32_t to)
{
    unsigned count = a->change_count, look = 0;

    for (unsigned i = count; i-- > 0 && look < CHANGE_LOOK_BACK; look++) {
        if (is_near(&a->changes[i], mailbox, from, to)) {
            change_widen(&a->changes[i], from, to);
            return;
        }
    }
    for (unsigned i = count; count >= CACHE_CHANGES_MAX && i-- > 0;) {
        if (a->changes[i].mailbox == mailbox) {
            change_widen(&a->changes[i], from, to);
            return;
        }
    }
    if (count == a->change_size) {
        a->change_size = count ? count * 2 : 4;
        a->changes = xrealloc(a->changes, a->change_size * sizeof(*a->changes));
    }
    a->changes[a->change_count++] = (struct cached_change){mailbox, from, to};
}

void cache_mailbox_touch(struct apply_cache *c, struct cached_mailbox *m, uint64_t lsn,
                         uint32_t uid_from, uint32_t uid_to)
{
    struct cached_account *a = m->account;

    if (a->counted_lsn != lsn)
        a->row.modseq++;
    a->counted_lsn = lsn;
    m->row.modseq = a->row.modseq;
    m->is_touched = true;
    if (uid_from <= uid_to)
        change_note(a, mailbox_number(m->row.id), uid_from, uid_to);
    cache_account_dirty(c, a);
    cache_mailbox_dirty(c, m);
}

/* ---- making ---- */

static store_account account_number(struct apply_cache *c)
{
    struct span value;

    if (!c->newest_known && index_get(c->txn, INDEX_META, span_str(INDEX_META_ACCOUNTS), &value) &&
        value.len == 4)
        c->newest_account = number_get32(value.at);
    c->newest_known = true;
    c->newest_dirty = true;
    return ++c->newest_account;
}

struct cached_account *cache_account_make(struct apply_cache *c, struct span name)
{
    struct index_account row = {.next_mailbox = INBOX_NUMBER, .inbox = INBOX_NUMBER};
    struct index_key key = key_account_name(name);
    struct cached_account *a;
    char number[4];

    ensure(name.len > 0 && name.len <= STORE_ACCOUNT_NAME_MAX);
    row.id = account_number(c);
    row.name_len = (uint32_t)name.len;
    memcpy(row.name, name.at, name.len);
    number_put32(number, row.id);
    index_put(c->txn, INDEX_ACCT, key_span(&key), (struct span){number, sizeof(number)});
    a = account_keep(c, &row);
    cache_account_dirty(c, a);
    return a;
}

/* UIDVALIDITY is the time in seconds, or one more than any that the account ever had. */
static uint32_t uid_validity(struct cached_account *a, int64_t time_us)
{
    uint32_t now = (uint32_t)(time_us / 1000000);

    if (now <= a->row.uid_validity_high)
        now = a->row.uid_validity_high + 1;
    a->row.uid_validity_high = now;
    return now;
}

struct cached_mailbox *cache_mailbox_make(struct apply_cache *c, struct cached_account *a,
                                          struct span name, int64_t time_us)
{
    struct index_mailbox row = {.uid_next = 1, .unseen_from = 1, .recent_from = 1};
    struct cached_mailbox *m;

    row.id = mailbox_make(a->row.id, a->row.next_mailbox++);
    row.uid_validity = uid_validity(a, time_us);
    row.created_us = time_us;
    row.modseq = row.created_modseq = ++a->row.modseq;
    a->row.mailbox_count++;
    m = mailbox_keep(c, &row, a);
    cache_mailbox_rename(c, m, name);
    cache_account_dirty(c, a);
    return m;
}

static struct span name_of(const struct cached_mailbox *m)
{
    return (struct span){m->row.name, m->row.name_len};
}

/* The row is written at once because finding a long name reads it: what is found may not depend on
 * where one transaction ends and the next begins. */
void cache_mailbox_rename(struct apply_cache *c, struct cached_mailbox *m, struct span name)
{
    struct index_key key = key_mailbox(m->row.id);
    char value[RECORD_MAILBOX_MAX], number[4];

    ensure(name.len > 0 && name.len <= STORE_MAILBOX_NAME_MAX);
    m->row.name_len = (uint32_t)name.len;
    memcpy(m->row.name, name.at, name.len);
    index_put(c->txn, INDEX_MBOX, key_span(&key),
              (struct span){value, record_mailbox_write(value, &m->row)});
    key = key_name(m->account->row.id, name);
    number_put32(number, mailbox_number(m->row.id));
    index_put(c->txn, INDEX_NAME, key_span(&key), (struct span){number, sizeof(number)});
    cache_mailbox_dirty(c, m);
}

void cache_mailbox_unname(struct apply_cache *c, struct cached_mailbox *m)
{
    struct index_key key = key_name(m->account->row.id, name_of(m));

    index_delete(c->txn, INDEX_NAME, key_span(&key));
}

void cache_mailbox_renew(struct apply_cache *c, struct cached_mailbox *m, int64_t time_us)
{
    m->row.uid_validity = uid_validity(m->account, time_us);
    cache_mailbox_dirty(c, m);
    cache_account_dirty(c, m->account);
}

void cache_mailbox_delete(struct apply_cache *c, struct cached_mailbox *m)
{
    struct index_key key = key_mailbox(m->row.id);

    cache_mailbox_unname(c, m);
    index_put(c->txn, INDEX_DEAD, key_span(&key), SPAN(""));
    m->row.is_deleted = m->is_touched = true;
    m->account->row.mailbox_count--;
    cache_mailbox_dirty(c, m);
    cache_account_dirty(c, m->account);
}

void cache_mailbox_remove(struct apply_cache *c, struct cached_mailbox *m)
{
    struct index_key key = key_mailbox(m->row.id);

    ensure(m->row.is_deleted);
    index_delete(c->txn, INDEX_DEAD, key_span(&key));
    index_delete(c->txn, INDEX_MBOX, key_span(&key));
    m->is_gone = true;
}

/* ---- keywords ---- */

static bool keywords_read(struct apply_cache *c, struct cached_account *a)
{
    a->keywords = xcalloc(STORE_KEYWORDS_MAX, sizeof(*a->keywords));
    for (unsigned i = 0; i < a->row.keyword_count; i++) {
        struct span name;
        if (!index_keyword_get(c->txn, a->row.id, i, &name) || name.len > STORE_KEYWORD_LEN_MAX) {
            index_damaged(c->txn, "a keyword");
            return false;
        }
        memcpy(a->keywords[i], name.at, name.len);
    }
    return true;
}

int cache_keyword(struct apply_cache *c, struct cached_account *a, struct span name, bool make)
{
    struct index_key key;
    unsigned count = a->row.keyword_count;

    if (!a->keywords && !keywords_read(c, a))
        return -1;
    for (unsigned i = 0; i < count; i++) {
        if (span_eq_nocase(span_str(a->keywords[i]), name))
            return (int)i;
    }
    if (!make || count == STORE_KEYWORDS_MAX)
        return -1;
    ensure(name.len <= STORE_KEYWORD_LEN_MAX);
    memcpy(a->keywords[count], name.at, name.len);
    key = key_keyword(a->row.id, count);
    index_put(c->txn, INDEX_KW, key_span(&key), name);
    a->row.keyword_count++;
    cache_account_dirty(c, a);
    return (int)count;
}

/* ---- segments ---- */

static struct cached_segment *segment_of(struct apply_cache *c, uint64_t segment)
{
    struct cached_segment *s = map_get(c->segments, map_key_u64(&segment));
    struct index_key key = key_segment(segment, 0);
    struct span value;

    if (s)
        return s;
    s = xcalloc(1, sizeof(*s));
    s->segment = segment;
    if (index_get(c->txn, INDEX_SEG, key_span(&key), &value) && value.len == 8)
        s->live = number_get64(value.at);
    map_put(c->segments, map_key_u64(&segment), s);
    return s;
}

void cache_segment_add(struct apply_cache *c, uint64_t segment, int64_t bytes)
{
    struct cached_segment *s = segment_of(c, segment);

    if (bytes < 0 && s->live < (uint64_t)-bytes)
        index_damaged(c->txn, "live bytes of a segment");
    else
        s->live += (uint64_t)bytes;
    if (!s->is_dirty)
        dirty_add(&c->dirty_segments, s);
    s->is_dirty = true;
}

/* ---- the end of a transaction ---- */

/* Deletes the oldest rows of an account's change log when it has too many. */
static void changes_trim(struct apply_cache *c, struct cached_account *a)
{
    struct index_key from = key_changed(a->row.id, 0), old;
    struct span key, value;

    for (unsigned i = 0; i < TRIM_ROWS && a->row.change_count > CACHE_CHANGE_ROWS_MAX; i++) {
        if (!index_seek(c->txn, INDEX_CHG, key_span(&from), &key, &value) || key.len != 12 ||
            !key_has_prefix(key, from.bytes, 4))
            return;
        a->row.change_floor = key_get64(key.at + 4);
        a->row.change_count--;
        old = key_changed(a->row.id, a->row.change_floor);
        index_delete(c->txn, INDEX_CHG, key_span(&old));
    }
}

static void changes_flush(struct apply_cache *c, struct cached_account *a)
{
    struct index_key key = key_changed(a->row.id, a->row.modseq);
    size_t len = (size_t)a->change_count * CHANGE_LEN;
    char *value;

    if (a->change_count == 0)
        return;
    value = xmalloc(len);
    for (unsigned i = 0; i < a->change_count; i++) {
        number_put32(value + i * CHANGE_LEN, a->changes[i].mailbox);
        number_put32(value + i * CHANGE_LEN + 4, a->changes[i].from);
        number_put32(value + i * CHANGE_LEN + 8, a->changes[i].to);
    }
    index_put(c->txn, INDEX_CHG, key_span(&key), (struct span){value, len});
    free(value);
    a->row.change_count++;
    changes_trim(c, a);
}

static void segment_flush(struct apply_cache *c, const struct cached_segment *s)
{
    struct index_key key = key_segment(s->segment, 0);
    char value[8];

    number_put64(value, s->live);
    if (s->live == 0)
        index_delete(c->txn, INDEX_SEG, key_span(&key));
    else
        index_put(c->txn, INDEX_SEG, key_span(&key), (struct span){value, sizeof(value)});
}

void cache_flush(struct apply_cache *c)
{
    char value[RECORD_MAILBOX_MAX];
    struct index_key key;
    size_t len;

    for (unsigned i = 0; i < c->dirty_mailboxes.count; i++) {
        const struct cached_mailbox *m = c->dirty_mailboxes.items[i];
        if (m->is_gone)
            continue;
        key = key_mailbox(m->row.id);
        len = record_mailbox_write(value, &m->row);
        index_put(c->txn, INDEX_MBOX, key_span(&key), (struct span){value, len});
    }
    for (unsigned i = 0; i < c->dirty_accounts.count; i++) {
        struct cached_account *a = c->dirty_accounts.items[i];
        changes_flush(c, a);
        key = key_account(a->row.id);
        index_put(c->txn, INDEX_ACCT, key_span(&key),
                  (struct span){value, record_account_write(value, &a->row)});
    }
    for (unsigned i = 0; i < c->dirty_segments.count; i++)
        segment_flush(c, c->dirty_segments.items[i]);
    if (c->newest_dirty) {
        number_put32(value, c->newest_account);
        index_put(c->txn, INDEX_META, span_str(INDEX_META_ACCOUNTS), (struct span){value, 4});
    }
}

void cache_clean(struct apply_cache *c)
{
    for (unsigned i = 0; i < c->dirty_mailboxes.count; i++) {
        struct cached_mailbox *m = c->dirty_mailboxes.items[i];
        m->is_dirty = m->is_touched = false;
    }
    for (unsigned i = 0; i < c->dirty_accounts.count; i++) {
        struct cached_account *a = c->dirty_accounts.items[i];
        a->is_dirty = false;
        a->change_count = 0;
    }
    for (unsigned i = 0; i < c->dirty_segments.count; i++) {
        struct cached_segment *s = c->dirty_segments.items[i];
        s->is_dirty = false;
    }
    c->dirty_mailboxes.count = c->dirty_accounts.count = c->dirty_segments.count = 0;
    c->newest_dirty = false;
    if (map_count(c->mailboxes) > CACHE_ROWS_MAX || map_count(c->accounts) > CACHE_ROWS_MAX ||
        map_count(c->segments) > CACHE_ROWS_MAX)
        cache_clear(c);
}
