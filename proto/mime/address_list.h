#ifndef PROTO_MIME_ADDRESS_LIST_H
#define PROTO_MIME_ADDRESS_LIST_H

/*
 * address_list: the addresses of From, To and their kin (RFC 5322 3.4 with 4.4's obsolete forms),
 * one at a time, as IMAP's ENVELOPE wants them.
 *
 * Nothing is refused: what is no address is given as well as it can be told. A comment serves as
 * the name where there is no other ("a@b (Ann)"). Encoded words stay encoded. Comments nest without
 * recursion; a quote, comment or '<' that never ends takes the rest. Any thread.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "proto/text/buffer.h"

enum address_kind {
    ADDRESS_MAILBOX,
    ADDRESS_GROUP, /* the start of a group; its name is in `mailbox` */
    ADDRESS_GROUP_END,
};

/* Absent parts have at == NULL. mailbox and host of a mailbox are never absent, maybe empty. */
struct address {
    enum address_kind kind;
    struct span name;    /* unquoted */
    struct span route;   /* "@a,@b": the source route of old */
    struct span mailbox; /* unquoted local part */
    struct span host;
};

struct address_list {
    struct span rest;
    struct buffer *scratch;
    bool in_group;
};

/* Starts a walk over a field's value, folded or not. The walk uses all of `scratch`. */
struct address_list address_list(struct span value, struct buffer *scratch);

/* The next one; its spans are valid until the next call or any other use of `scratch`. False at the
 * end. A group that is open at the end is ended first. */
MUST_USE bool address_list_next(struct address_list *list, struct address *address_r);

#endif
