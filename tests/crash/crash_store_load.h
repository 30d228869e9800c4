#ifndef TESTS_CRASH_CRASH_STORE_LOAD_H
#define TESTS_CRASH_CRASH_STORE_LOAD_H

/*
 * crash_store_load: makes changes by a seed, hands them to the store and does them to the model.
 *
 * The state after each of the last changes is kept, because after a power cut the store may stand
 * after any change from the last acknowledged one to the last submitted one. Each change alters
 * something, so no two of these states are equal. One thread.
 */

#include "store/store.h"
#include "tests/crash/crash_store_model.h"

enum {
    LOAD_STATES = 64, /* kept */
    LOAD_WAITING_MAX = LOAD_STATES - 8,
    LOAD_RESULTS_MAX = 16, /* of a change */
};

struct expected {
    unsigned count;
    uint32_t uids[LOAD_RESULTS_MAX];   /* 0: not a delivery */
    uint32_t queued[LOAD_RESULTS_MAX]; /* the message whose id comes back; 0: none */
    bool is_over[LOAD_RESULTS_MAX];    /* nobody of a queued message is left */
    bool is_acked;
};

struct load {
    uint64_t random;
    struct store *store;
    struct model states[LOAD_STATES]; /* [n % LOAD_STATES]: after n changes */
    struct expected expected[LOAD_STATES];
    uint32_t submitted, acked; /* changes */
    uint32_t message;          /* number of the last one */
    uint32_t crc[LOAD_MESSAGES_MAX];
    store_message ids[LOAD_MESSAGES_MAX]; /* of queued ones, as answers told; 0: none did */
    uint32_t due;                         /* the last due time that was given */
    bool acks_early;                      /* the control: called acknowledged when submitted */
    char why[300];                        /* what the store answered wrong, or "" */
};
const struct model *load_state(const struct load *l, uint32_t change);
/* Makes and submits one change. */
void load_change(struct load *l);
uint64_t load_random(struct load *l, uint64_t below);

#endif
