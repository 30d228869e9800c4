#ifndef CORE_SERVICE_POP3_RUN_H
#define CORE_SERVICE_POP3_RUN_H

/*
 * pop3_run: what all POP3 runs have in common.
 *
 * A run is a step function. It is called with a view of the store open and does a bounded piece of
 * its request: as much as fits the output, or up to a change that must be in the store before it
 * can go on. Where it was stands in the request; no view is kept from one step to the next. Worker
 * threads.
 */

#include "core/service/service.h"
#include "proto/pop3/pop3_requests.h"

enum {
    POP3_LENT_MAX = 1024 * 1024, /* bytes of messages in one step's output */
};

/* What a step wants. */
enum pop3_next {
    POP3_NEXT_DONE,   /* run->status is the answer */
    POP3_NEXT_MORE,   /* send what there is, then call the step again */
    POP3_NEXT_CHANGE, /* submit run->change, then call the step again: request->has_changed */
};

struct pop3_run {
    struct service *service;
    struct pop3_request *request;
    struct chain *out;
    struct store_view *view;
    struct store_change *change; /* with POP3_NEXT_CHANGE */
    enum store_ack ack;
    enum request_status status; /* with POP3_NEXT_DONE */
};

typedef enum pop3_next pop3_step_fn(struct pop3_run *run);

/* Runs one step of a request. REQUEST_DELETED: the maildrop is not INBOX any more. */
enum service_outcome pop3_run_step(struct service *s, struct request *r, struct job *job,
                                   pop3_step_fn *step);

/* Ends the run with a store's answer. */
enum pop3_next pop3_run_fail(struct pop3_run *run, enum store_status status);

/* Has a change made and the step called again. */
enum pop3_next pop3_run_change(struct pop3_run *run, struct store_change *change,
                               enum store_ack ack);

/* The output of this step is full. */
bool pop3_run_is_full(const struct pop3_run *run);

/* The entry of a message of the maildrop; STORE_NOT_FOUND when it is gone. */
MUST_USE enum store_status pop3_run_entry(const struct pop3_run *run, uint32_t number,
                                          struct store_entry *entry_r);

/* A change that marks \Seen what was read and, when `removes`, removes what is marked as deleted,
 * from these numbers on, which move behind what fits one change; NULL when nothing is left. */
struct store_change *pop3_update_change(struct store *store, const struct pop3_maildrop *drop,
                                        bool removes, uint32_t *deleted, uint32_t *seen);

/* The rows of service_table.c. */
service_run_fn pop3_open_run, pop3_number_run, pop3_stat_run, pop3_list_run, pop3_retr_run,
    pop3_quit_run;

#endif
