#ifndef CORE_SERVICE_SMTP_NETWORKS_H
#define CORE_SERVICE_SMTP_NETWORKS_H

/* smtp_networks: is an address in a list like mynetworks? Any thread. */

#include <stdbool.h>

#include "core/base/attr.h"
#include "proto/smtp/smtp_settings.h"

/* `list` holds "127.0.0.0/8", "[::1]/128", "192.0.2.1"; what is none of these matches nothing.
 * `address` is text without brackets; IPv4 in IPv6 (::ffff:1.2.3.4) is the IPv4 address. */
MUST_USE bool smtp_networks_have(const struct smtp_words *list, const char *address);

#endif
