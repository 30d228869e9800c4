#ifndef CORE_RELAY_RELAY_TLS_POLICY_H
#define CORE_RELAY_RELAY_TLS_POLICY_H

/*
 * relay_tls_policy: how TLS is spoken with a next hop: smtp_tls_security_level and
 * smtp_tls_policy_maps, with Postfix's levels and attributes. Belongs to the relay's thread.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"

enum relay_tls_level {
    RELAY_TLS_NONE,
    RELAY_TLS_MAY,       /* when offered; any certificate; plain text when it fails */
    RELAY_TLS_ENCRYPT,   /* always; any certificate */
    RELAY_TLS_DANE,      /* by its TLSA records where there are any that can be used */
    RELAY_TLS_DANE_ONLY, /* only by them */
    RELAY_TLS_VERIFY,    /* a certificate of a known authority with a name of `match` */
    RELAY_TLS_SECURE,    /* the same, and the names do not come from an unsafe DNS */
};

enum {
    RELAY_TLS_MATCH_MAX = 600, /* bytes */
};

/* What is asked of the connection to one target. Level RELAY_TLS_DANE here means: TLSA records are
 * there and one of them must match; dane without records has become may or encrypt before. */
struct relay_tls {
    enum relay_tls_level level;
    unsigned tlsa_first, tlsa_count;
    char match[RELAY_TLS_MATCH_MAX + 1]; /* of VERIFY and SECURE, and of TLSA records of an
                                            authority: names the certificate may have, divided by
                                            blanks; ".example.com" is any name below it */
    bool of_sts;                         /* MTA-STS asked for it, for logs and reports */
};

/* What a rule says of a next hop, before names are known. */
struct relay_tls_rule {
    enum relay_tls_level level;
    char match[RELAY_TLS_MATCH_MAX + 1]; /* "nexthop dot-nexthop", "hostname", names */
};

struct relay_tls_rules;

struct relay_tls_config {
    const char *level;              /* smtp_tls_security_level: "", "none", "may", ... */
    const char *const *policy_maps; /* smtp_tls_policy_maps */
    unsigned policy_count;
    const char *verify_match; /* smtp_tls_verify_cert_match: "hostname" */
    const char *secure_match; /* smtp_tls_secure_cert_match: "nexthop, dot-nexthop" */
};

/* NULL with lines in `why`. Reads files. */
MUST_USE struct relay_tls_rules *relay_tls_rules_open(const struct relay_tls_config *config,
                                                      struct chain *why);
void relay_tls_rules_close(struct relay_tls_rules **rules);
MUST_USE bool relay_tls_rules_refresh(struct relay_tls_rules *rules, struct chain *why);

/* For a next hop as it is written ("[mail.example.com]:587"), else for its domain, else for the
 * domains above it (".example.com"). False when the table's entry is wrong: mail must wait; `why`
 * gets the reason. rules NULL is RELAY_TLS_MAY. */
MUST_USE bool relay_tls_rule_find(const struct relay_tls_rules *rules, struct span nexthop,
                                  struct span domain, struct relay_tls_rule *rule_r,
                                  struct chain *why);

/* The rule's names with "nexthop", "dot-nexthop" and "hostname" replaced. */
void relay_tls_match(const struct relay_tls_rule *rule, struct span domain, struct span host,
                     char match_r[RELAY_TLS_MATCH_MAX + 1]);

const char *relay_tls_level_name(enum relay_tls_level level);

#endif
