#ifndef CORE_RELAY_RELAY_RETRY_H
#define CORE_RELAY_RELAY_RETRY_H

/* relay_retry: when a recipient is tried again, and when no more. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/relay/relay_settings.h"

/* After `tries` failures before this one: minimal_backoff_time, doubled each time up to
 * maximal_backoff_time, and up to an eighth more by chance, so that what failed together does not
 * come back together. */
MUST_USE int64_t relay_retry_due(const struct relay_settings *settings, uint32_t tries,
                                 int64_t now_us, uint64_t dice);

/* Is mail that arrived then too old to be kept? A clock that was set back makes nothing old. */
MUST_USE bool relay_retry_is_over(const struct relay_settings *settings, int64_t arrival_us,
                                  bool is_bounce, int64_t now_us);

#endif
