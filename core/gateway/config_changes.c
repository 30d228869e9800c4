#include "core/gateway/config_changes.h"

#include <string.h>

/* Besides all *_listen: sockets are opened before privileges are given up. */
static const char *const fixed[] = {
    "io",
    "reactors",
    "workers",
    "connection_count_limit",
    "memory_max",
    "client_memory_max",
    "smtpd_client_connection_count_limit",
    "smtpd_client_connection_rate_limit",
    "smtpd_client_event_limit_exceptions",
    "anvil_rate_time_unit",
    "smtpd_upstream_proxy_hosts",
    "smtpd_min_data_rate",
    "imap_output_timeout",
    "pop3_output_timeout",
    "http_connection_limit",
    "http_client_connection_limit",
    "http_timeout",
    "http_request_timeout",
    "mail_owner",
    "confinement",
    "maillog_file",
    "syslog_name",
    "log_format",
    "log_level",
    "mail_store_directory",
    "store_segment_size",
    "store_map_size",
    "store_free_min",
    "relay_enable",
    "transport_maps",
    "sender_dependent_relayhost_maps",
    "relayhost",
    "relay_transport",
    "default_transport",
    "minimal_backoff_time",
    "maximal_backoff_time",
    "queue_run_delay",
    "maximal_queue_lifetime",
    "bounce_queue_lifetime",
    "bounce_size_limit",
    "initial_destination_concurrency",
    "default_destination_concurrency_limit",
    "default_destination_recipient_limit",
    "inet_protocols",
    "dns_servers",
    "dns_trust_anchor_file",
    "dns_resolv_file",
    "auth_threads",
    "auth_cache_size",
    "auth_cache_ttl",
    "oauth2_introspection_url",
    "oauth2_connection_limit",
    "oauth2_cache_ttl",
};

static bool is_fixed(const char *name)
{
    size_t len = strlen(name);

    if (len > 7 && strcmp(name + len - 7, "_listen") == 0)
        return true;
    if (strncmp(name, "smtp_", 5) == 0) /* how we speak to others */
        return true;
    for (unsigned i = 0; i < COUNT_OF(fixed); i++) {
        if (strcmp(fixed[i], name) == 0)
            return true;
    }
    return false;
}

void config_changes_say(const struct config *started, const struct config *now, struct chain *why)
{
    for (unsigned i = 0; i < config_option_count; i++) {
        const struct config_option *option = &config_options[i];
        struct chain before = {0}, after = {0};

        if (!is_fixed(option->name))
            continue;
        config_text(started, option, true, &before);
        config_text(now, option, true, &after);
        if (!span_eq(chain_flat(&before), chain_flat(&after)))
            chain_addf(why, "%s has changed; that holds from the next start on\n", option->name);
        chain_free(&before);
        chain_free(&after);
    }
}
