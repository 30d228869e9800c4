#ifndef CORE_RELAY_RELAY_SEARCH_H
#define CORE_RELAY_RELAY_SEARCH_H

/*
 * relay_search: what is asked of the DNS for one next hop, and what is known when all is answered.
 * relay_resolve keeps the finished ones; relay_answer makes answers of them. Private to these
 * three.
 *
 *     MX -> A and AAAA of each exchanger -> TLSA of those that are secure, when the rule wants DANE
 *     MTA-STS, beside all of it
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/list.h"
#include "core/relay/relay_mx.h"
#include "core/relay/relay_resolve.h"

struct relay_waiter;

enum relay_tlsa_state {
    RELAY_TLSA_NONE,     /* no DNSSEC, or no records: DANE says nothing */
    RELAY_TLSA_USABLE,   /* one of them must match */
    RELAY_TLSA_UNUSABLE, /* there are some, and none can be used */
    RELAY_TLSA_FAILED,   /* whether there are some is not known */
};

struct relay_host {
    char name[RELAY_NAME_MAX + 1];
    char
        canonical[RELAY_NAME_MAX + 1]; /* where its CNAME leads, when that is secure; "": nowhere */
    char tlsa_base[RELAY_NAME_MAX + 1]; /* the name that its TLSA records belong to */
    uint16_t preference;
    bool is_secure; /* MX and addresses */
    bool failed;    /* an address could not be looked up */
    bool is_left_out;
    enum relay_tlsa_state tlsa;
    unsigned tlsa_first, tlsa_count;
};

struct relay_search {
    struct list link; /* of the resolver: oldest use first */
    struct span key;  /* of the resolver's map; into key_text */
    char key_text[RELAY_NEXTHOP_MAX + 2];
    struct relay_resolver *resolver;
    const struct relay_resolver_config *config;
    struct relay_waiter *waiters;
    struct list questions; /* that are out */
    struct relay_route route;
    struct relay_hop hop;            /* into route */
    char domain[RELAY_NAME_MAX + 1]; /* the name asked for, in ASCII */
    struct relay_tls_rule rule;
    bool is_done, has_mx;
    bool has_failed_host;   /* it knows less than it might: ask again soon */
    unsigned addresses_out; /* questions for addresses that are still to come */
    unsigned pending;       /* answers that are still to come */
    uint64_t expires;       /* monotonic ns, when done */
    uint32_t ttl_s;         /* the shortest of the records */
    unsigned host_count, address_count, tlsa_count;
    struct relay_host *hosts;
    struct relay_mx_address *addresses;
    struct relay_tlsa *tlsa;
    char *sts_mx; /* the patterns of a policy that is enforced; NULL: none */

    /* What came of it. */
    enum relay_answer_status status;
    uint16_t code;
    char enhanced[12];
    char text[RELAY_REASON_MAX];
    char site[RELAY_SITE_MAX];
};

/* Begins; relay_search_ended() comes when is_done, maybe before this returns. */
void relay_search_begin(struct relay_search *s);
/* The sources of its answers must be closed when some are still to come. */
void relay_search_free(struct relay_search **search);

/* relay_decide.c: all answers are there; what they come to. */
void relay_search_decide(struct relay_search *s);
void relay_search_fail(struct relay_search *s, enum relay_answer_status status, uint16_t code,
                       const char *enhanced, const char *format, ...) PRINTF_LIKE(5, 6);

/* relay_resolve.c: hands the answers to those who wait. */
void relay_search_ended(struct relay_search *s);

/* As text, with room for IP_TEXT_MAX. */
void relay_address_write(const unsigned char address[NETWORK_ADDRESS_LEN], char *text);

/* relay_answer.c: a new answer, addresses in an order by chance. */
MUST_USE struct relay_answer *relay_answer_make(const struct relay_search *s);

#endif
