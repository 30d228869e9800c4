#ifndef CORE_WORK_EXCLUSIVE_H
#define CORE_WORK_EXCLUSIVE_H

/*
 * exclusive: one holder at a time for each key (a maildrop's session), and perhaps a pause between
 * two. In memory, so that nothing is held any more after a crash. A key takes memory while it is
 * held or its pause lasts. Any thread; held for well under a microsecond.
 */

#include <stdint.h>

#include "core/base/attr.h"

struct exclusive;

MUST_USE struct exclusive *exclusive_open(void);
void exclusive_close(struct exclusive **exclusive);

enum exclusive_answer {
    EXCLUSIVE_TAKEN,
    EXCLUSIVE_HELD,     /* by somebody else */
    EXCLUSIVE_TOO_SOON, /* less than the pause after it was taken last */
};

/* now_s is of any clock that does not go back, and never 0. pause_s 0: none. */
MUST_USE enum exclusive_answer exclusive_take(struct exclusive *e, uint64_t key, uint32_t now_s,
                                              uint32_t pause_s);
void exclusive_give(struct exclusive *e, uint64_t key, uint32_t pause_s); /* one that was taken */

#endif
