#ifndef CORE_GATEWAY_CONFIG_CHANGES_H
#define CORE_GATEWAY_CONFIG_CHANGES_H

/* config_changes: what a reload cannot change, because a running server is built on it. Any thread.
 */

#include "core/base/chain.h"
#include "core/gateway/config.h"

/* One line in `why` for each option that holds from the start to the end of a server and is not
 * what it was at the start. */
void config_changes_say(const struct config *started, const struct config *now, struct chain *why);

#endif
