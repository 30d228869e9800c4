#ifndef STORE_COMMIT_LOCK_H
#define STORE_COMMIT_LOCK_H

/*
 * lock: what the store's own files need of threads. A lock for a few steps at a time (nothing slow
 * and no callback under it), a number that many change, and a place to wait for one answer.
 */

#include <stdint.h>

#include "core/base/attr.h"

struct lock;
MUST_USE struct lock *lock_new(void);
void lock_free(struct lock **lock);
void lock_take(struct lock *lock);
void lock_give(struct lock *lock);

struct gauge;
MUST_USE struct gauge *gauge_new(void);
void gauge_free(struct gauge **gauge);
int64_t gauge_add(struct gauge *gauge, int64_t by); /* returns what it is then */
int64_t gauge_get(const struct gauge *gauge);

struct answer;
MUST_USE struct answer *answer_new(void);
void answer_give(struct answer *answer); /* once */
void answer_wait(struct answer *answer);
void answer_free(struct answer **answer);

#endif
