#ifndef PROTO_IMAP_IMAP_FLAGS_H
#define PROTO_IMAP_IMAP_FLAGS_H

/*
 * imap_flags: flags as words. System flags are bits of enum imap_flag; keywords are names, which
 * the store numbers for each account.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"

enum {
    IMAP_KEYWORDS_MAX = 64, /* bits in a mask of keywords */
};

/* Names of an account's keywords by number; lent by whoever fills it. */
struct imap_keywords {
    struct span name[IMAP_KEYWORDS_MAX]; /* len 0: there is none of this number */
};

enum imap_flags_result {
    IMAP_FLAGS_OK,
    IMAP_FLAGS_SYNTAX,   /* no list of flags, or \Recent, or a flag that does not exist */
    IMAP_FLAGS_TOO_LONG, /* a keyword past keyword_size */
    IMAP_FLAGS_TOO_MANY, /* more than keyword_max different keywords */
};
struct imap_flag_list {
    unsigned flags;
    struct span *keywords; /* owned; the text is the command's */
    unsigned keyword_count;
};

/* "(\Seen $Junk)" or the flags without parentheses (RFC 3501 store-att-flags), to the end of the
 * list. Each keyword is there once. On OK the list is the caller's to free. */
MUST_USE enum imap_flags_result imap_flags_parse(struct span *at, unsigned keyword_max,
                                                 unsigned keyword_size,
                                                 struct imap_flag_list *list_r);

/* The bit of a system flag's word without its backslash; 0 when there is none. */
unsigned imap_flag_find(struct span word);

/* Appends "(\Seen \Recent Junk)". */
void imap_flags_write(struct chain *out, unsigned flags, bool is_recent, uint64_t keywords,
                      const struct imap_keywords *names);

/* Appends the FLAGS and PERMANENTFLAGS responses of a mailbox. */
void imap_flags_write_mailbox(struct chain *out, uint64_t keywords,
                              const struct imap_keywords *names, bool read_only);

#endif
