#ifndef STORE_INDEX_INDEX_LOOKUP_H
#define STORE_INDEX_INDEX_LOOKUP_H

/*
 * index_lookup: finding decoded rows, for views and for the applier alike. False (or 0 entries)
 * means that there is none or that the transaction is in trouble: index_status() tells.
 */

#include "store/index/index_env.h"
#include "store/index/index_key.h"
#include "store/index/index_record.h"

/* STORE_VERSION when a newer program wrote it; STORE_CORRUPT when it is another log's, or has no
 * rows of its own yet. */
MUST_USE enum store_status index_identify(struct index_txn *txn, struct span store_id);
void index_identify_write(struct index_txn *txn, struct span store_id);
/* Whether an older program wrote it last: then index_identify_write() comes before the rest. */
MUST_USE bool index_is_older(struct index_txn *txn);

struct journal_mark index_mark(struct index_txn *txn); /* zero: nothing applied yet */
void index_mark_write(struct index_txn *txn, const struct journal_mark *mark);

MUST_USE bool index_account_find(struct index_txn *txn, struct span name, store_account *account_r);
MUST_USE bool index_account_get(struct index_txn *txn, store_account account,
                                struct index_account *account_r);

/* `name` as name_mailbox() made it. */
MUST_USE bool index_mailbox_find(struct index_txn *txn, store_account account, struct span name,
                                 store_mailbox *mailbox_r);
/* True also when another long name has the same key: then this one cannot be made. */
MUST_USE bool index_name_is_taken(struct index_txn *txn, store_account account, struct span name);
MUST_USE bool index_mailbox_get(struct index_txn *txn, store_mailbox mailbox,
                                struct index_mailbox *mailbox_r);
MUST_USE bool index_mailbox_next(struct index_txn *txn, store_account account, struct span after,
                                 struct index_mailbox *mailbox_r);

/* The number in the row of that name, whatever the mailbox's own name is. */
MUST_USE bool index_name_number(struct index_txn *txn, store_account account, struct span name,
                                uint32_t *number_r);

/* The numbers of the mailbox of this name, if there is one, and of those below it; at most `max`.
 * From malloc; NULL when there are none. */
size_t index_names_below(struct index_txn *txn, store_account account, struct span name, size_t max,
                         uint32_t **numbers_r);

/* A subscription's name, the first whose key sorts behind that of `after` ("" begins). Valid until
 * the next write, or until the transaction is parked. */
MUST_USE bool index_subscription_find(struct index_txn *txn, store_account account,
                                      struct span name);
MUST_USE bool index_subscription_next(struct index_txn *txn, store_account account,
                                      struct span after, struct span *name_r);
void index_subscription_write(struct index_txn *txn, store_account account, struct span name);

MUST_USE bool index_keyword_get(struct index_txn *txn, store_account account, unsigned number,
                                struct span *name_r);

size_t index_entries(struct index_txn *txn, store_mailbox mailbox, uint32_t from_uid,
                     struct store_entry *entries, size_t max);

MUST_USE bool index_body_get(struct index_txn *txn, store_message message,
                             struct index_body *body_r);

#endif
