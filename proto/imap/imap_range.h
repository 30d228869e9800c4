#ifndef PROTO_IMAP_IMAP_RANGE_H
#define PROTO_IMAP_IMAP_RANGE_H

/* imap_range: numbers of messages, both ends included, from <= to. Lists of them ascend and are
 * disjoint. */

#include <stddef.h>
#include <stdint.h>

struct imap_range {
    uint32_t from, to;
};

struct imap_ranges {
    struct imap_range *at; /* owned by whoever owns the list; free() */
    size_t count;
};

#endif
