#ifndef CORE_GATEWAY_QUEUE_RUN_H
#define CORE_GATEWAY_QUEUE_RUN_H

/*
 * queue_run: answers one queue_request from the store, in steps of some hundred recipients, each
 * with a view of its own. So a million of them cost no memory, and a reader who takes his time
 * keeps nothing from being cleared away. What comes into the queue meanwhile may be seen or not.
 *
 * One thread at a time; a step reads the disk, and waits for it when something is changed.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/gateway/queue_request.h"

struct store;
struct queue_run;

/* The request must stay until the run is freed. */
MUST_USE struct queue_run *queue_run_new(struct store *store, const struct queue_request *request);
void queue_run_free(struct queue_run **run);

/* Appends to `out` what there is to read, and to `say` what belongs on standard error. False after
 * the last step. */
MUST_USE bool queue_run_step(struct queue_run *run, struct chain *out, struct chain *say);

bool queue_run_failed(const struct queue_run *run); /* said why, or found nothing by its name */

/* Somebody may be due now who was not: the relay wants to know (relay_flush()). */
bool queue_run_made_due(const struct queue_run *run);

#endif
