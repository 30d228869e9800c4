#ifndef STORE_COMMIT_EFFECT_WALK_H
#define STORE_COMMIT_EFFECT_WALK_H

/* effect_walk: the entries of a mailbox that lie in some ranges, read some hundred at a time. The
 * entry at hand may be changed, written back or deleted. */

#include "store/commit/effect.h"

struct effect_walk {
    struct effect *e;
    store_mailbox mailbox;
    struct span ranges;
    uint32_t range_count, range; /* count 0: the whole mailbox */
    uint32_t next_uid;
    struct store_entry entries[EFFECT_ENTRIES];
    size_t count, at;
};

/* `ranges` as command_range() reads them; with range_count 0 the whole mailbox. */
void effect_walk_begin(struct effect_walk *w, struct effect *e, store_mailbox mailbox,
                       struct span ranges, uint32_t range_count);
/* NULL at the end. */
struct store_entry *effect_walk_next(struct effect_walk *w);

/* Moves the mailbox's mark towards its first unseen message, some steps at a time. */
void effect_unseen_advance(struct effect *e, struct cached_mailbox *mailbox);

#endif
