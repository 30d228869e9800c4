#ifndef CORE_SERVICE_IMAP_SEARCH_MATCH_H
#define CORE_SERVICE_IMAP_SEARCH_MATCH_H

/*
 * imap_search_match: does one message answer a SEARCH?
 *
 * The keys are tried from cheap to dear: first all that the index entry knows, then the header as
 * it was kept in META, then the message itself; and only until the whole is decided.
 */

#include <stdint.h>

#include "core/service/imap_run.h"

struct imap_searcher;

/* For one step of a run. Looks up what the keys name. */
MUST_USE struct imap_searcher *imap_searcher_new(struct imap_run *run,
                                                 struct imap_search_request *request);
void imap_searcher_free(struct imap_searcher **searcher);

/* A message that can't be read matches nothing that needs reading, and *is_damaged is set. */
MUST_USE bool imap_search_match(struct imap_searcher *searcher, const struct store_entry *entry,
                                bool *is_damaged);

/* Which UIDs can match at all, by the sets that all keys are bound to. */
struct imap_range imap_search_bounds(const struct imap_search_request *request);

#endif
