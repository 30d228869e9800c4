#ifndef STORE_BLOB_JOURNAL_SPACE_H
#define STORE_BLOB_JOURNAL_SPACE_H

/*
 * journal_space: which files become segments and which segments become files again; private to this
 * folder. The calls for others are in journal.h.
 */

#include "store/blob/journal_private.h"

/* A name in seg/ that is no segment's: a spare file is noted, a half-made one removed. */
void journal_space_load(struct journal *j, const char *name);

/* With the lock held, or before there are other threads: */
MUST_USE struct journal_segment *journal_segment_new(struct journal *j, uint64_t number,
                                                     uint32_t size);
void journal_segment_drop(struct journal *j, struct journal_segment *segment);
void journal_segment_add_ready(struct journal *j, struct journal_segment *segment);
void journal_segment_remove_used(struct journal *j, unsigned index, uint64_t number);
void journal_wake_locked(struct journal *j); /* the housekeeper */

#endif
