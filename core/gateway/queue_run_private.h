#ifndef CORE_GATEWAY_QUEUE_RUN_PRIVATE_H
#define CORE_GATEWAY_QUEUE_RUN_PRIVATE_H

/* What a queue_run is made of, for the files queue_*.c. */

#include "core/gateway/queue_run.h"
#include "store/store_queue.h"

struct queue_counts; /* queue_stat.c */

enum {
    QUEUE_PAGE = 512, /* recipients looked at in a step */
};

/* Those of a message that were asked for and stand in one page. A message of more is several parts,
 * one behind the other. */
struct queue_part {
    store_queue_id id;
    const struct store_queue_envelope *envelope;
    const struct store_queue_recipient *rows;
    size_t count;
    unsigned states; /* enum queue_state of all in the page, asked for or not */
    bool is_expired; /* one of them is to be returned */
};

/* What is made of them. end() comes after the last part of a message, finish() at the end. */
struct queue_use {
    void (*begin)(struct queue_run *run, const struct queue_part *part);
    void (*part)(struct queue_run *run, const struct queue_part *part);
    void (*end)(struct queue_run *run);
    void (*page)(struct queue_run *run); /* while the view is open still */
    void (*finish)(struct queue_run *run);
};

struct queue_run {
    struct store *store;
    const struct queue_request *request;
    const struct queue_use *use;
    int64_t now_us;
    bool is_begun, is_over, has_failed, made_due;

    struct store_queue_recipient rows[QUEUE_PAGE], chosen[QUEUE_PAGE];
    store_queue_id next;
    uint32_t next_number;
    store_queue_id last;      /* that was looked at; 0: none */
    bool is_open;             /* begin() was called for it, end() not yet */
    uint64_t seen, seen_most; /* messages looked at; how many there were at the start */
    uint64_t named;           /* of the ids that were asked for */
    uint64_t messages, recipients, bytes;

    /* during a step */
    struct store_view *view;
    struct chain *out, *say;

    /* of the uses */
    char reason[STORE_QUEUE_STATUS_MAX + 1]; /* that was shown last */
    size_t reason_len;
    bool has_row; /* a comma is due */
    struct store_change *change;
    struct span changed[QUEUE_PAGE]; /* names of messages that the page changes */
    unsigned changed_recipients[QUEUE_PAGE];
    size_t changed_count;
    struct store_queue_update updates[QUEUE_PAGE];
    struct queue_counts *counts;
};

extern const struct queue_use queue_use_text, queue_use_show, queue_use_json, queue_use_mailq,
    queue_use_mailq_json, queue_use_cat, queue_use_postcat, queue_use_change, queue_use_stat;

/* Ends the run with a line on standard error. */
void queue_run_fail(struct queue_run *run, const char *what, enum store_status status);

/* queue_match.c */
MUST_USE unsigned queue_match_state(const struct store_queue_recipient *r, int64_t now_us);
MUST_USE bool queue_match_id(const struct queue_request *q, struct span queue_id);
MUST_USE bool queue_match_envelope(const struct queue_request *q,
                                   const struct store_queue_envelope *e, int64_t now_us);
MUST_USE bool queue_match_recipient(const struct queue_request *q,
                                    const struct store_queue_recipient *r, int64_t now_us);

/* queue_stat.c */
void queue_stat_free(struct queue_counts **counts);

#endif
