#include "core/service/service.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/service/service_settings.h"
#include "core/work/inbox.h"

/* A request on its way to a worker. The asker's job only comes home. */
struct service_errand {
    struct job job;
    struct service *service;
    struct request *request;
    struct job *home;
};

static const struct service_row *row_of(const struct request *r)
{
    const struct service_row *row = &service_table[r->kind];

    ensure(r->kind < REQUEST_KINDS);
    ensure(row->run != NULL);
    return row;
}

static void errand_run(struct job *job)
{
    struct service_errand *e = CONTAINER_OF(job, struct service_errand, job);
    struct job *home = e->home;
    enum service_outcome outcome = row_of(e->request)->run(e->service, e->request, home);

    free(e);
    if (outcome == SERVICE_ANSWERED)
        inbox_post(home->inbox, home);
}

static void errand_send(struct service *s, struct request *r, struct job *home,
                        enum work_priority priority)
{
    struct service_errand *e = xmalloc(sizeof(*e));

    *e = (struct service_errand){{.run = errand_run}, s, r, home};
    worker_pool_submit_for(s->workers, &e->job, priority, r->owner != 0 ? r->owner : r->connection);
}

struct mime_limits service_mime_limits(struct service *s)
{
    struct mime_limits limits = mime_limits_most;
    const struct service_settings *settings;
    struct shared_item *item;

    if (s->settings == NULL)
        return limits;
    item = shared_take(s->settings);
    settings = shared_get(item);
    if (settings->mime != NULL)
        limits = *settings->mime;
    shared_give(&item);
    return limits;
}

bool service_ask(struct service *s, struct request *r, struct job *job)
{
    const struct service_row *row = row_of(r);
    enum service_where where = row->choose != NULL ? row->choose(r) : row->where;

    switch (where) {
    case SERVICE_ON_REACTOR:
        return row->run(s, r, job) == SERVICE_ANSWERED;
    case SERVICE_ON_WORKER:
        errand_send(s, r, job, WORK_SOON);
        return false;
    case SERVICE_ON_WORKER_LATER:
        errand_send(s, r, job, WORK_LATER);
        return false;
    }
    return false;
}
