#ifndef CORE_RELAY_RELAY_ACTIVE_H
#define CORE_RELAY_RELAY_ACTIVE_H

/*
 * relay_active: the recipients that are being worked on, by message. Each is here once, from when
 * it was found in the store's queue until the store has what became of it, so that it is never
 * tried twice at a time, however often the queue is read. The relay's thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/list.h"
#include "store/store_queue.h"

enum {
    RELAY_ACTIVE_MAX = 100000, /* recipients; more stay in the store until some are done */
};

struct relay_active;

/* A message with recipients here. Its texts are its own. */
struct relay_message {
    store_queue_id id;
    struct store_queue_envelope envelope;
    int64_t taken_us;     /* when it came from the store */
    uint32_t waiting;     /* recipients that wait in the store, here or not */
    unsigned active;      /* entries */
    uint64_t *numbers;    /* a bit for each that is here */
    uint32_t number_size; /* bits there are */
    char *texts;
};

/* A recipient. */
struct relay_entry {
    struct list node; /* in its hop's queue, while it waits there */
    struct relay_message *message;
    uint32_t number;
    uint8_t rounds; /* hosts that it failed at, for no reason of its own */
};

MUST_USE struct relay_active *relay_active_new(void);
void relay_active_free(struct relay_active **active); /* with all entries that are in no list */

unsigned relay_active_count(const struct relay_active *a); /* entries */

/* NULL when there is no entry of that message. */
MUST_USE struct relay_message *relay_active_find(const struct relay_active *a, store_queue_id id);

/* A new one. `waiting` as above. It goes when its last entry does; relay_active_settle() drops one
 * that never had any. */
MUST_USE struct relay_message *relay_active_add(struct relay_active *a, store_queue_id id,
                                                const struct store_queue_envelope *envelope,
                                                uint32_t waiting, int64_t now_us);
void relay_active_settle(struct relay_active *a, struct relay_message *message);

/* NULL when it is here already. */
MUST_USE struct relay_entry *relay_active_take(struct relay_active *a,
                                               struct relay_message *message, uint32_t number);
void relay_active_give(struct relay_active *a, struct relay_entry **entry);

#endif
