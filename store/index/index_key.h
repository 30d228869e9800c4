#ifndef STORE_INDEX_INDEX_KEY_H
#define STORE_INDEX_INDEX_KEY_H

/*
 * index_key: numbers and names as keys that sort as they should. A key is built in the caller's
 * struct; key_span() borrows it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/span.h"
#include "store/index/index_schema.h"
#include "store/store.h"

struct index_key {
    unsigned len;
    char bytes[INDEX_KEY_MAX];
};

static inline struct span key_span(const struct index_key *key)
{
    return (struct span){key->bytes, key->len};
}

/* Big-endian numbers out of keys; `at` must have the bytes. */
uint32_t key_get32(const char *at);
uint64_t key_get64(const char *at);

/* One function for each shape of index_schema.h. */
struct index_key key_account_name(struct span name);
struct index_key key_account(store_account account);
struct index_key key_keyword(store_account account, unsigned number);
struct index_key key_mailbox(store_mailbox mailbox);                /* tables mbox and dead */
struct index_key key_name(store_account account, struct span name); /* tables name and sub */
struct index_key key_message(store_mailbox mailbox, uint32_t uid);
struct index_key key_vanished(store_mailbox mailbox, uint64_t modseq, uint32_t uid_from);
struct index_key key_changed(store_account account, uint64_t modseq);
struct index_key key_body(store_message message);
struct index_key key_segment(uint64_t segment, store_message message);
struct index_key key_recipient(store_message message, uint32_t number); /* q_msg: key_body() */
struct index_key key_due(int64_t due_us, store_message message, uint32_t number);

/* True when the key begins with these bytes. */
static inline bool key_has_prefix(struct span key, const void *prefix, size_t len)
{
    return key.len >= len && memcmp(key.at, prefix, len) == 0;
}

/* Hash of a mailbox name, the same for ever (FNV-1a): it is written to disk. */
uint64_t key_name_hash(struct span name, uint64_t seed);

static inline store_account mailbox_account(store_mailbox mailbox)
{
    return (store_account)(mailbox >> 32);
}

static inline uint32_t mailbox_number(store_mailbox mailbox)
{
    return (uint32_t)mailbox;
}

static inline store_mailbox mailbox_make(store_account account, uint32_t number)
{
    return (store_mailbox)account << 32 | number;
}

#endif
