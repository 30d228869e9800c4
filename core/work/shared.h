#ifndef CORE_WORK_SHARED_H
#define CORE_WORK_SHARED_H

/*
 * shared: one pointer to an immutable snapshot that is swapped whole (the directory, the settings).
 * Readers take a reference and give it back; the last one of an old snapshot frees it. Any thread;
 * taking costs tens of nanoseconds and never waits for a swap in progress elsewhere.
 */

#include "core/base/attr.h"

struct shared;      /* the place */
struct shared_item; /* one snapshot, counted */

MUST_USE struct shared *shared_open(void *first, void (*free_item)(void *item));
void shared_close(struct shared **shared); /* all references must be back */

MUST_USE struct shared_item *shared_take(struct shared *shared);
void *shared_get(const struct shared_item *item);
void shared_give(struct shared_item **item);

void shared_swap(struct shared *shared, void *next); /* the old one goes when its last user does */

#endif
