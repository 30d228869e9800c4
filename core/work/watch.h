#ifndef CORE_WORK_WATCH_H
#define CORE_WORK_WATCH_H

/*
 * watch: "tell me when this number is touched" (IDLE: the number is a mailbox). The watch carries a
 * job that is posted home once; it is armed again by watch_seen(). A touch between the post and
 * watch_seen() is kept and posts again, so nothing is missed and nothing piles up.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/list.h"
#include "core/work/job.h"

struct watch_board;

/* The zero value is a watch that is not set. */
struct watch {
    struct list node;
    struct job job; /* home and inbox are the owner's to fill before watch_set() */
    struct watch_board *board;
    uint64_t number;
    unsigned state; /* for watch.c */
};

MUST_USE struct watch_board *watch_board_open(void);
void watch_board_close(struct watch_board **board); /* no watch may be set */

/* Owner's thread, or a worker that the owner lent the watch to. Moves the watch when it is set. */
void watch_set(struct watch_board *board, struct watch *w, uint64_t number);

/* Owner's thread, from the job's home(), also of a watch that was cleared meanwhile. */
void watch_seen(struct watch *w);

/* Owner's thread or a borrower. After it returns no new post is made; true when the job is posted
 * and not yet home, so that the owner waits for it before it frees the watch. */
MUST_USE bool watch_clear(struct watch *w);

/* How many watches are set; any thread, a moment's picture. */
MUST_USE unsigned watch_board_count(const struct watch_board *board);

/* Any thread; does not block long. */
void watch_publish(struct watch_board *board, uint64_t number);

#endif
