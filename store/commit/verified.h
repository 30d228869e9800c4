#ifndef STORE_COMMIT_VERIFIED_H
#define STORE_COMMIT_VERIFIED_H

/* verified: which messages had their checksum looked at since the start. Of bounded size: it may
 * forget one, which then is looked at again, but never knows a wrong one. Any thread. */

#include <stdbool.h>

#include "core/base/attr.h"
#include "store/store.h"

struct verified;

MUST_USE struct verified *verified_new(void);
void verified_free(struct verified **verified);
bool verified_has(const struct verified *verified, store_message message);
void verified_add(struct verified *verified, store_message message);

#endif
