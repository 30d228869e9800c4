#ifndef CORE_GATEWAY_CONFIG_CHECK_H
#define CORE_GATEWAY_CONFIG_CHECK_H

/* config_check: what a single value's type and bounds cannot say. */

#include "core/gateway/config.h"

/* Says each finding through say(context, the option's field's name, "what; what to do") and returns
 * how many there were. Sets debug_clock_us. */
typedef void config_check_say(void *context, const char *option, const char *text);
unsigned config_check(struct config *config, config_check_say *say, void *context);

#endif
