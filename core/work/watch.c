#include "core/work/watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/work/inbox.h"

enum {
    WATCH_SHARDS = 1024, /* ten thousand watches make lists of ten */
};

/* A watch's state. Its shard's lock guards it while the watch is set (board != NULL); otherwise
 * nobody but the owner knows the watch. */
enum {
    WATCH_QUIET,        /* the job is the board's to post */
    WATCH_POSTED,       /* the job is on its way home */
    WATCH_POSTED_AGAIN, /* and there was a touch since */
};

struct watch_shard {
    pthread_mutex_t lock;
    struct list watches;
};

struct watch_board {
    atomic_uint count;
    struct watch_shard shards[WATCH_SHARDS];
};

/* Numbers are often counted up or have their low bits in common: multiply and take the high bits.
 */
static struct watch_shard *shard_of(struct watch_board *board, uint64_t number)
{
    return &board->shards[(number * UINT64_C(0x9E3779B97F4A7C15)) >> 54];
}
_Static_assert(WATCH_SHARDS == 1 << (64 - 54), "shard_of() takes as many bits as there are shards");

struct watch_board *watch_board_open(void)
{
    struct watch_board *board = xcalloc(1, sizeof(*board));

    for (unsigned i = 0; i < WATCH_SHARDS; i++) {
        pthread_mutex_init(&board->shards[i].lock, NULL);
        list_init(&board->shards[i].watches);
    }
    return board;
}

void watch_board_close(struct watch_board **board)
{
    for (unsigned i = 0; i < WATCH_SHARDS; i++) {
        ensure(list_is_empty(&(*board)->shards[i].watches));
        pthread_mutex_destroy(&(*board)->shards[i].lock);
    }
    free(*board);
    *board = NULL;
}

void watch_set(struct watch_board *board, struct watch *w, uint64_t number)
{
    struct watch_shard *shard = shard_of(board, number);
    bool posted = watch_clear(w);

    ensure(w->job.inbox != NULL && w->job.home != NULL);
    w->number = number;
    w->board = board;
    atomic_fetch_add_explicit(&board->count, 1, memory_order_relaxed);
    pthread_mutex_lock(&shard->lock);
    w->state = posted ? WATCH_POSTED : WATCH_QUIET;
    list_add_tail(&shard->watches, &w->node);
    pthread_mutex_unlock(&shard->lock);
}

/* The job is posted with the shard locked: once watch_clear() has had the lock, no post is under
 * way. A post takes no lock and does not block. */
void watch_seen(struct watch *w)
{
    struct watch_shard *shard;

    if (w->board == NULL) {
        w->state = WATCH_QUIET;
        return;
    }
    shard = shard_of(w->board, w->number);
    pthread_mutex_lock(&shard->lock);
    if (w->state == WATCH_POSTED_AGAIN) {
        w->state = WATCH_POSTED;
        inbox_post(w->job.inbox, &w->job);
    } else {
        w->state = WATCH_QUIET;
    }
    pthread_mutex_unlock(&shard->lock);
}

bool watch_clear(struct watch *w)
{
    struct watch_shard *shard;

    if (w->board != NULL) {
        shard = shard_of(w->board, w->number);
        pthread_mutex_lock(&shard->lock);
        list_remove(&w->node);
        pthread_mutex_unlock(&shard->lock);
        atomic_fetch_sub_explicit(&w->board->count, 1, memory_order_relaxed);
        w->board = NULL;
    }
    if (w->state == WATCH_POSTED_AGAIN)
        w->state = WATCH_POSTED;
    return w->state == WATCH_POSTED;
}

unsigned watch_board_count(const struct watch_board *board)
{
    return atomic_load_explicit(&board->count, memory_order_relaxed);
}

static void watch_touch(struct watch *w)
{
    switch (w->state) {
    case WATCH_QUIET:
        w->state = WATCH_POSTED;
        inbox_post(w->job.inbox, &w->job);
        break;
    case WATCH_POSTED:
        w->state = WATCH_POSTED_AGAIN;
        break;
    default:
        break;
    }
}

void watch_publish(struct watch_board *board, uint64_t number)
{
    struct watch_shard *shard = shard_of(board, number);

    pthread_mutex_lock(&shard->lock);
    list_each (node, &shard->watches) {
        struct watch *w = CONTAINER_OF(node, struct watch, node);

        if (w->number == number)
            watch_touch(w);
    }
    pthread_mutex_unlock(&shard->lock);
}
