#include "core/gateway/gateway_relay.h"

#include <stdlib.h>

#include "core/base/alloc.h"

enum {
    DRAIN_MS = 3000, /* for mails that are being sent when we stop */
    LANES_MAX = 4,   /* handshakes that compute at the same time; each has all authorities */
};

struct gateway_relay {
    struct service *service;
    struct relay *relay;
    struct shared *tls;
    struct relay_settings settings;
    const char *own_names[1];
};

static int64_t us_of(uint64_t ms)
{
    return (int64_t)ms * 1000;
}

static uint32_t small(uint64_t number)
{
    return number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
}

static struct smtp_client_settings client_of(const struct config *c)
{
    struct smtp_client_settings s = smtp_client_settings_default;

    s.helo_name = c->smtp_helo_name;
    s.myhostname = c->myhostname;
    s.discard_ehlo_keywords = 0;
    for (unsigned i = 0; i < c->smtp_discard_ehlo_keywords.count; i++)
        s.discard_ehlo_keywords |=
            smtp_settings_extension(span_str(c->smtp_discard_ehlo_keywords.at[i]));
    s.never_send_ehlo = c->smtp_never_send_ehlo;
    s.line_length_limit = small(c->smtp_line_length_limit);
    s.helo_timeout_ms = small(c->smtp_helo_timeout);
    s.starttls_timeout_ms = small(c->smtp_starttls_timeout);
    s.mail_timeout_ms = small(c->smtp_mail_timeout);
    s.rcpt_timeout_ms = small(c->smtp_rcpt_timeout);
    s.data_init_timeout_ms = small(c->smtp_data_init_timeout);
    s.data_xfer_timeout_ms = small(c->smtp_data_xfer_timeout);
    s.data_done_timeout_ms = small(c->smtp_data_done_timeout);
    s.rset_timeout_ms = small(c->smtp_rset_timeout);
    return s;
}

static struct relay_settings settings_of(const struct config *c)
{
    return (struct relay_settings){
        .myhostname = c->myhostname,
        .mail_name = c->mail_name,
        .minimal_backoff_us = us_of(c->minimal_backoff_time),
        .maximal_backoff_us = us_of(c->maximal_backoff_time),
        .maximal_queue_lifetime_us = us_of(c->maximal_queue_lifetime),
        .bounce_queue_lifetime_us = us_of(c->bounce_queue_lifetime),
        .queue_run_delay_us = us_of(c->queue_run_delay),
        .initial_destination_concurrency = small(c->initial_destination_concurrency),
        .destination_concurrency_limit = small(c->default_destination_concurrency_limit),
        .destination_recipient_limit = small(c->default_destination_recipient_limit),
        .connection_limit = small(c->smtp_connection_count_limit),
        .mx_session_limit = small(c->smtp_mx_session_limit),
        .bounce_size_limit = small(c->bounce_size_limit),
        .connect_timeout_ms = small(c->smtp_connect_timeout),
        .connection_cache_ms = small(c->smtp_connection_cache_time_limit),
        .client = client_of(c),
    };
}

static void authorities_free(void *context)
{
    struct tls_context *c = context;

    if (c != NULL)
        tls_context_close(&c);
}

static bool open_tls(struct gateway_relay *g, const struct config *c, struct chain *why)
{
    struct tls_context *context = tls_client_context_open(
        &(struct tls_client_config){
            .ca_file = c->smtp_tls_CAfile,
            .ca_path = c->smtp_tls_CApath,
            .lanes = c->workers < LANES_MAX ? (unsigned)c->workers : LANES_MAX,
        },
        why);

    if (context == NULL)
        return false;
    g->tls = shared_open(context, authorities_free);
    return true;
}

static struct relay *open_relay(struct gateway_relay *g, const struct config *c,
                                struct service *service, struct chain *why)
{
    struct relay_routes_config routes = {
        .transport_maps = c->transport_maps.at,
        .transport_count = c->transport_maps.count,
        .sender_relayhost_maps = c->sender_dependent_relayhost_maps.at,
        .sender_relayhost_count = c->sender_dependent_relayhost_maps.count,
        .relay_domains = c->relay_domains.at,
        .relay_domain_count = c->relay_domains.count,
        .relayhost = c->relayhost,
        .default_transport = c->default_transport,
        .relay_transport = c->relay_transport,
        .recipient_delimiter = c->recipient_delimiter,
    };
    struct relay_tls_config tls = {
        .level = c->smtp_tls_security_level,
        .policy_maps = c->smtp_tls_policy_maps.at,
        .policy_count = c->smtp_tls_policy_maps.count,
        .verify_match = c->smtp_tls_verify_cert_match,
        .secure_match = c->smtp_tls_secure_cert_match,
    };
    struct relay_unbound_config dns = {
        .servers = c->dns_servers.at,
        .server_count = c->dns_servers.count,
        .resolv_conf = c->dns_resolv_file,
        .trust_anchor = c->dns_trust_anchor_file,
    };
    struct relay_resolver_config resolver = {
        .families = (enum relay_families)c->inet_protocols,
        .preference = (enum relay_families)c->smtp_address_preference,
        .address_limit = small(c->smtp_mx_address_limit),
        .own_names = g->own_names,
        .own_name_count = COUNT_OF(g->own_names),
    };

    return relay_open(&(struct relay_config){.service = service,
                                             .settings = &g->settings,
                                             .routes = &routes,
                                             .tls = &tls,
                                             .resolver = &resolver,
                                             .dns = &dns,
                                             .tls_context = g->tls},
                      why);
}

static void queued(void *context)
{
    struct gateway_relay *g = context;

    relay_wake(g->relay);
}

struct gateway_relay *gateway_relay_open(const struct config *config, struct service *service,
                                         struct chain *why)
{
    struct gateway_relay *g = xcalloc(1, sizeof(*g));

    g->service = service;
    g->settings = settings_of(config);
    g->own_names[0] = config->myhostname;
    if (open_tls(g, config, why))
        g->relay = open_relay(g, config, service, why);
    if (g->relay == NULL) {
        gateway_relay_close(&g);
        return NULL;
    }
    return g;
}

bool gateway_relay_start(struct gateway_relay *g, const struct relay_reactor *reactors,
                         unsigned count)
{
    g->service->queued_context = g;
    g->service->queued = queued;
    return relay_start(g->relay, reactors, count);
}

void gateway_relay_flush(struct gateway_relay *g)
{
    relay_flush(g->relay);
}

void gateway_relay_drain(struct gateway_relay *g)
{
    relay_drain(g->relay, DRAIN_MS);
}

void gateway_relay_stop(struct gateway_relay *g)
{
    relay_stop(g->relay);
}

void gateway_relay_close(struct gateway_relay **relay)
{
    struct gateway_relay *g = *relay;

    if (g->relay != NULL)
        relay_close(&g->relay);
    if (g->tls != NULL)
        shared_close(&g->tls);
    free(g);
    *relay = NULL;
}
