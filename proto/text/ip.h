#ifndef PROTO_TEXT_IP_H
#define PROTO_TEXT_IP_H

/* ip: IP addresses as text, without the C library's resolver. IPv6 is written as RFC 5952 says. */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"

enum {
    IP_TEXT_MAX = 46, /* bytes with a NUL */
};

struct ip {
    bool is_v6;
    uint8_t bytes[16]; /* in network order; IPv4 uses the first four */
};

/* The whole of `text` is an address of either kind, without brackets. */
MUST_USE bool ip_parse(struct span text, struct ip *ip_r);
MUST_USE bool ip_parse_v4(struct span text, struct ip *ip_r);
MUST_USE bool ip_parse_v6(struct span text, struct ip *ip_r);

/* Writes the address and a NUL. */
void ip_write(const struct ip *ip, char text[IP_TEXT_MAX]);

#endif
