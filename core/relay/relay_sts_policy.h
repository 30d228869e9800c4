#ifndef CORE_RELAY_RELAY_STS_POLICY_H
#define CORE_RELAY_RELAY_STS_POLICY_H

/* relay_sts_policy: what MTA-STS (RFC 8461) writes: the TXT record and the policy. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "core/relay/relay_dns.h"

enum {
    RELAY_STS_ID_MAX = 32,          /* bytes: RFC 8461 3.1 */
    RELAY_STS_POLICY_MAX = 65536,   /* bytes of a policy: RFC 8461 3.3 */
    RELAY_STS_MX_MAX = 4096,        /* bytes of all patterns; further ones are left out */
    RELAY_STS_AGE_MAX_S = 31557600, /* a year: RFC 8461 3.2 */
};

enum relay_sts_mode {
    RELAY_STS_NONE,
    RELAY_STS_TESTING,
    RELAY_STS_ENFORCE,
};

struct relay_sts_policy {
    enum relay_sts_mode mode;
    uint32_t max_age_s;
    char mx[RELAY_STS_MX_MAX]; /* patterns in lower case, divided by blanks */
};

/* One TXT record's RDATA. False when it is no MTA-STS record: others may stand beside it. */
MUST_USE bool relay_sts_txt_parse(struct span rdata, char id_r[RELAY_STS_ID_MAX + 1]);

/* The body as it was fetched. False when it is none that holds. */
MUST_USE bool relay_sts_policy_parse(struct span body, struct relay_sts_policy *policy_r);

/* May this exchanger (lower case) be used: RFC 8461 4.1? "*.example.com" stands for one label. */
MUST_USE bool relay_sts_policy_has(const char *mx, const char *host);

/* Where policies come from: relay_sts.h, or a table in tests. find() calls done() once, before it
 * returns or later on the same thread; policy NULL: the domain has none. Valid until it returns. */
typedef void (*relay_sts_fn)(void *context, const struct relay_sts_policy *policy);
struct relay_sts_source {
    void (*find)(void *self, const char *domain, relay_sts_fn done, void *context);
    void *self;
};

#endif
