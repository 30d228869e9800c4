#ifndef CORE_RELAY_RELAY_DNS_H
#define CORE_RELAY_RELAY_DNS_H

/*
 * relay_dns: one question to the DNS and its answer. What asks is above (relay_resolve); what
 * answers is a source behind it: libunbound (relay_unbound.h), or a table in tests. All of it
 * belongs to one thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/span.h"

enum {
    RELAY_NAME_MAX = 253,        /* bytes of a name as text: RFC 1035 2.3.4 without the final dot */
    RELAY_DNS_RECORDS_MAX = 100, /* records of one answer that are looked at */
    RELAY_DNS_RDATA_MAX = 64 * 1024,
};

enum relay_dns_type { /* RFC 1035 3.2.2, 3596, 6698 */
    RELAY_DNS_A = 1,
    RELAY_DNS_MX = 15,
    RELAY_DNS_TXT = 16,
    RELAY_DNS_AAAA = 28,
    RELAY_DNS_TLSA = 52,
};

enum relay_dns_status {
    RELAY_DNS_OK,      /* at least one record */
    RELAY_DNS_EMPTY,   /* the name is there and has no such record */
    RELAY_DNS_NO_NAME, /* NXDOMAIN */
    RELAY_DNS_FAILED,  /* SERVFAIL, no answer in time, bogus, too many questions: ask later */
};

struct relay_dns_answer {
    enum relay_dns_status status;
    bool is_secure; /* validated with DNSSEC; of an absence too */
    uint32_t ttl_s; /* how long it holds; of an absence too */
    unsigned count;
    const char *canonical; /* where CNAMEs led to, no final dot; "": the name itself */
    const char *why;       /* of RELAY_DNS_FAILED, words for a log; else "" */
    struct span records[RELAY_DNS_RECORDS_MAX]; /* raw RDATA, names in it not compressed */
};

/* The answer is valid until it returns. */
typedef void (*relay_dns_fn)(void *context, const struct relay_dns_answer *answer);

/* ask() calls done(context, ...) once, before it returns or later on the same thread; never after
 * the source was closed. `name` is a host name in ASCII of at most RELAY_NAME_MAX bytes, copied. */
struct relay_dns_source {
    void (*ask)(void *self, const char *name, enum relay_dns_type type, relay_dns_fn done,
                void *context);
    void *self;
};

#endif
