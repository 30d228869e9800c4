#ifndef TESTS_SIM_SIM_GAME_H
#define TESTS_SIM_SIM_GAME_H

/*
 * sim_game: one run from its seed to its verdict: some clients, some lives of the gateway that end
 * in order, by a kill or by a power cut, trouble in between; then a last life without trouble, in
 * which everybody must come to an end, and everything is read and compared.
 */

#include "tests/sim/sim_run.h"

/* The working directory must be empty, and is again. without_sync: the log lies about its syncs,
 * and the run should find it out. */
void game_play(struct run *r, bool without_sync);

/* Many IMAP sessions at work in one mailbox, in one life without trouble: which message has which
 * number is held against the model in each of them (HOSTILE I30). */
void game_play_crowd(struct run *r);

#endif
