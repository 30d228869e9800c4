#include "core/gateway/services.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/log.h"
#include "core/conn/conn_limits.h"
#include "core/gateway/settings.h"
#include "core/service/service_imap.h"
#include "core/service/service_pop3.h"
#include "core/service/service_smtp.h"

enum {
    SPARE_FILES = 512, /* descriptors that are not for connections */
};

enum {
    ROW_SMTP,
    ROW_LMTP,
    ROW_IMAP,
    ROW_POP3,
};

/* What a row's functions get as context. */
struct services_host {
    struct service *service;
    struct smtp_host *smtp;
    struct imap_host *imap;
    struct pop3_host *pop3;
};

struct services {
    struct conn_limits *limits;
    struct network *proxies;
    unsigned proxy_count;
    struct services_host hosts[SERVICES_COUNT];
    struct services_row rows[SERVICES_COUNT];
};

static struct session *new_smtp(void *context, const struct session_peer *peer)
{
    struct services_host *host = context;

    return smtp_session_new(host->smtp, peer);
}

static struct session *new_imap(void *context, const struct session_peer *peer)
{
    struct services_host *host = context;

    return imap_session_new(host->imap, peer);
}

static struct session *new_pop3(void *context, const struct session_peer *peer)
{
    struct services_host *host = context;

    return pop3_session_new(host->pop3, peer);
}

static bool ask(void *context, struct request *request, struct job *job)
{
    struct services_host *host = context;

    return service_ask(host->service, request, job);
}

/* Connections may not take the descriptors that the store needs, so a low limit of the system's
 * lowers ours. */
static unsigned total_max(const struct config *config)
{
    unsigned wanted = (unsigned)config->connection_count_limit;
    struct rlimit files;
    rlim_t most;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == RLIM_INFINITY)
        return wanted;
    most = files.rlim_cur > 2 * SPARE_FILES ? files.rlim_cur - SPARE_FILES : files.rlim_cur / 2;
    if (wanted <= most)
        return wanted;
    log_say(LOG_WARNING, "master",
            "connection_count_limit is lowered to %llu, for the limit of open files is %llu",
            (unsigned long long)most, (unsigned long long)files.rlim_cur);
    return (unsigned)most;
}

static struct conn_limits *open_limits(const struct config *config)
{
    struct network *exempt;
    unsigned count = settings_networks(&config->mynetworks, &exempt);
    struct conn_limits *limits = conn_limits_open(&(struct conn_limits_config){
        .total_max = total_max(config),
        .address_max = (unsigned)config->smtpd_client_connection_count_limit,
        .exempt = exempt,
        .exempt_count = count,
    });

    free(exempt);
    return limits;
}

static struct services_row row_of(struct services *s, unsigned index, const char *name,
                                  struct session *(*session_new)(void *,
                                                                 const struct session_peer *),
                                  const struct config_list *places)
{
    return (struct services_row){
        .service = {.name = name,
                    .context = &s->hosts[index],
                    .session_new = session_new,
                    .ask = ask,
                    .limits = s->limits},
        .places = places,
    };
}

struct services *services_open(struct service *service, const struct config *config)
{
    struct services *s = xcalloc(1, sizeof(*s));
    struct conn_service *smtp = &s->rows[ROW_SMTP].service, *lmtp = &s->rows[ROW_LMTP].service,
                        *imap = &s->rows[ROW_IMAP].service, *pop3 = &s->rows[ROW_POP3].service;

    s->limits = open_limits(config);
    s->proxy_count = settings_networks(&config->smtpd_upstream_proxy_hosts, &s->proxies);
    for (unsigned i = 0; i < SERVICES_COUNT; i++)
        s->hosts[i].service = service;
    s->hosts[ROW_SMTP].smtp = service_smtp_open(service, false);
    s->hosts[ROW_LMTP].smtp = service_smtp_open(service, true);
    s->hosts[ROW_IMAP].imap = service_imap_open(service);
    s->hosts[ROW_POP3].pop3 = service_pop3_open(service);

    s->rows[ROW_SMTP] = row_of(s, ROW_SMTP, "smtp", new_smtp, &config->smtp_listen);
    s->rows[ROW_LMTP] = row_of(s, ROW_LMTP, "lmtp", new_smtp, &config->lmtp_listen);
    s->rows[ROW_IMAP] = row_of(s, ROW_IMAP, "imap", new_imap, &config->imap_listen);
    s->rows[ROW_POP3] = row_of(s, ROW_POP3, "pop3", new_pop3, &config->pop3_listen);
    smtp->proxies = s->proxies;
    smtp->proxy_count = s->proxy_count;
    smtp->rate_min = lmtp->rate_min = (uint32_t)config->smtpd_min_data_rate;
    imap->stall_ms = (uint32_t)config->imap_output_timeout;
    pop3->stall_ms = (uint32_t)config->pop3_output_timeout;
    return s;
}

void services_close(struct services **services)
{
    struct services *s = *services;

    service_smtp_close(&s->hosts[ROW_SMTP].smtp);
    service_smtp_close(&s->hosts[ROW_LMTP].smtp);
    service_imap_close(&s->hosts[ROW_IMAP].imap);
    service_pop3_close(&s->hosts[ROW_POP3].pop3);
    ensure(conn_limits_total(s->limits) == 0);
    conn_limits_close(&s->limits);
    free(s->proxies);
    free(s);
    *services = NULL;
}

const struct services_row *services_get(const struct services *s, unsigned index)
{
    ensure(index < SERVICES_COUNT);
    return &s->rows[index];
}
