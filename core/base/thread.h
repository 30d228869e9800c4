#ifndef CORE_BASE_THREAD_H
#define CORE_BASE_THREAD_H

/* thread: start with a name (15 characters show in ps and logs), join. Signals stay blocked in all
 * threads but main. */

#include "core/base/attr.h"

struct thread;

/* NULL when the system has no thread for us; errno says why. */
MUST_USE struct thread *thread_start(const char *name, void (*run)(void *context), void *context);
void thread_join(struct thread **thread);

#endif
