#ifndef CORE_SERVICE_SERVICE_H
#define CORE_SERVICE_SERVICE_H

/*
 * service: what sessions ask for is done here, mostly on workers: the only code that knows both
 * proto and store. One run function for each kind of request (service_table.c).
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/work/job.h"
#include "core/work/shared.h"
#include "core/work/watch.h"
#include "core/work/worker_pool.h"
#include "proto/mime/mime_limits.h"
#include "proto/request.h"
#include "store/store.h"

struct auth;
struct usage;

/* What runs may use; lives as long as the gateway. */
struct service {
    struct store *store;
    struct shared *directory; /* struct directory */
    struct shared *settings;  /* struct service_settings (service_settings.h); NULL: none */
    struct watch_board *watches;
    struct worker_pool *workers;
    struct usage *usage;           /* what each client does; NULL: nobody counts */
    struct auth *auth;             /* logins (auth_run.c) */
    void (*queued)(void *context); /* mail for others is durable in the queue. On the store's
                                      thread; must not block. NULL: nobody takes it on */
    void *queued_context;
};

/* What is understood of a message that comes in now. */
struct mime_limits service_mime_limits(struct service *s);

enum service_outcome {
    SERVICE_ANSWERED, /* request->status is set */
    SERVICE_LATER,    /* somebody else will set it and post the job home */
};

/* Runs on the thread that the table says. Sets request->status unless it answers later. */
typedef enum service_outcome service_run_fn(struct service *s, struct request *r, struct job *job);

enum service_where {
    SERVICE_ON_REACTOR,      /* cheaper than a hop, never blocks */
    SERVICE_ON_WORKER,       /* somebody waits for one thing */
    SERVICE_ON_WORKER_LATER, /* long: searches */
};

struct service_row {
    service_run_fn *run;
    enum service_where where;
    enum service_where (*choose)(const struct request *r); /* when it depends; NULL: `where` */
};
extern const struct service_row service_table[REQUEST_KINDS];

/* Has the request answered. True: it was, on the spot. False: job->home() will be called on its
 * inbox's thread when it is; until then request and job belong to the service. Reactor thread. */
MUST_USE bool service_ask(struct service *s, struct request *r, struct job *job);

#endif
