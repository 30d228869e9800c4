#ifndef TESTS_SIM_SIM_MODEL_PRIVATE_H
#define TESTS_SIM_SIM_MODEL_PRIVATE_H

/* sim_model_private: what the two files of the model share. */

#include "tests/sim/sim_model.h"

struct model_change {
    uint64_t sent, done;   /* done UINT64_MAX: may still happen */
    bool happened;         /* for sure, between sent and done */
    unsigned sets, clears; /* these flags */
    size_t count;
    uint32_t uids[];
};

#endif
