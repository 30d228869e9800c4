#include "core/base/thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/log.h"

enum {
    THREAD_NAME_SIZE = 16, /* the kernel's, with the NUL */
};

struct thread {
    pthread_t id;
    char name[THREAD_NAME_SIZE];
    void (*run)(void *context);
    void *context;
};

static void *thread_main(void *context)
{
    struct thread *t = context;

    (void)pthread_setname_np(pthread_self(), t->name);
    t->run(t->context);
    log_thread_end();
    return NULL;
}

struct thread *thread_start(const char *name, void (*run)(void *context), void *context)
{
    struct thread *t = xcalloc(1, sizeof(*t));
    sigset_t all, before;
    int error;

    t->run = run;
    t->context = context;
    (void)snprintf(t->name, sizeof(t->name), "%s", name);

    /* A new thread inherits the mask, so there is no moment in which a signal could land in it. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&t->id, NULL, thread_main, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        free(t);
        errno = error;
        return NULL;
    }
    return t;
}

void thread_join(struct thread **thread)
{
    ensure(*thread != NULL);
    ensure(pthread_join((*thread)->id, NULL) == 0);
    free(*thread);
    *thread = NULL;
}
