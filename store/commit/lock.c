#include "store/commit/lock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/base/alloc.h"

struct lock {
    pthread_mutex_t mutex;
};

struct gauge {
    _Atomic int64_t value;
};

struct answer {
    pthread_mutex_t mutex;
    pthread_cond_t given;
    bool is_given;
};

struct lock *lock_new(void)
{
    struct lock *lock = xcalloc(1, sizeof(*lock));

    pthread_mutex_init(&lock->mutex, NULL);
    return lock;
}

void lock_free(struct lock **lock)
{
    pthread_mutex_destroy(&(*lock)->mutex);
    free(*lock);
    *lock = NULL;
}

void lock_take(struct lock *lock)
{
    pthread_mutex_lock(&lock->mutex);
}

void lock_give(struct lock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
}

struct gauge *gauge_new(void)
{
    return xcalloc(1, sizeof(struct gauge));
}

void gauge_free(struct gauge **gauge)
{
    free(*gauge);
    *gauge = NULL;
}

int64_t gauge_add(struct gauge *gauge, int64_t by)
{
    return atomic_fetch_add(&gauge->value, by) + by;
}

int64_t gauge_get(const struct gauge *gauge)
{
    return atomic_load(&gauge->value);
}

struct answer *answer_new(void)
{
    struct answer *answer = xcalloc(1, sizeof(*answer));

    pthread_mutex_init(&answer->mutex, NULL);
    pthread_cond_init(&answer->given, NULL);
    return answer;
}

void answer_give(struct answer *answer)
{
    pthread_mutex_lock(&answer->mutex);
    answer->is_given = true;
    pthread_cond_signal(&answer->given);
    pthread_mutex_unlock(&answer->mutex);
}

void answer_wait(struct answer *answer)
{
    pthread_mutex_lock(&answer->mutex);
    while (!answer->is_given)
        pthread_cond_wait(&answer->given, &answer->mutex);
    pthread_mutex_unlock(&answer->mutex);
}

void answer_free(struct answer **answer)
{
    pthread_cond_destroy(&(*answer)->given);
    pthread_mutex_destroy(&(*answer)->mutex);
    free(*answer);
    *answer = NULL;
}
