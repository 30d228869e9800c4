#ifndef CORE_RELAY_RELAY_MX_H
#define CORE_RELAY_RELAY_MX_H

/*
 * relay_mx: mail exchangers and their addresses: what records say, what may be used, in which order
 * (RFC 5321 5.1, RFC 7505). Pure: chance is given.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/network.h"
#include "core/base/span.h"
#include "core/relay/relay_dns.h"

enum {
    RELAY_MX_HOSTS_MAX = 16,      /* exchangers of a domain whose addresses are asked for */
    RELAY_MX_ADDRESSES_MAX = 128, /* addresses of all of them */
    RELAY_MX_PER_HOST_MAX = 8,    /* addresses of one host and family */
};

struct relay_mx {
    uint16_t preference;
    char host[RELAY_NAME_MAX + 1]; /* lower case, no final dot; "": the root, a null MX */
};

/* The name at the start of raw RDATA, as text. False when it is no host's name, is compressed, too
 * long, or does not end where the RDATA does. */
MUST_USE bool relay_mx_name(struct span wire, char name_r[RELAY_NAME_MAX + 1]);

/* An MX record's RDATA. False when it is none: the record counts as absent (R07). */
MUST_USE bool relay_mx_parse(struct span rdata, struct relay_mx *mx_r);

/* RFC 7505 3: one record with the root as its host. */
MUST_USE bool relay_mx_is_null(const struct relay_mx *mx, unsigned count);

/* Puts the best ones in front, those of equal preference in an order by chance; the same host a
 * second time, and null ones beside others, are left out. Returns how many are left. */
unsigned relay_mx_order(struct relay_mx *mx, unsigned count, uint64_t (*draw)(void));

/* The exchangers as one text, whatever the order they came in: "mx1.example|mx2.example,backup". A
 * name longer than size - 1 ends with a hash of the rest. */
void relay_mx_site(const struct relay_mx *mx, unsigned count, char *site, unsigned size);

enum relay_address_kind {
    RELAY_ADDRESS_PUBLIC,   /* anything that is none of the others; private networks too */
    RELAY_ADDRESS_LOOPBACK, /* 127.0.0.0/8, ::1 */
    RELAY_ADDRESS_UNUSABLE, /* unspecified, link-local, multicast, broadcast, 0.0.0.0/8, 240/4 */
};
enum relay_address_kind relay_mx_address_kind(const unsigned char address[NETWORK_ADDRESS_LEN]);

/* One address of an exchanger. */
struct relay_mx_address {
    unsigned char address[NETWORK_ADDRESS_LEN];
    uint16_t preference;
    uint8_t host; /* which of the exchangers it is of */
    bool is_v6;
};

enum relay_mx_prefer {
    RELAY_MX_PREFER_ANY,
    RELAY_MX_PREFER_IPV4,
    RELAY_MX_PREFER_IPV6,
};

/* At most `max` of the addresses, the best preference first, in it by chance and with the families
 * in turn (or the preferred one first), so that a family that does not work here costs at most half
 * of the tries. Returns how many are left, in order. */
unsigned relay_mx_choose(struct relay_mx_address *addresses, unsigned count, unsigned max,
                         enum relay_mx_prefer prefer, uint64_t (*draw)(void));

#endif
