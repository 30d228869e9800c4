#include "store/index/index_key.h"

#include "core/base/ensure.h"

static void key_begin(struct index_key *key)
{
    key->len = 0;
}

static void key_u8(struct index_key *key, uint8_t number)
{
    ensure(key->len < INDEX_KEY_MAX);
    key->bytes[key->len++] = (char)number;
}

static void key_u16(struct index_key *key, uint16_t number)
{
    key_u8(key, (uint8_t)(number >> 8));
    key_u8(key, (uint8_t)number);
}

static void key_u32(struct index_key *key, uint32_t number)
{
    key_u16(key, (uint16_t)(number >> 16));
    key_u16(key, (uint16_t)number);
}

static void key_u64(struct index_key *key, uint64_t number)
{
    key_u32(key, (uint32_t)(number >> 32));
    key_u32(key, (uint32_t)number);
}

/* Up to what fits. */
static void key_bytes(struct index_key *key, struct span bytes)
{
    size_t room = INDEX_KEY_MAX - key->len;
    size_t len = bytes.len < room ? bytes.len : room;

    if (len > 0)
        memcpy(key->bytes + key->len, bytes.at, len);
    key->len += (unsigned)len;
}

uint32_t key_get32(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;

    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

uint64_t key_get64(const char *at)
{
    return (uint64_t)key_get32(at) << 32 | key_get32(at + 4);
}

struct index_key key_account_name(struct span name)
{
    struct index_key key;

    key_begin(&key);
    key_u8(&key, 'n');
    key_bytes(&key, name);
    return key;
}

struct index_key key_account(store_account account)
{
    struct index_key key;

    key_begin(&key);
    key_u8(&key, 'i');
    key_u32(&key, account);
    return key;
}

struct index_key key_keyword(store_account account, unsigned number)
{
    struct index_key key;

    key_begin(&key);
    key_u32(&key, account);
    key_u16(&key, (uint16_t)number);
    return key;
}

struct index_key key_mailbox(store_mailbox mailbox)
{
    struct index_key key;

    key_begin(&key);
    key_u64(&key, mailbox);
    return key;
}

uint64_t key_name_hash(struct span name, uint64_t seed)
{
    uint64_t hash = 0xcbf29ce484222325u ^ seed;

    for (size_t i = 0; i < name.len; i++) {
        hash ^= (unsigned char)name.at[i];
        hash *= 0x100000001b3u;
    }
    return hash;
}

/* '/' becomes 0x01 so that a mailbox's children stand directly behind it: "a", "a/b", "a b". 0xFF,
 * which is never in UTF-8, tells the key of a long name from one that is just as long as the cut.
 */
struct index_key key_name(store_account account, struct span name)
{
    struct span head = span_first(name, INDEX_NAME_KEY_MAX);
    struct index_key key;

    key_begin(&key);
    key_u32(&key, account);
    for (size_t i = 0; i < head.len; i++)
        key_u8(&key, head.at[i] == '/' ? 1 : (uint8_t)head.at[i]);
    if (name.len > INDEX_NAME_KEY_MAX) {
        key_u8(&key, 0xFF);
        key_u64(&key, key_name_hash(name, 0));
        key_u64(&key, key_name_hash(name, 0x9e3779b97f4a7c15u));
    }
    return key;
}

struct index_key key_message(store_mailbox mailbox, uint32_t uid)
{
    struct index_key key;

    key_begin(&key);
    key_u64(&key, mailbox);
    key_u32(&key, uid);
    return key;
}

struct index_key key_vanished(store_mailbox mailbox, uint64_t modseq, uint32_t uid_from)
{
    struct index_key key;

    key_begin(&key);
    key_u64(&key, mailbox);
    key_u64(&key, modseq);
    key_u32(&key, uid_from);
    return key;
}

struct index_key key_changed(store_account account, uint64_t modseq)
{
    struct index_key key;

    key_begin(&key);
    key_u32(&key, account);
    key_u64(&key, modseq);
    return key;
}

struct index_key key_body(store_message message)
{
    struct index_key key;

    key_begin(&key);
    key_u64(&key, message);
    return key;
}

struct index_key key_segment(uint64_t segment, store_message message)
{
    struct index_key key;

    key_begin(&key);
    key_u64(&key, segment);
    key_u64(&key, message);
    return key;
}

struct index_key key_recipient(store_message message, uint32_t number)
{
    struct index_key key;

    key_begin(&key);
    key_u64(&key, message);
    key_u32(&key, number);
    return key;
}

/* No time in front of 1970. */
struct index_key key_due(int64_t due_us, store_message message, uint32_t number)
{
    struct index_key key;

    key_begin(&key);
    key_u64(&key, due_us > 0 ? (uint64_t)due_us : 0);
    key_u64(&key, message);
    key_u32(&key, number);
    return key;
}
