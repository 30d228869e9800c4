#ifndef TESTS_SIM_SIM_VERIFY_H
#define TESTS_SIM_SIM_VERIFY_H

/* sim_verify: what both looks into the store need. */

#include "core/base/chain.h"
#include "store/store.h"

/* As enum model_flag. */
unsigned world_flags(struct store_view *v, store_account account, const struct store_entry *entry);
/* As a FETCH of BODY[] would give it. */
MUST_USE bool world_read(struct store_view *v, const struct store_entry *entry,
                         struct chain *whole);

#endif
