#ifndef PROTO_IMAP_IMAP_VIEW_H
#define PROTO_IMAP_IMAP_VIEW_H

/*
 * imap_view: what one client knows of the mailbox that it has selected.
 *
 * The UIDs that have a sequence number for this client, as runs, so that a mailbox without gaps
 * costs one run; which of them are \Recent here; and up to which change it has been told. The
 * session owns it and lends it to its requests: one thread at a time. Finding either number from
 * the other takes O(log runs).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "proto/imap/imap_range.h"

enum {
    IMAP_RECENT_RUNS_MAX = 64, /* past it the oldest stop being \Recent, which no client misses */
};

struct imap_view_run {
    uint32_t from, to; /* UIDs, both included */
    uint32_t before;   /* how many messages come before this run */
};

struct imap_view {
    uint64_t mailbox;
    uint32_t uid_validity;
    uint32_t uid_next;      /* all UIDs below it that exist were told or vanished untold */
    uint64_t modseq;        /* flags and new messages were told up to here */
    uint64_t vanish_modseq; /* expunges were told up to here */
    uint64_t keywords;      /* bits of the account's keywords that FLAGS has named */
    uint32_t recent_told;   /* the number in the last RECENT response */
    bool read_only;         /* EXAMINE */

    struct imap_view_run *runs;
    uint32_t run_count, run_size;
    struct imap_range *recent;
    uint32_t recent_count;
};

MUST_USE struct imap_view *imap_view_new(uint64_t mailbox);
void imap_view_free(struct imap_view **view);
size_t imap_view_held(const struct imap_view *v); /* bytes of memory */

uint32_t imap_view_count(const struct imap_view *v);    /* messages: EXISTS */
uint32_t imap_view_last_uid(const struct imap_view *v); /* 0 when empty */

uint32_t imap_view_uid(const struct imap_view *v, uint32_t seq); /* 1 <= seq <= count */
uint32_t imap_view_seq(const struct imap_view *v, uint32_t uid); /* 0: not known to this client */
uint32_t imap_view_count_in(const struct imap_view *v, struct imap_range uids);

/* Adds UIDs above all that are there. */
void imap_view_append(struct imap_view *v, struct imap_range uids);

/* Takes away those of the UIDs that are there; `uids` ascend and are disjoint. */
void imap_view_remove(struct imap_view *v, const struct imap_range *uids, size_t count);

/* Says that these UIDs are \Recent here (above those said before). */
void imap_view_recent_add(struct imap_view *v, struct imap_range uids);
bool imap_view_is_recent(const struct imap_view *v, uint32_t uid);
uint32_t imap_view_recent_count(const struct imap_view *v);

#endif
