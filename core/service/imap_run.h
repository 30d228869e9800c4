#ifndef CORE_SERVICE_IMAP_RUN_H
#define CORE_SERVICE_IMAP_RUN_H

/*
 * imap_run: what all IMAP runs have in common.
 *
 * A run is a step function. It is called with a view of the store open and does a bounded piece of
 * its request: as much as fits the output, or up to a change that must be in the store before it
 * can go on. Where it was stands in the request; no view and no entry is kept from one step to the
 * next. Worker threads.
 */

#include "core/service/service.h"
#include "proto/imap/imap_flags.h"
#include "proto/imap/imap_requests.h"

enum {
    IMAP_ENTRIES = 256,          /* index entries read at a time */
    IMAP_LENT_MAX = 1024 * 1024, /* bytes of messages in one step's output */
};

/* What a step wants. */
enum imap_next {
    IMAP_NEXT_DONE,   /* run_status is the answer */
    IMAP_NEXT_MORE,   /* send what there is, then call the step again */
    IMAP_NEXT_CHANGE, /* submit run->change, then call the step again */
};

struct imap_run {
    struct service *service;
    struct imap_request *request;
    struct chain *out;
    struct store_view *view;
    struct store_change *change; /* with IMAP_NEXT_CHANGE */
    enum request_status status;  /* with IMAP_NEXT_DONE */

    struct imap_keywords names; /* of those keywords that imap_run_names() was asked for */
    uint64_t names_known;
    struct store_entry entries[IMAP_ENTRIES];
};

typedef enum imap_next imap_step_fn(struct imap_run *run);

/* Runs one step of a request, after its account was found or made. */
enum service_outcome imap_run_step(struct service *s, struct request *r, struct job *job,
                                   imap_step_fn *step);

enum request_status imap_run_status(enum store_status status);

/* Ends the run with a store's answer. */
enum imap_next imap_run_fail(struct imap_run *run, enum store_status status);

/* The output of this step is full. */
bool imap_run_is_full(const struct imap_run *run);

/* The names of these keywords; valid until the step ends. */
const struct imap_keywords *imap_run_names(struct imap_run *run, uint64_t keywords);

/* "* 3 FETCH (FLAGS (...))" of an entry, when the client knows of it. */
void imap_run_write_flags(struct imap_run *run, const struct store_entry *entry, bool says_uid);

/* Closes the view and opens another, to see what happened since. */
enum store_status imap_run_look_again(struct imap_run *run);

/* After IMAP_NEXT_CHANGE: when nobody else changed the mailbox in between, the client knows all up
 * to this change, by what the run says itself. */
void imap_run_own_change(struct imap_run *run);

/* The UIDs of a command that its client can mean, from malloc: not those that it was not told of.
 * *messages_r is how many the client knows there. */
struct store_range *imap_run_ranges(const struct imap_view *view, const struct imap_ranges *uids,
                                    size_t *count_r, uint32_t *messages_r);

/* False when these keywords would be more than an account may have. */
MUST_USE bool imap_run_keywords_fit(struct imap_run *run, const struct span *keywords,
                                    unsigned count);

/* The entries from `uid` on that are at or below `last`; *count_r 0 at the end. */
enum store_status imap_run_entries(struct imap_run *run, uint32_t uid, uint32_t last,
                                   size_t *count_r);

/* imap_sync_run.c: tells the client what it does not know yet; may be called as a step's last
 * part until it says DONE. */
enum imap_next imap_sync_step(struct imap_run *run);
/* Names keywords to the client that it was not told of (FLAGS, PERMANENTFLAGS). */
void imap_sync_keywords(struct imap_run *run, uint64_t keywords);

/* The rows of service_table.c. */
service_run_fn imap_select_run, imap_status_run, imap_list_run, imap_fetch_run, imap_store_run,
    imap_mailbox_run, imap_search_run, imap_expunge_run, imap_append_run, imap_copy_run,
    imap_sync_run;

#endif
