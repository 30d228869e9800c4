#ifndef CORE_RELAY_RELAY_IDN_H
#define CORE_RELAY_RELAY_IDN_H

/* relay_idn: a domain as the DNS has it: A-labels (RFC 5891) in lower case. Any thread. */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "core/relay/relay_dns.h"

/* False when it is no name that can be asked for. */
MUST_USE bool relay_idn_ascii(struct span domain, char ascii_r[RELAY_NAME_MAX + 1]);

#endif
