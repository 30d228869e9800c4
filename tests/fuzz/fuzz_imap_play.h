#ifndef TESTS_FUZZ_FUZZ_IMAP_PLAY_H
#define TESTS_FUZZ_FUZZ_IMAP_PLAY_H

/*
 * fuzz_imap_play: any bytes as an IMAP client, whole and in cuts that the input chooses: the
 * answers must be the same, a strict client must understand them, and what is held stays bounded.
 */

#include "core/base/span.h"

/* `before` is said first, and answered. */
void fuzz_imap_play(struct span before, struct span bytes, size_t step);

#endif
