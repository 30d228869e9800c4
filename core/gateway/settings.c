#include "core/gateway/settings.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/gateway/settings_auth.h"

struct settings {
    struct service_settings service;
    struct mime_limits mime;
    struct config *config;
    struct settings_auth *auth;
};

static uint32_t small(uint64_t number)
{
    ensure(number <= UINT32_MAX); /* by the bounds of the option table */
    return (uint32_t)number;
}

static unsigned discarded(const struct config_list *keywords)
{
    unsigned bits = 0;

    for (unsigned i = 0; i < keywords->count; i++)
        bits |= smtp_settings_extension(span_str(keywords->at[i]));
    return bits;
}

static struct smtp_words words_of(const struct config_list *list)
{
    return (struct smtp_words){list->at, list->count};
}

static struct smtp_settings smtp_of(const struct config *c, const struct sasl_settings *sasl)
{
    return (struct smtp_settings){
        .sasl = *sasl,
        .smtpd_sasl_auth_enable = c->smtpd_sasl_auth_enable,
        .smtpd_tls_auth_only = c->smtpd_tls_auth_only,
        .broken_sasl_auth_clients = c->broken_sasl_auth_clients,
        .smtpd_sasl_authenticated_header = c->smtpd_sasl_authenticated_header,
        .myhostname = c->myhostname,
        .mail_name = c->mail_name,
        .smtpd_banner = c->smtpd_banner,
        .myorigin = c->myhostname,
        .mynetworks = words_of(&c->mynetworks),
        .smtpd_authorized_xclient_hosts = words_of(&c->smtpd_authorized_xclient_hosts),
        .smtpd_forbidden_commands = words_of(&c->smtpd_forbidden_commands),
        .smtpd_discard_ehlo_keywords = discarded(&c->smtpd_discard_ehlo_keywords),
        .message_size_limit = c->message_size_limit,
        .line_length_limit = small(c->line_length_limit),
        .hopcount_limit = small(c->hopcount_limit),
        .smtpd_recipient_limit = small(c->smtpd_recipient_limit),
        .smtpd_recipient_overshoot_limit = small(c->smtpd_recipient_overshoot_limit),
        .smtpd_soft_error_limit = small(c->smtpd_soft_error_limit),
        .smtpd_hard_error_limit = small(c->smtpd_hard_error_limit),
        .smtpd_junk_command_limit = small(c->smtpd_junk_command_limit),
        .smtpd_error_sleep_time_ms = small(c->smtpd_error_sleep_time),
        .smtpd_timeout_ms = small(c->smtpd_timeout),
        .smtpd_stress_timeout_ms = small(c->smtpd_stress_timeout),
        .smtpd_stress_hard_error_limit = small(c->smtpd_stress_hard_error_limit),
        .smtpd_stress_junk_command_limit = small(c->smtpd_stress_junk_command_limit),
        .smtpd_helo_required = c->smtpd_helo_required,
        .disable_vrfy_command = c->disable_vrfy_command,
        .strict_rfc821_envelopes = c->strict_rfc821_envelopes,
        .smtputf8_enable = c->smtputf8_enable,
        .smtpd_forbid_unauth_pipelining = c->smtpd_forbid_unauth_pipelining,
        .smtpd_forbid_bare_newline = c->smtpd_forbid_bare_newline == CONFIG_BARE_REJECT
                                         ? SMTP_BARE_REJECT
                                         : SMTP_BARE_NORMALIZE,
        .smtpd_forbid_bare_newline_reject_code = small(c->smtpd_forbid_bare_newline_reject_code),
        .smtpd_tls_security_level = (enum smtp_tls_level)c->smtpd_tls_security_level,
        .smtpd_tls_log = c->smtpd_tls_loglevel > 0,
        .smtpd_tls_received_header = c->smtpd_tls_received_header,
        .debug_queue_id = c->debug_queue_id,
    };
}

static struct imap_settings imap_of(const struct config *c, const struct sasl_settings *sasl)
{
    return (struct imap_settings){
        .sasl = *sasl,
        .greeting = c->imap_greeting,
        .offers_tls = c->ssl != CONFIG_SSL_NO,
        .login_ms = small(c->imap_login_timeout),
        .idle_ms = small(c->imap_idle_timeout),
        .notify_ms = small(c->imap_idle_notify_interval),
        .message_size_limit = c->message_size_limit,
        .login_command_size = small(c->imap_login_command_size),
        .login_nesting_max = small(c->imap_login_nesting_limit),
        .login_bad_command_max = small(c->imap_login_bad_command_limit),
        .command_size = small(c->imap_command_size),
        .bad_command_max = small(c->imap_bad_command_limit),
        .nesting_max = small(c->imap_nesting_limit),
        .literal_plus_size = small(c->imap_literal_plus_size),
        .output_size = small(c->imap_output_size),
        .name_size = small(c->imap_mailbox_name_size),
        .name_level_size = small(c->imap_mailbox_component_size),
        .name_depth_max = small(c->imap_mailbox_depth_limit),
        .mailbox_max = small(c->imap_mailbox_limit),
        .keyword_max = small(c->imap_keyword_limit),
        .keyword_size = small(c->imap_keyword_size),
        .search_key_max = small(c->imap_search_key_limit),
        .search_depth_max = small(c->imap_search_depth_limit),
        .search_slice_ms = small(c->imap_search_slice_time),
    };
}

static struct mime_limits mime_of(const struct config *c)
{
    return (struct mime_limits){
        .mime_nesting_limit = small(c->mime_nesting_limit),
        .mime_part_limit = small(c->mime_part_limit),
        .mime_param_limit = small(c->mime_parameter_limit),
        .mime_boundary_limit = small(c->mime_boundary_length_limit),
        .header_block_limit = small(c->header_block_size_limit),
        .header_size_limit = small(c->header_size_limit),
        .header_count_limit = small(c->header_count_limit),
        .header_address_limit = small(c->header_address_token_limit),
    };
}

static bool has_word(const struct config_list *list, const char *word)
{
    for (unsigned i = 0; i < list->count; i++)
        if (strcmp(list->at[i], word) == 0)
            return true;
    return false;
}

static struct pop3_settings pop3_of(const struct config *c, const struct sasl_settings *sasl)
{
    return (struct pop3_settings){
        .greeting = c->pop3_greeting,
        .offers_tls = c->ssl != CONFIG_SSL_NO,
        .sasl = *sasl,
        .login_ms = small(c->pop3_login_timeout),
        .idle_ms = small(c->pop3_idle_timeout),
        .command_size = small(c->pop3_command_size),
        .login_bad_command_max = small(c->pop3_login_bad_command_limit),
        .bad_command_max = small(c->pop3_bad_command_limit),
        .output_size = small(c->pop3_output_size),
        .login_delay_s = small(c->pop3_login_delay / 1000),
        .no_flag_updates = c->pop3_no_flag_updates,
        .no_nuls = has_word(&c->pop3_client_workarounds, "outlook-no-nuls"),
        .adds_end_of_header = has_word(&c->pop3_client_workarounds, "oe-ns-eoh"),
    };
}

struct service_settings *settings_new(struct config **config, const struct directory *directory)
{
    struct settings *s = xcalloc(1, sizeof(*s));
    const struct config *c = *config;

    s->config = *config;
    *config = NULL;
    s->auth = settings_auth_new(c, directory);
    s->mime = mime_of(c);
    s->service = (struct service_settings){
        .smtp = smtp_of(c, &settings_auth_get(s->auth)->sasl),
        .imap = imap_of(c, &settings_auth_get(s->auth)->sasl),
        .pop3 = pop3_of(c, &settings_auth_get(s->auth)->sasl),
        .auth = *settings_auth_get(s->auth),
        .mime = &s->mime,
        .lda_mailbox_autocreate = c->lda_mailbox_autocreate,
        .store_free_min = c->store_free_min,
        .relays = c->relay_enable,
        .relay_domains = words_of(&c->relay_domains),
        .client_message_rate = small(c->smtpd_client_message_rate_limit),
        .client_recipient_rate = small(c->smtpd_client_recipient_rate_limit),
        .client_auth_rate = small(c->smtpd_client_auth_rate_limit),
        .client_exceptions = words_of(&c->smtpd_client_event_limit_exceptions),
        .mail_max_userip_connections = small(c->mail_max_userip_connections),
        .debug_clock_us = c->debug_clock_us,
    };
    return &s->service;
}

void settings_free(void *settings)
{
    struct settings *s = settings; /* service is its first member */

    settings_auth_free(&s->auth);
    config_free(&s->config);
    free(s);
}

const struct config *settings_config(const struct service_settings *settings)
{
    return CONTAINER_OF(settings, const struct settings, service)->config;
}

/* ---- the directory ---- */

struct directory *settings_directory(const struct config *config, struct chain *why)
{
    unsigned own = config->mydestination.count, more = config->virtual_mailbox_domains.count;
    const char **domains = xcalloc(own + more + 1, sizeof(*domains));
    struct directory *d;

    for (unsigned i = 0; i < own; i++)
        domains[i] = config->mydestination.at[i];
    for (unsigned i = 0; i < more; i++)
        domains[own + i] = config->virtual_mailbox_domains.at[i];
    d = directory_load(
        &(struct directory_config){
            .users_path = config->users_file,
            .alias_paths = config->alias_maps.at,
            .alias_count = config->alias_maps.count,
            .virtual_paths = config->virtual_alias_maps.at,
            .virtual_count = config->virtual_alias_maps.count,
            .domains = domains,
            .domain_count = own + more,
            .recipient_delimiter = config->recipient_delimiter,
            .catch_all = config->luser_relay,
        },
        why);
    free(domains);
    return d;
}

/* ---- networks ---- */

unsigned settings_networks(const struct config_list *list, struct network **networks_r)
{
    struct network *networks = NULL;

    if (list->count > 0)
        networks = xcalloc(list->count, sizeof(*networks));
    for (unsigned i = 0; i < list->count; i++) {
        bool good = network_parse(span_str(list->at[i]), &networks[i]);
        ensure(good);
    }
    *networks_r = networks;
    return list->count;
}
