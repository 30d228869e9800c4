#include "core/service/service_imap.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/service/imap_log.h"
#include "core/service/service_settings.h"

struct service_imap {
    struct imap_host host;
    struct service *service;
};

static const struct imap_settings *host_settings(const struct imap_host *h, void **hold_r)
{
    struct service *service = CONTAINER_OF(h, const struct service_imap, host)->service;
    struct shared_item *item = shared_take(service->settings);
    const struct service_settings *settings = shared_get(item);

    *hold_r = item;
    return &settings->imap;
}

static void host_settings_done(const struct imap_host *h, void *hold)
{
    struct shared_item *item = hold;

    (void)h;
    shared_give(&item);
}

static void host_note(const struct imap_host *h, const struct imap_note *note)
{
    (void)h;
    imap_log_note(note);
}

struct imap_host *service_imap_open(struct service *service)
{
    struct service_imap *s = xcalloc(1, sizeof(*s));

    s->service = service;
    s->host = (struct imap_host){host_settings, host_settings_done, host_note};
    return &s->host;
}

void service_imap_close(struct imap_host **host)
{
    free(CONTAINER_OF(*host, struct service_imap, host));
    *host = NULL;
}
