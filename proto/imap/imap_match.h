#ifndef PROTO_IMAP_IMAP_MATCH_H
#define PROTO_IMAP_IMAP_MATCH_H

/*
 * imap_match: LIST's wildcards (RFC 3501 6.3.8): '*' stands for anything, '%' for anything within a
 * level. Takes len(name) * len(pattern) / 64 steps whatever the pattern is, as all places where it
 * could stand are moved on together, one bit each. "INBOX" matches in any case.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/span.h"

struct imap_match;

/* NULL when the pattern is longer than IMAP_PATTERN_MAX. Keeps nothing of `pattern`. */
MUST_USE struct imap_match *imap_match_new(struct span pattern);
void imap_match_free(struct imap_match **match);

MUST_USE bool imap_match_name(const struct imap_match *match, struct span name);

#endif
