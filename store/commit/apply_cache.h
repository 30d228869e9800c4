#ifndef STORE_COMMIT_APPLY_CACHE_H
#define STORE_COMMIT_APPLY_CACHE_H

/*
 * apply_cache: the account, mailbox and segment rows that the applier works on. A row is read once,
 * changed in memory by any number of commands, and written once in front of the commit. Rows stay
 * for the next transaction, because nobody else writes the index. The applier's thread only.
 */

#include "core/base/map.h"
#include "store/index/index_lookup.h"

enum {
    CACHE_ROWS_MAX = 8192,        /* of each kind, kept from one transaction to the next */
    CACHE_CHANGES_MAX = 64,       /* ranges of one account in one row of the chg table, about */
    CACHE_CHANGE_ROWS_MAX = 4096, /* rows of the chg table that an account keeps */
};

struct cached_change {
    uint32_t mailbox, from, to;
};

struct cached_account {
    struct index_account row;
    bool is_dirty;
    uint64_t counted_lsn;          /* the record that advanced modseq last: it does so once */
    struct cached_change *changes; /* of this transaction */
    unsigned change_count, change_size;
    char (
        *keywords)[STORE_KEYWORD_LEN_MAX + 1]; /* NULL: not read yet; then keyword_count of them */
};

struct cached_mailbox {
    struct index_mailbox row;
    struct cached_account *account;
    bool is_dirty;
    bool is_touched; /* something happened in this transaction that sessions want to know */
    bool is_gone;    /* its rows were removed */
};

struct cache_list { /* of rows that will be written */
    void **items;
    unsigned count, size;
};

struct apply_cache {
    struct index_txn *txn;     /* of the moment */
    struct map *account_names; /* -> cached_account */
    struct map *accounts, *mailboxes, *segments;
    struct cache_list dirty_accounts, dirty_mailboxes, dirty_segments;
    store_account newest_account;
    bool newest_known, newest_dirty;
};

void cache_init(struct apply_cache *cache);
/* Forgets everything: after an aborted transaction, or because there is too much. */
void cache_clear(struct apply_cache *cache);
/* Writes what changed into the transaction; the marks "dirty" stay for cache_clean(). */
void cache_flush(struct apply_cache *cache);
/* After the commit: everything is as it is on disk. */
void cache_clean(struct apply_cache *cache);

/* NULL when there is none. Pointers stay valid until cache_clear() or cache_clean(). */
struct cached_account *cache_account(struct apply_cache *cache, store_account account);
struct cached_account *cache_account_find(struct apply_cache *cache, struct span name);
struct cached_mailbox *cache_mailbox(struct apply_cache *cache, store_mailbox mailbox);
struct cached_mailbox *cache_mailbox_deleted(struct apply_cache *cache, store_mailbox mailbox);
struct cached_mailbox *cache_inbox(struct apply_cache *cache, struct cached_account *account);

struct cached_account *cache_account_make(struct apply_cache *cache, struct span name);
struct cached_mailbox *cache_mailbox_make(struct apply_cache *cache, struct cached_account *account,
                                          struct span name, int64_t time_us);

/* Its name, or another one; the old one's row goes before, by cache_mailbox_unname(), so that names
 * may change places. */
void cache_mailbox_rename(struct apply_cache *cache, struct cached_mailbox *mailbox,
                          struct span name);
void cache_mailbox_unname(struct apply_cache *cache, struct cached_mailbox *mailbox);
/* A UIDVALIDITY above all that the account ever had. */
void cache_mailbox_renew(struct apply_cache *cache, struct cached_mailbox *mailbox,
                         int64_t time_us);
/* Nameless, and only to be found by cache_mailbox_deleted() from now on. */
void cache_mailbox_delete(struct apply_cache *cache, struct cached_mailbox *mailbox);
/* The rows of a deleted one, in which nothing is left. */
void cache_mailbox_remove(struct apply_cache *cache, struct cached_mailbox *mailbox);

/* The row will be written at the end of the transaction. */
void cache_account_dirty(struct apply_cache *cache, struct cached_account *account);
void cache_mailbox_dirty(struct apply_cache *cache, struct cached_mailbox *mailbox);

/* Advances the account's modseq (once for a record), the mailbox's with it, and notes for the
 * change log that these UIDs were touched. */
void cache_mailbox_touch(struct apply_cache *cache, struct cached_mailbox *mailbox, uint64_t lsn,
                         uint32_t uid_from, uint32_t uid_to);

/* The keyword's number, made when `make` and there is room; -1 when there is none. */
int cache_keyword(struct apply_cache *cache, struct cached_account *account, struct span name,
                  bool make);

/* Adds to the live bytes of a segment. */
void cache_segment_add(struct apply_cache *cache, uint64_t segment, int64_t bytes);

#endif
