#include "core/gateway/services.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/log.h"
#include "core/base/metric.h"
#include "core/conn/conn_limits.h"
#include "core/gateway/settings.h"
#include "core/service/service_imap.h"
#include "core/service/service_pop3.h"
#include "core/service/service_smtp.h"
#include "core/work/usage.h"

enum {
    BUSY_SIZE = 512,         /* bytes of the line for who can't be accepted */
    SPARE_FILES = 512,       /* descriptors that are not for connections */
    HANDSHAKES_A_WORKER = 2, /* one computes, one waits; others are not even read */
};

enum kind {
    KIND_SMTP,
    KIND_SUBMISSION,
    KIND_LMTP,
    KIND_IMAP,
    KIND_POP3,
};

/* What is served, and by which option it listens. */
static const struct {
    const char *name;
    const char *daemon; /* who says it in log lines */
    enum kind kind;
    enum tls_protocol tls_protocol;
    bool tls_first; /* before anything else */
    size_t places;
} rows[SERVICES_COUNT] = {
    {"smtp",        "smtpd",      KIND_SMTP,       TLS_SMTP, false, offsetof(struct config, smtp_listen)       },
    {"lmtp",        "smtpd",      KIND_LMTP,       TLS_SMTP, false, offsetof(struct config, lmtp_listen)       },
    {"submission",  "smtpd",      KIND_SUBMISSION, TLS_SMTP, false,
     offsetof(struct config,                                                                submission_listen) },
    {"submissions", "smtpd",      KIND_SUBMISSION, TLS_SMTP, true,
     offsetof(struct config,                                                                submissions_listen)},
    {"imap",        "imap-login", KIND_IMAP,       TLS_IMAP, false, offsetof(struct config, imap_listen)       },
    {"imaps",       "imap-login", KIND_IMAP,       TLS_IMAP, true,  offsetof(struct config, imaps_listen)      },
    {"pop3",        "pop3-login", KIND_POP3,       TLS_POP3, false, offsetof(struct config, pop3_listen)       },
    {"pop3s",       "pop3-login", KIND_POP3,       TLS_POP3, true,  offsetof(struct config, pop3s_listen)      },
};

/* What a row's functions get as context. */
struct services_host {
    struct service *service;
    struct smtp_host *smtp;
    struct imap_host *imap;
    struct pop3_host *pop3;
};

struct services {
    char busy_smtp[BUSY_SIZE];
    struct service *service;
    struct conn_limits *limits;
    struct network *proxies;
    unsigned proxy_count;
    struct pop3_host *pop3; /* of all its rows: a maildrop has one session at all ports together */
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

static struct conn_limits *open_limits(const struct config *config, struct usage *usage)
{
    struct network *exempt;
    unsigned count = settings_networks(&config->smtpd_client_event_limit_exceptions, &exempt);
    struct conn_limits *limits = conn_limits_open(&(struct conn_limits_config){
        .usage = usage,
        .client_max = (unsigned)config->smtpd_client_connection_count_limit,
        .client_rate_max = (unsigned)config->smtpd_client_connection_rate_limit,
        .client_bytes_max = config->client_memory_max,
        .user_bytes_max = config->user_memory_max,
        .exempt = exempt,
        .exempt_count = count,
    });

    free(exempt);
    return limits;
}

/* The row's session factory, and what it works with. */
static void open_kind(struct services *s, unsigned row, const struct config *config)
{
    struct conn_service *service = &s->rows[row].service;
    struct services_host *host = &s->hosts[row];

    switch (rows[row].kind) {
    case KIND_SMTP:
        service->proxies = s->proxies;
        service->proxy_count = s->proxy_count;
        /* fall through */
    case KIND_SUBMISSION:
    case KIND_LMTP:
        service->session_new = new_smtp;
        service->rate_min = (uint32_t)config->smtpd_min_data_rate;
        host->smtp = service_smtp_open(host->service, rows[row].kind == KIND_LMTP);
        host->smtp->is_submission = rows[row].kind == KIND_SUBMISSION;
        break;
    case KIND_IMAP:
        service->session_new = new_imap;
        service->stall_ms = (uint32_t)config->imap_output_timeout;
        host->imap = service_imap_open(host->service);
        break;
    case KIND_POP3:
        service->session_new = new_pop3;
        service->stall_ms = (uint32_t)config->pop3_output_timeout;
        host->pop3 = s->pop3;
        break;
    }
}

/* At least one for each reactor, and no more in all than keep the workers busy. */
static unsigned handshake_max(const struct config *config)
{
    return (unsigned)((HANDSHAKES_A_WORKER * config->workers + config->reactors - 1) /
                      config->reactors);
}

/* As a session says it that is hung up on with SESSION_OVERLOADED. */
static const char *busy_words(const struct services *s, enum kind kind)
{
    switch (kind) {
    case KIND_IMAP:
        return "* BYE [UNAVAILABLE] The server is overloaded, try again later.\r\n";
    case KIND_POP3:
        return "-ERR [SYS/TEMP] The server is overloaded, try again later.\r\n";
    case KIND_SMTP:
    case KIND_SUBMISSION:
    case KIND_LMTP:
        break;
    }
    return s->busy_smtp;
}

static void open_row(struct services *s, unsigned row, const struct config *config,
                     struct shared *tls)
{
    s->rows[row] = (struct services_row){
        .service = {.name = rows[row].name,
                    .daemon = rows[row].daemon,
                    .metric = 1 + row,
                    .context = &s->hosts[row],
                    .ask = ask,
                    .limits = s->limits,
                    .tls = rows[row].kind == KIND_LMTP ? NULL : tls,
                    .tls_protocol = rows[row].tls_protocol,
                    .tls_first = rows[row].tls_first,
                    .workers = s->hosts[row].service->workers,
                    .handshake_max = handshake_max(config),
                    .handshake_ms = (uint32_t)config->smtpd_starttls_timeout,
                    .ahead_max = (uint32_t)config->command_ahead_size},
        .places =
            (const struct config_list *)(const void *)((const char *)config + rows[row].places),
    };
    open_kind(s, row, config);
    if (!rows[row].tls_first)
        s->rows[row].service.busy = busy_words(s, rows[row].kind);
}

_Static_assert(1 + (int)SERVICES_COUNT == (int)METRIC_SERVICES,
               "a service has its rows in metric.c");

struct services *services_open(struct service *service, const struct config *config,
                               struct shared *tls)
{
    struct services *s = xcalloc(1, sizeof(*s));

    (void)snprintf(s->busy_smtp, sizeof(s->busy_smtp), "421 4.3.2 %s All server ports are busy\r\n",
                   config->myhostname);
    service->usage = usage_open(total_max(config), config->anvil_rate_time_unit * 1000000);
    s->service = service;
    s->limits = open_limits(config, service->usage);
    s->pop3 = service_pop3_open(service);
    s->proxy_count = settings_networks(&config->smtpd_upstream_proxy_hosts, &s->proxies);
    for (unsigned i = 0; i < SERVICES_COUNT; i++) {
        s->hosts[i].service = service;
        open_row(s, i, config, tls);
    }
    return s;
}

void services_close(struct services **services)
{
    struct services *s = *services;

    for (unsigned i = 0; i < SERVICES_COUNT; i++) {
        if (s->hosts[i].smtp != NULL)
            service_smtp_close(&s->hosts[i].smtp);
        if (s->hosts[i].imap != NULL)
            service_imap_close(&s->hosts[i].imap);
    }
    service_pop3_close(&s->pop3);
    conn_limits_close(&s->limits);
    usage_close(&s->service->usage);
    free(s->proxies);
    free(s);
    *services = NULL;
}

const struct services_row *services_get(const struct services *s, unsigned index)
{
    ensure(index < SERVICES_COUNT);
    return &s->rows[index];
}
