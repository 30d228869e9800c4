#ifndef CORE_RELAY_RELAY_TLSA_H
#define CORE_RELAY_RELAY_TLSA_H

/* relay_tlsa: a TLSA record (RFC 6698 2.1) as mail may use it (RFC 7672 3.1). Pure. */

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"
#include "core/base/span.h"

enum {
    RELAY_TLSA_DIGEST_MAX = 64,
    RELAY_TLSA_PER_HOST_MAX = 16, /* records of one host that are looked at */
};

enum relay_tlsa_usage {
    RELAY_TLSA_TA = 2, /* DANE-TA: an authority of the chain, names are compared */
    RELAY_TLSA_EE = 3, /* DANE-EE: the server's own; names and dates do not count */
};

struct relay_tlsa {
    enum relay_tlsa_usage usage;
    bool of_key; /* of the SubjectPublicKeyInfo; else of the whole certificate (DER) */
    bool is_512; /* SHA2-512 of it; else SHA2-256 */
    unsigned char digest[RELAY_TLSA_DIGEST_MAX]; /* 32 or 64 bytes */
};

/* False when the record cannot be used: malformed, of another usage, or an unknown selector or
 * matching type. A whole certificate or key (matching type 0) becomes its SHA2-256. */
MUST_USE bool relay_tlsa_parse(struct span rdata, struct relay_tlsa *tlsa_r);

static inline struct span relay_tlsa_digest(const struct relay_tlsa *tlsa)
{
    return (struct span){(const char *)tlsa->digest, tlsa->is_512 ? 64 : 32};
}

#endif
