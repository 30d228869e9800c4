#ifndef PROTO_IMAP_IMAP_SET_H
#define PROTO_IMAP_IMAP_SET_H

/*
 * imap_set: sequence sets (RFC 3501 section 9, `sequence-set`), as UIDs.
 *
 * "*" is the last message the client knows, "7:*" contains it even when it is below 7, and in an
 * empty mailbox both mean nothing.
 */

#include "core/base/attr.h"
#include "core/base/span.h"
#include "proto/imap/imap_range.h"
#include "proto/imap/imap_view.h"

enum imap_set_result {
    IMAP_SET_OK,
    IMAP_SET_SYNTAX,  /* no sequence set */
    IMAP_SET_NO_SUCH, /* a sequence number that no message has */
};

/* Reads a set of UIDs (by_uid) or of sequence numbers of the view, and says which UIDs it may mean:
 * sorted, disjoint, and wide, so that UIDs the view does not know may lie in between. On OK the
 * ranges are the caller's to free. */
MUST_USE enum imap_set_result imap_set_parse(struct span *at, const struct imap_view *view,
                                             bool by_uid, struct imap_ranges *uids_r);

/* Does a list of ranges hold this number? */
bool imap_ranges_hold(const struct imap_ranges *ranges, uint32_t number);

#endif
