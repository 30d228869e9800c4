#ifndef CORE_WORK_INBOX_H
#define CORE_WORK_INBOX_H

/*
 * inbox: jobs on their way home to one thread. Many writers, one reader, no lock. The reader sleeps
 * in its own way (a reactor in its wait call); the first post after it said that it sleeps calls
 * wake(), later ones do not: one wake for a batch.
 */

#include <stdbool.h>

#include "core/base/attr.h"

struct inbox;
struct job;

/* wake(context) is called by any posting thread and must not block. */
MUST_USE struct inbox *inbox_open(void (*wake)(void *context), void *context);
void inbox_close(struct inbox **inbox); /* must be empty, and all who post have ended */

void inbox_post(struct inbox *inbox, struct job *job); /* any thread; never blocks, never fails */

/* The reader's side. inbox_drain() calls home() for what was there when it began, in the order of
 * posting, and returns how many. inbox_sleep() says that the reader is about to wait: false (and
 * nothing said) when a job is already there. */
unsigned inbox_drain(struct inbox *inbox);
MUST_USE bool inbox_sleep(struct inbox *inbox);
void inbox_awake(struct inbox *inbox); /* no wake is needed before the next inbox_sleep() */

#endif
