#ifndef STORE_INDEX_INDEX_ENV_H
#define STORE_INDEX_INDEX_ENV_H

/*
 * index_env: the LMDB environment, its transactions, and ordered rows in its tables.
 *
 * The rules of STORE.md section 5 live here: one writing thread, no duplicates, read transactions
 * that belong to objects and are parked instead of ended, rows deleted by key.
 *
 * Errors stick to a transaction: after the first one reads find nothing and writes do nothing, so
 * callers look once, at the end, at index_status(). Spans that come back are valid until the next
 * write in a write transaction, and until the transaction is parked in a read one.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "store/index/index_schema.h"
#include "store/store.h"

struct index;
struct index_txn;

struct index_config {
    const char *path;  /* directory; made when it is not there and not read_only */
    uint64_t map_size; /* bytes of address space */
    unsigned readers;  /* read transactions at the same time, parked ones included */
    bool read_only;    /* no lock file: the caller knows that nobody else is there */
    void (*say)(void *context, const char *text);
    void *context;
};

/* STORE_NOT_FOUND: there is none (read_only); STORE_CORRUPT: LMDB does not like it, or it was
 * condemned; STORE_FULL, STORE_IO: the disk. Does not look at what the rows say. */
MUST_USE enum store_status index_open(const struct index_config *config, struct index **index_r);
void index_close(struct index **index);          /* all transactions must have ended */
uint64_t index_bytes(const struct index *index); /* of the file that are in use; any thread */

/* Leaves a note beside the data that the index is damaged, so that the next start rebuilds it. */
void index_condemn(const struct index *index);

/* From a handler of signals: the same, when the address lies in an index's mapping. */
void index_condemn_at(const void *address);

/* The one writing transaction; one thread for the index's whole life. */
MUST_USE enum store_status index_write_begin(struct index *index, struct index_txn **txn_r);
/* Ends it either way. STORE_FULL: nothing was written, try again later. */
MUST_USE enum store_status index_commit(struct index_txn **txn);
void index_abort(struct index_txn **txn);

/* A reading transaction sees the last commit before it began or was renewed. Parked ones cost
 * nothing but a slot. */
MUST_USE enum store_status index_read_begin(struct index *index, struct index_txn **txn_r);
MUST_USE enum store_status index_read_renew(struct index_txn *txn);
void index_read_park(struct index_txn *txn);
void index_read_end(struct index_txn **txn); /* any thread that owns it */

/* First trouble of the transaction: STORE_OK, STORE_FULL, STORE_IO or STORE_CORRUPT. */
enum store_status index_status(const struct index_txn *txn);
void index_damaged(struct index_txn *txn, const char *what); /* a row does not decode */

bool index_get(struct index_txn *txn, enum index_table table, struct span key,
               struct span *value_r);
void index_put(struct index_txn *txn, enum index_table table, struct span key, struct span value);
void index_delete(struct index_txn *txn, enum index_table table, struct span key);
uint64_t index_rows(struct index_txn *txn, enum index_table table); /* how many there are */

/* The first row at or behind `key`, then the ones after it: one place per table and transaction,
 * lost by a write to the table. False at the end. */
bool index_seek(struct index_txn *txn, enum index_table table, struct span key, struct span *key_r,
                struct span *value_r);
bool index_next(struct index_txn *txn, enum index_table table, struct span *key_r,
                struct span *value_r);

#endif
