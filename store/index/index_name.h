#ifndef STORE_INDEX_INDEX_NAME_H
#define STORE_INDEX_INDEX_NAME_H

/* index_name: which names accounts, mailboxes and keywords may have. Pure. */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "store/store.h"

enum {
    NAME_LEVEL_MAX = 255, /* bytes between two '/' (HOSTILE L15) */
    NAME_LEVELS_MAX = 32,
};

/* The name as it is kept: UTF-8, 1 to STORE_MAILBOX_NAME_MAX bytes, levels divided by '/', none of
 * them empty or longer than NAME_LEVEL_MAX, no control characters; a first level that is "inbox" in
 * any case becomes "INBOX". `room` has STORE_MAILBOX_NAME_MAX bytes; *normal_r points into it. */
MUST_USE bool name_mailbox(struct span name, char *room, struct span *normal_r);

/* True when `name` is at a level below `above`: "a/b/c" below "a". */
MUST_USE bool name_is_below(struct span name, struct span above);

/* The name of the level above; empty when there is none. */
struct span name_above(struct span name);

/* 1 to STORE_ACCOUNT_NAME_MAX bytes of UTF-8 without control characters. */
MUST_USE bool name_account(struct span name);

/* 1 to STORE_KEYWORD_LEN_MAX bytes of an IMAP atom (RFC 3501 flag-keyword). */
MUST_USE bool name_keyword(struct span name);

#endif
