#ifndef PROTO_TEXT_ADDRESS_H
#define PROTO_TEXT_ADDRESS_H

/*
 * address: one mailbox of an SMTP envelope (RFC 5321 4.1.2), with the leniencies that the mail of
 * the world needs: missing brackets, missing domain, dots anywhere in a local part, a final dot of
 * the domain. A source route is read and forgotten (RFC 5321 4.1.1.3).
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/span.h"

enum {
    ADDRESS_LOCAL_MAX = 64, /* bytes: RFC 5321 4.5.3.1.1. Recipients are held to it; senders, who */
    ADDRESS_PATH_MAX = 256, /* carry keys of mailing lists, only to the limit of a path */
    ADDRESS_DOMAIN_MAX = 255,                                             /* RFC 5321 4.5.3.1.2 */
    ADDRESS_TEXT_MAX = 2 * ADDRESS_PATH_MAX + 2 + 1 + ADDRESS_DOMAIN_MAX, /* written and quoted */
};

enum address_flag {
    ADDRESS_MAY_BE_EMPTY = 1 << 0, /* <>: the null sender */
    ADDRESS_MAY_BE_UTF8 = 1 << 1,  /* RFC 6531; else bytes above 127 are ADDRESS_NEEDS_UTF8 */
    ADDRESS_LONG_LOCAL = 1 << 2,
};

enum address_status {
    ADDRESS_OK,
    ADDRESS_BAD,
    ADDRESS_NEEDS_UTF8,
};

struct address {
    size_t local_len, domain_len;
    bool is_literal; /* the domain is an address in brackets */
    bool is_utf8;
    char local[ADDRESS_PATH_MAX];    /* without quotes and backslashes; empty only in <> */
    char domain[ADDRESS_DOMAIN_MAX]; /* as written, without a final dot; may be empty */
};

/* Takes the path at the cursor: "<...>", or unless `strict` one word without brackets. The span
 * leaves the brackets out. Quotes are honoured when looking for the end. */
MUST_USE bool address_path(struct span *at, bool strict, struct span *inside_r);

/* The whole of `inside` is an address. flags: enum address_flag. */
MUST_USE enum address_status address_parse(struct span inside, unsigned flags,
                                           struct address *address_r);

/* Writes it with quotes where they are needed, without brackets; `text` has room for
 * ADDRESS_TEXT_MAX. Returns the length; no NUL. */
size_t address_write(const struct address *address, char *text);

static inline struct span address_local(const struct address *a)
{
    return (struct span){a->local, a->local_len};
}

static inline struct span address_domain(const struct address *a)
{
    return (struct span){a->domain, a->domain_len};
}

/* A host name as HELO and domains have it: labels of 1 to 63 letters, digits, "-", "_" and, when
 * asked for, bytes above 127; no final dot. */
MUST_USE bool address_is_hostname(struct span text, bool may_be_utf8);

/* "[1.2.3.4]", "[IPv6:...]", or a literal with another tag (RFC 5321 4.1.3). */
MUST_USE bool address_is_literal(struct span text);

#endif
