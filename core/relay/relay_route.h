#ifndef CORE_RELAY_RELAY_ROUTE_H
#define CORE_RELAY_RELAY_ROUTE_H

/*
 * relay_route: by which transport and to which next hop a recipient's mail goes, as Postfix's
 * transport(5), relayhost, sender_dependent_relayhost_maps and default_transport say it. No DNS
 * here: what a next hop's hosts are is relay_resolve's. All look-ups are in memory; a relay_routes
 * belongs to one thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"
#include "core/relay/relay_dns.h"

struct relay_routes;

enum {
    RELAY_NEXTHOP_MAX = 512, /* bytes of a next hop as text; longer ones are refused on loading */
};

enum relay_transport {
    RELAY_BY_SMTP,    /* "smtp", "relay" */
    RELAY_BY_LMTP,    /* "lmtp" */
    RELAY_BY_ERROR,   /* "error": returned to the sender; the next hop is "5.x.y text" or text */
    RELAY_BY_RETRY,   /* "retry": kept and tried later; the next hop is "4.x.y text" or text */
    RELAY_BY_DISCARD, /* "discard": thrown away as if delivered */
};

struct relay_route {
    enum relay_transport transport;
    char nexthop[RELAY_NEXTHOP_MAX + 1]; /* lower case where it is a host; with its port as written:
                                            "example.com", "[mail.example.com]:587",
                                            "unix:/run/lmtp", "inet:host:24" */
};

struct relay_routes_config {           /* lists may be NULL when their count is 0 */
    const char *const *transport_maps; /* "hash:/etc/postfix/transport": see lookup.h */
    unsigned transport_count;
    const char *const *sender_relayhost_maps; /* sender_dependent_relayhost_maps */
    unsigned sender_relayhost_count;
    const char *const *relay_domains; /* names; subdomains of them count too, as in Postfix */
    unsigned relay_domain_count;
    const char *relayhost;           /* "": none; "[host]:port", "domain" */
    const char *default_transport;   /* "smtp", "smtp:[host]:port", "error:text", ... */
    const char *relay_transport;     /* the same for relay_domains */
    const char *recipient_delimiter; /* "+"; "" for none */
};

/* NULL with a line "file:line: what is wrong; what to do" for each finding appended to `why`. Reads
 * files. */
MUST_USE struct relay_routes *relay_routes_open(const struct relay_routes_config *config,
                                                struct chain *why);
void relay_routes_close(struct relay_routes **routes);

/* Reads again the files that changed since they were read; one that cannot be read or is wrong
 * stays as it was, and `why` gets its lines. True when something is new: what was routed before may
 * go elsewhere now. Costs one stat() a file. */
MUST_USE bool relay_routes_refresh(struct relay_routes *routes, struct chain *why);

/* Where mail from `sender` ("" is <>) for `recipient` goes. Always an answer: what no rule can
 * answer is RELAY_BY_RETRY with its reason. */
void relay_route_find(const struct relay_routes *routes, struct span sender, struct span recipient,
                      struct relay_route *route_r);

/* The next hop of RELAY_BY_ERROR and RELAY_BY_RETRY in its two halves: "5.7.1 go away" has a code
 * of its own; else it is 5.0.0 or 4.0.0. */
void relay_route_reason(const struct relay_route *route, struct span *enhanced_r,
                        struct span *text_r);

/* ---- a next hop's parts ---- */

enum relay_hop_kind {
    RELAY_HOP_DOMAIN,  /* its mail exchangers */
    RELAY_HOP_HOST,    /* [host]: its addresses only */
    RELAY_HOP_ADDRESS, /* [192.0.2.1], [2001:db8::1], [IPv6:2001:db8::1] */
    RELAY_HOP_UNIX,    /* a socket's path */
};

struct relay_hop {
    enum relay_hop_kind kind;
    struct span name;          /* without brackets; into the text that was parsed */
    uint16_t port;             /* 0 for a socket's path */
    bool has_port;             /* it was named */
    unsigned char address[16]; /* of RELAY_HOP_ADDRESS, as core/base/network.h has it */
};

/* False when it is no next hop of that transport (RELAY_BY_SMTP or RELAY_BY_LMTP). Port 25 for SMTP
 * and 24 for LMTP when none is named; "smtp", "submission", "submissions", "smtps" and "lmtp" are
 * names of ports. */
MUST_USE bool relay_hop_parse(enum relay_transport transport, struct span nexthop,
                              struct relay_hop *hop_r);

#endif
