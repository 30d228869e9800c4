#ifndef PROTO_TEXT_PROXY_H
#define PROTO_TEXT_PROXY_H

/*
 * proxy: the header that a load balancer sends first, to say who it speaks for (the PROXY protocol,
 * version 1 in text and version 2 in binary).
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "proto/text/ip.h"

enum {
    PROXY_V1_MAX = 107,  /* bytes, CRLF included: the protocol's own limit */
    PROXY_V2_MAX = 4096, /* bytes with the 16 of the fixed part; the rest may hold TLVs */
};

enum proxy_status {
    PROXY_OK,
    PROXY_MORE, /* so far it may become a header */
    PROXY_BAD,  /* it is none, or one that we refuse: hang up */
};

struct proxy_peer {
    bool is_unknown; /* the proxy speaks for itself (LOCAL, UNKNOWN): the rest is not set */
    char address[IP_TEXT_MAX], local_address[IP_TEXT_MAX];
    uint16_t port, local_port;
};

/* Reads the header at the start of `bytes`. *eaten_r is set with PROXY_OK only; what follows is the
 * client's. */
MUST_USE enum proxy_status proxy_parse(struct span bytes, struct proxy_peer *peer_r,
                                       size_t *eaten_r);

#endif
