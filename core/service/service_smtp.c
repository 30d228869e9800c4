#include "core/service/service_smtp.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/metric.h"
#include "core/base/network.h"
#include "core/service/directory.h"
#include "core/service/queue_id.h"
#include "core/service/service_settings.h"
#include "core/service/smtp_log.h"
#include "core/service/smtp_targets.h"
#include "core/work/usage.h"

struct service_smtp {
    struct smtp_host host;
    struct service *service;
};

static struct service *service_of(const struct smtp_host *h)
{
    return CONTAINER_OF(h, const struct service_smtp, host)->service;
}

static const struct smtp_settings *host_settings(const struct smtp_host *h, void **hold_r)
{
    struct shared_item *item = shared_take(service_of(h)->settings);
    const struct service_settings *settings = shared_get(item);

    *hold_r = item;
    return &settings->smtp;
}

static void host_settings_done(const struct smtp_host *h, void *hold)
{
    struct shared_item *item = hold;

    (void)h;
    shared_give(&item);
}

static bool is_loopback(struct span address)
{
    static const struct network loopback[] = {
        {{[10] = 0xff, [11] = 0xff, [12] = 127}, 96 + 8},
        {{[15] = 1},                             128   },
    };

    return network_any_has(loopback, COUNT_OF(loopback), address);
}

/* A list like mynetworks. What is no network in it matches nothing. */
static bool is_in(const struct smtp_words *list, struct span address)
{
    struct network network;

    for (unsigned i = 0; i < list->count; i++) {
        if (network_parse(span_str(list->at[i]), &network) && network_any_has(&network, 1, address))
            return true;
    }
    return false;
}

/* Nobody asks the DNS for names yet; this one is known without. */
static void host_client(const struct smtp_host *h, const struct smtp_settings *settings,
                        const char *address, struct smtp_client *client_r)
{
    const char *name = is_loopback(span_str(address)) ? "localhost" : "unknown";

    (void)h;
    *client_r = (struct smtp_client){
        .is_ours = is_in(&settings->mynetworks, span_str(address)),
        .may_xclient = is_in(&settings->smtpd_authorized_xclient_hosts, span_str(address)),
    };
    memcpy(client_r->name, name, strlen(name) + 1);
}

static struct smtp_verdict host_mail(const struct smtp_host *h,
                                     const struct smtp_store_request *mail)
{
    static const struct smtp_verdict full = {452, false, "4.3.1", "Insufficient system storage"};

    (void)mail;
    return store_is_full(service_of(h)->store) ? full : SMTP_VERDICT_OK;
}

static struct smtp_verdict host_rcpt(const struct smtp_host *h,
                                     const struct smtp_store_request *mail,
                                     const struct smtp_mailbox *recipient)
{
    struct shared_item *item = shared_take(service_of(h)->directory);
    struct shared_item *settings = shared_take(service_of(h)->settings);
    struct smtp_targets targets;

    smtp_targets_find(&targets, shared_get(item), shared_get(settings), recipient,
                      smtp_store_request_may_relay(mail));
    smtp_targets_free(&targets);
    shared_give(&settings);
    shared_give(&item);
    return targets.verdict;
}

/* Which event that is, and how many of it one client may cause in a unit of time. */
static unsigned rate_max(const struct service_settings *settings, enum smtp_rate what,
                         enum usage_event *event_r)
{
    switch (what) {
    case SMTP_RATE_MAIL:
        *event_r = USAGE_MESSAGES;
        return settings->client_message_rate;
    case SMTP_RATE_RCPT:
        *event_r = USAGE_RECIPIENTS;
        return settings->client_recipient_rate;
    case SMTP_RATE_AUTH:
        *event_r = USAGE_AUTHS;
        return settings->client_auth_rate;
    }
    return 0;
}

static unsigned host_rate(const struct smtp_host *h, const char *address, enum smtp_rate what)
{
    struct service *service = service_of(h);
    struct shared_item *item = shared_take(service->settings);
    const struct service_settings *settings = shared_get(item);
    enum usage_event event;
    unsigned most = rate_max(settings, what, &event), count = 0;

    if (most > 0 && service->usage != NULL &&
        !is_in(&settings->client_exceptions, span_str(address)))
        count = usage_count(service->usage, network_client(span_str(address)), event,
                            clock_monotonic_ns());
    shared_give(&item);
    return count > most ? count : 0;
}

static void host_queue_id(const struct smtp_host *h, const struct smtp_settings *settings,
                          int64_t now_us, char id[SMTP_QUEUE_ID_MAX])
{
    struct span fixed = span_first(span_str(settings->debug_queue_id), SMTP_QUEUE_ID_MAX - 1);

    (void)h;
    if (fixed.len == 0) {
        queue_id_next(now_us, id);
        return;
    }
    memcpy(id, fixed.at, fixed.len);
    id[fixed.len] = '\0';
}

/* What is worth a number as well as a line. */
static void count(const struct smtp_note *note)
{
    switch (note->kind) {
    case SMTP_NOTE_STORED:
        metric_add(METRIC_SMTP_MESSAGES, 1);
        metric_add(METRIC_SMTP_RECIPIENTS, note->mail->recipient_count);
        metric_add(METRIC_SMTP_BYTES, (int64_t)note->mail->stored_bytes);
        break;
    case SMTP_NOTE_REJECT:
        metric_add(METRIC_SMTP_REJECTS, 1);
        break;
    case SMTP_NOTE_RATE:
        metric_add(METRIC_SMTP_RATE_LIMITED, 1);
        break;
    case SMTP_NOTE_LOST:
        metric_add(METRIC_SMTP_LOST, 1);
        break;
    case SMTP_NOTE_TIMEOUT:
        metric_add(METRIC_SMTP_TIMEOUTS, 1);
        break;
    default:
        break;
    }
}

static void host_note(const struct smtp_host *h, const struct smtp_note *note)
{
    (void)h;
    count(note);
    smtp_log_note(note);
}

struct smtp_host *service_smtp_open(struct service *service, bool is_lmtp)
{
    struct service_smtp *s = xcalloc(1, sizeof(*s));

    s->service = service;
    s->host = (struct smtp_host){
        .is_lmtp = is_lmtp,
        .settings = host_settings,
        .settings_done = host_settings_done,
        .client = host_client,
        .mail = host_mail,
        .rcpt = host_rcpt,
        .rate = host_rate,
        .queue_id = host_queue_id,
        .note = host_note,
    };
    return &s->host;
}

void service_smtp_close(struct smtp_host **host)
{
    free(CONTAINER_OF(*host, struct service_smtp, host));
    *host = NULL;
}
