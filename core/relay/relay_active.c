#include "core/relay/relay_active.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/map.h"

struct relay_active {
    struct map *messages; /* by id */
    unsigned count;
};

struct relay_active *relay_active_new(void)
{
    struct relay_active *a = xcalloc(1, sizeof(*a));

    a->messages = map_new();
    return a;
}

static void message_free(struct relay_message *m)
{
    free(m->numbers);
    free(m->texts);
    free(m);
}

void relay_active_free(struct relay_active **active)
{
    struct relay_active *a = *active;
    size_t place = 0;
    struct span key;
    void *value;

    while (map_next(a->messages, &place, &key, &value))
        message_free(value);
    map_free(&a->messages);
    free(a);
    *active = NULL;
}

unsigned relay_active_count(const struct relay_active *a)
{
    return a->count;
}

struct relay_message *relay_active_find(const struct relay_active *a, store_queue_id id)
{
    return map_get(a->messages, map_key_u64(&id));
}

/* The envelope's spans move into one allocation of the message's. */
static void keep_texts(struct relay_message *m)
{
    struct store_queue_envelope *e = &m->envelope;
    struct span *texts[] = {&e->queue_id, &e->sender, &e->envid, &e->client,
                            &e->login,    &e->auth,   &e->verp};
    size_t size = 1, len = 0;

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        size += texts[i]->len;
    m->texts = xmalloc(size);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (texts[i]->len > 0)
            memcpy(m->texts + len, texts[i]->at, texts[i]->len);
        texts[i]->at = m->texts + len;
        len += texts[i]->len;
    }
}

struct relay_message *relay_active_add(struct relay_active *a, store_queue_id id,
                                       const struct store_queue_envelope *envelope,
                                       uint32_t waiting, int64_t now_us)
{
    struct relay_message *m = xcalloc(1, sizeof(*m)), *before;

    m->id = id;
    m->envelope = *envelope;
    m->waiting = waiting;
    m->taken_us = now_us;
    keep_texts(m);
    before = map_put(a->messages, map_key_u64(&id), m);
    ensure(before == NULL);
    return m;
}

void relay_active_settle(struct relay_active *a, struct relay_message *m)
{
    if (m->active > 0)
        return;
    ensure(map_remove(a->messages, map_key_u64(&m->id)) == m);
    message_free(m);
}

static uint64_t *word_of(struct relay_message *m, uint32_t number)
{
    if (number >= m->number_size) {
        uint32_t old = m->number_size / 64, words = number / 64 + 1;

        m->numbers = xrealloc(m->numbers, words * sizeof(*m->numbers));
        memset(m->numbers + old, 0, (words - old) * sizeof(*m->numbers));
        m->number_size = words * 64;
    }
    return &m->numbers[number / 64];
}

struct relay_entry *relay_active_take(struct relay_active *a, struct relay_message *m,
                                      uint32_t number)
{
    uint64_t *word = word_of(m, number), bit = UINT64_C(1) << number % 64;
    struct relay_entry *e;

    if ((*word & bit) != 0)
        return NULL;
    *word |= bit;
    e = xcalloc(1, sizeof(*e));
    list_init(&e->node);
    e->message = m;
    e->number = number;
    m->active++;
    a->count++;
    return e;
}

void relay_active_give(struct relay_active *a, struct relay_entry **entry)
{
    struct relay_entry *e = *entry;
    struct relay_message *m = e->message;

    ensure(list_is_empty(&e->node));
    *word_of(m, e->number) &= ~(UINT64_C(1) << e->number % 64);
    free(e);
    *entry = NULL;
    m->active--;
    a->count--;
    relay_active_settle(a, m);
}
