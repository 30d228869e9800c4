#ifndef CORE_RELAY_RELAY_RESOLVE_H
#define CORE_RELAY_RELAY_RESOLVE_H

/*
 * relay_resolve: from a next hop to the addresses to try, in order, and how TLS must be spoken with
 * each: RFC 5321 5.1 (mail exchangers), 7505 (null MX), 7672 (DANE), 8461 (MTA-STS).
 *
 * It asks a DNS source and never waits: relay_resolve() calls back, at once when the answer is
 * known, else from within the source. Answers are kept for as long as the DNS says, within bounds;
 * any number may ask for the same next hop, it is looked up once. All of it belongs to one thread,
 * the relay's.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/network.h"
#include "core/base/span.h"
#include "core/relay/relay_dns.h"
#include "core/relay/relay_route.h"
#include "core/relay/relay_sts_policy.h"
#include "core/relay/relay_tls_policy.h"
#include "core/relay/relay_tlsa.h"

struct relay_resolver;

enum {
    RELAY_TARGETS_MAX = 32,    /* bound of smtp_mx_address_limit */
    RELAY_SITE_MAX = 512,      /* bytes of a site's name */
    RELAY_REASON_MAX = 400,    /* bytes of the words of a failure */
    RELAY_CACHE_TTL_MIN_S = 5, /* however short the DNS says */
    RELAY_CACHE_TTL_MAX_S = 3600,
    RELAY_CACHE_TTL_FAILED_S = 30, /* of RELAY_ANSWER_LATER */
};

enum relay_families { /* smtp_address_preference, and inet_protocols where only one is spoken */
    RELAY_FAMILY_ANY,
    RELAY_FAMILY_IPV4,
    RELAY_FAMILY_IPV6,
};

/* One address to try. */
struct relay_target {
    char host[RELAY_NAME_MAX + 1]; /* the exchanger's name, for logs and SNI; of an address literal
                                      its text; of a socket its path's last 253 bytes */
    char address_text[46];         /* "192.0.2.1"; "" for a socket */
    unsigned char address[NETWORK_ADDRESS_LEN];
    uint16_t port;
    uint16_t preference; /* of its MX record */
    bool is_secure;      /* MX and address were validated with DNSSEC */
    struct relay_tls tls;
};

enum relay_answer_status {
    RELAY_ANSWER_HOSTS,
    RELAY_ANSWER_LATER, /* code is 4xx */
    RELAY_ANSWER_NEVER, /* code is 5xx */
};

/* What became of the question. Valid until the callback returns; relay_answer_copy() keeps one. */
struct relay_answer {
    enum relay_answer_status status;
    uint16_t code;                     /* 556; 0 with hosts */
    char enhanced[12];                 /* "5.1.10" */
    char text[RELAY_REASON_MAX];       /* "Domain example.com does not accept mail (nullMX)" */
    char site[RELAY_SITE_MAX];         /* the same for all next hops with the same exchangers, port
                                          and rules for TLS: limits and connections are the site's */
    char unix_path[RELAY_NEXTHOP_MAX]; /* the only target is this socket; else "" */
    unsigned count;
    const struct relay_target *targets;
    const struct relay_tlsa *tlsa; /* what tls.tlsa_first and tlsa_count of a target count in */
    unsigned tlsa_count;
};

/* One block of memory with all that it points to. */
MUST_USE struct relay_answer *relay_answer_copy(const struct relay_answer *answer);
void relay_answer_free(struct relay_answer **answer);

struct relay_resolver_config { /* what is pointed to must outlive the resolver */
    const struct relay_dns_source *dns;
    enum relay_families families;   /* spoken at all: inet_protocols */
    enum relay_families preference; /* smtp_address_preference; ANY alternates */
    unsigned address_limit;         /* smtp_mx_address_limit; 0: RELAY_TARGETS_MAX */
    const char *const *own_names;   /* myhostname, and others that are this host */
    unsigned own_name_count;
    const struct network *own_networks; /* addresses where this host takes mail: its own and
                                           proxy_interfaces */
    unsigned own_network_count;
    bool local_allowed; /* exchangers in the DNS may have loopback, link-local and such addresses */
    bool defer_if_no_mx_address;        /* smtp_defer_if_no_mx_address_found */
    const struct relay_tls_rules *tls;  /* NULL: RELAY_TLS_MAY for all */
    const struct relay_sts_source *sts; /* NULL: MTA-STS is not looked for */
    uint64_t (*draw)(void);             /* NULL: random_u64() */
    uint64_t (*now_ns)(void);           /* NULL: clock_monotonic_ns() */
    unsigned lookups_max;               /* next hops being looked up; more are told 4.4.3. 0: 512 */
    unsigned cache_max;                 /* next hops that are kept; the oldest go. 0: 10,000 */
};

MUST_USE struct relay_resolver *relay_resolver_open(const struct relay_resolver_config *config);

/* Questions that wait are forgotten: their callbacks are not called. The DNS source must be closed
 * before, so that it calls no more. */
void relay_resolver_close(struct relay_resolver **resolver);

typedef void (*relay_resolve_fn)(void *context, const struct relay_answer *answer);

/* The hosts of a route by SMTP or LMTP. done() may be called before this returns. */
void relay_resolve(struct relay_resolver *resolver, const struct relay_route *route,
                   relay_resolve_fn done, void *context);

/* Forgets what is known of all next hops (a flush, new settings); those being looked up go on. */
void relay_resolve_forget(struct relay_resolver *resolver);

#endif
