#ifndef PROTO_IMAP_IMAP_MATCH_H
#define PROTO_IMAP_IMAP_MATCH_H

/*
 * imap_match: LIST's wildcards (RFC 3501 6.3.8): '*' stands for anything, '%' for anything within a
 * level. Takes len(name) * len(patterns) / 64 steps whatever the patterns are, as all places where
 * they could stand are moved on together, one bit each. "INBOX" matches in any case.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"

struct imap_match;

/* What matches is any of some patterns, IMAP_PATTERN_MAX bytes in all, one more for each. */
MUST_USE struct imap_match *imap_match_new(void);
/* False, and nothing is added, when they are too long together. Keeps nothing of `pattern`. */
MUST_USE bool imap_match_add(struct imap_match *match, struct span pattern);
void imap_match_free(struct imap_match **match);

MUST_USE bool imap_match_name(const struct imap_match *match, struct span name);

/* The name and each of the levels above it, in one go: bit n says that the first n + 1 levels
 * match. Names of up to 32 levels. */
MUST_USE uint32_t imap_match_levels(const struct imap_match *match, struct span name);

#endif
