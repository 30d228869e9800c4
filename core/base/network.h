#ifndef CORE_BASE_NETWORK_H
#define CORE_BASE_NETWORK_H

/*
 * network: addresses and networks as text and as 16 bytes, in which an IPv4 address is the
 * IPv4-mapped IPv6 one (::ffff:a.b.c.d), so that a peer is the same whichever way it came. Any
 * thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"

enum {
    NETWORK_ADDRESS_LEN = 16,
};

struct network {
    unsigned char address[NETWORK_ADDRESS_LEN];
    unsigned bits; /* of these 128 that count */
};

/* "192.0.2.1", "2001:db8::1"; false when it is none. */
MUST_USE bool network_address(struct span text, unsigned char address_r[NETWORK_ADDRESS_LEN]);
MUST_USE bool network_is_ipv4(const unsigned char address[NETWORK_ADDRESS_LEN]);

/* A row of mynetworks and its like: 127.0.0.0/8, [::1]/128, 10.1.2.3; IPv6 also without brackets.
 */
MUST_USE bool network_parse(struct span text, struct network *network_r);

MUST_USE bool network_has(const struct network *n,
                          const unsigned char address[NETWORK_ADDRESS_LEN]);

/* Is the address (text) in one of these? What is no address is in none. */
MUST_USE bool network_any_has(const struct network *networks, unsigned count, struct span address);

/* What one subscriber has, as a number: an IPv4 address or an IPv6 /64. 0 for what is no address.
 */
MUST_USE uint64_t network_client(struct span address);

#endif
