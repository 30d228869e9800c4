#include "core/base/map.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/random.h"

enum {
    MAP_SIZE_MIN = 16, /* slots; always a power of two */
};

/* A short key lies in the slot itself. An empty slot has a NULL value. */
struct map_slot {
    void *value;
    size_t len;
    uint64_t hash;
    union {
        char *copy;
        char bytes[8];
    } key;
};

struct map {
    struct map_slot *slots;
    size_t size, count;
    uint64_t hash_key[2];
};

static uint64_t rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static void sip_rounds(uint64_t v[4], unsigned rounds)
{
    while (rounds-- > 0) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
    }
}

static uint64_t load_le(const char *at, size_t len)
{
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)(unsigned char)at[i] << (8 * i);
    return word;
}

static uint64_t sip_hash(const uint64_t key[2], struct span bytes)
{
    uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                     key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
    uint64_t last = (uint64_t)bytes.len << 56;

    for (; bytes.len >= 8; bytes = span_after(bytes, 8)) {
        uint64_t word = load_le(bytes.at, 8);

        v[3] ^= word;
        sip_rounds(v, 2);
        v[0] ^= word;
    }
    last |= load_le(bytes.at, bytes.len);
    v[3] ^= last;
    sip_rounds(v, 2);
    v[0] ^= last;
    v[2] ^= 0xff;
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t map_hash(struct span bytes)
{
    return sip_hash(random_hash_key(), bytes);
}

struct map *map_new(void)
{
    struct map *m = xcalloc(1, sizeof(*m));

    memcpy(m->hash_key, random_hash_key(), sizeof(m->hash_key));
    m->size = MAP_SIZE_MIN;
    m->slots = xcalloc(m->size, sizeof(*m->slots));
    return m;
}

static bool key_is_in_slot(size_t len)
{
    return len <= sizeof(((struct map_slot *)NULL)->key.bytes);
}

static struct span slot_key(const struct map_slot *slot)
{
    return (struct span){key_is_in_slot(slot->len) ? slot->key.bytes : slot->key.copy, slot->len};
}

static void slot_key_set(struct map_slot *slot, struct span key)
{
    char *at = slot->key.bytes;

    if (!key_is_in_slot(key.len))
        at = slot->key.copy = xmalloc(key.len);
    if (key.len > 0)
        memcpy(at, key.at, key.len);
    slot->len = key.len;
}

static void slot_key_free(struct map_slot *slot)
{
    if (!key_is_in_slot(slot->len))
        free(slot->key.copy);
}

void map_free(struct map **map)
{
    struct map *m = *map;

    *map = NULL;
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->size; i++) {
        if (m->slots[i].value != NULL)
            slot_key_free(&m->slots[i]);
    }
    free(m->slots);
    free(m);
}

/* The slot that holds the key, or the empty one where it would go. */
static struct map_slot *slot_find(const struct map *m, struct span key, uint64_t hash)
{
    size_t mask = m->size - 1;

    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct map_slot *slot = &m->slots[i];

        if (slot->value == NULL || (slot->hash == hash && span_eq(slot_key(slot), key)))
            return slot;
    }
}

static void map_grow(struct map *m)
{
    struct map_slot *old = m->slots;
    size_t old_size = m->size;

    m->size *= 2;
    m->slots = xcalloc(m->size, sizeof(*m->slots));
    for (size_t i = 0; i < old_size; i++) {
        if (old[i].value != NULL)
            *slot_find(m, slot_key(&old[i]), old[i].hash) = old[i];
    }
    free(old);
}

void *map_put(struct map *m, struct span key, void *value)
{
    uint64_t hash = sip_hash(m->hash_key, key);
    struct map_slot *slot = slot_find(m, key, hash);
    void *before = slot->value;

    ensure(value != NULL);
    if (before == NULL && (m->count + 1) * 4 > m->size * 3) {
        map_grow(m);
        slot = slot_find(m, key, hash);
    }
    if (before == NULL) {
        slot_key_set(slot, key);
        slot->hash = hash;
        m->count++;
    }
    slot->value = value;
    return before;
}

void *map_get(const struct map *m, struct span key)
{
    return slot_find(m, key, sip_hash(m->hash_key, key))->value;
}

/* Closes the gap at `hole`: whoever stands behind it in its run and may stand further ahead moves
 * up, so that no search ends early and no marks of the dead are needed. */
static void gap_close(struct map *m, size_t hole)
{
    size_t mask = m->size - 1;

    for (size_t i = (hole + 1) & mask; m->slots[i].value != NULL; i = (i + 1) & mask) {
        size_t wanted = m->slots[i].hash & mask;

        if (((i - wanted) & mask) >= ((i - hole) & mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct map_slot){0};
}

void *map_remove(struct map *m, struct span key)
{
    struct map_slot *slot = slot_find(m, key, sip_hash(m->hash_key, key));
    void *value = slot->value;

    if (value == NULL)
        return NULL;
    slot_key_free(slot);
    gap_close(m, (size_t)(slot - m->slots));
    m->count--;
    return value;
}

size_t map_count(const struct map *m)
{
    return m->count;
}

bool map_next(const struct map *m, size_t *place, struct span *key_r, void **value_r)
{
    while (*place < m->size) {
        struct map_slot *slot = &m->slots[(*place)++];

        if (slot->value != NULL) {
            *key_r = slot_key(slot);
            *value_r = slot->value;
            return true;
        }
    }
    return false;
}
