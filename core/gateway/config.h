#ifndef CORE_GATEWAY_CONFIG_H
#define CORE_GATEWAY_CONFIG_H

/*
 * config: all settings of the gateway, as read from ringpost.conf and -o name=value.
 *
 * A struct config never changes after config_load() made it, so any thread may read it; a reload
 * makes a new one. What each field means, its default and its bounds stand in one place, the table
 * in config_options.c, whose rows have the fields' names. Units here: sizes in bytes, times in
 * milliseconds. Texts are never NULL; a path is absolute, or relative to the working directory as
 * the file that names it is (the names "-" and "syslog" and the empty one stay as they are).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/chain.h"

enum {
    CONFIG_FILE_MAX = 1024 * 1024, /* bytes of a configuration file */
    CONFIG_VALUE_MAX = 65536,      /* bytes of one value with its continuation lines, expanded */
    CONFIG_DEPTH_MAX = 16,         /* $name in the value of a $name in the value of ... */
};

struct config_list {
    const char *const *at;
    unsigned count;
};

enum config_io {
    CONFIG_IO_AUTO,
    CONFIG_IO_URING,
    CONFIG_IO_EPOLL
};
enum config_log_format {
    CONFIG_LOG_TEXT,
    CONFIG_LOG_JSON
};
enum config_confinement {
    CONFIG_CONFINE_NO,
    CONFIG_CONFINE_BEST_EFFORT,
    CONFIG_CONFINE_YES,
    CONFIG_CONFINE_KILL
};
enum config_bare_newline {
    CONFIG_BARE_NO,
    CONFIG_BARE_NORMALIZE,
    CONFIG_BARE_REJECT
};
enum config_ssl {
    CONFIG_SSL_NO,
    CONFIG_SSL_YES,
    CONFIG_SSL_REQUIRED,
};
enum config_sts {
    CONFIG_STS_OFF,
    CONFIG_STS_NONE,
    CONFIG_STS_TESTING,
    CONFIG_STS_ENFORCE,
};
enum config_introspection {
    CONFIG_INTROSPECTION_POST,
    CONFIG_INTROSPECTION_AUTH,
};
enum config_tls_protocols {
    CONFIG_TLS_12,
    CONFIG_TLS_13
};

struct config {
    /* who we are */
    const char *myhostname, *mydomain, *mail_name;
    struct config_list mydestination, mynetworks;

    /* where to listen; how to run */
    struct config_list smtp_listen, lmtp_listen, imap_listen, pop3_listen;
    struct config_list submission_listen, submissions_listen, imaps_listen, pop3s_listen;
    struct config_list http_listen;
    int io;                     /* enum config_io */
    uint64_t reactors, workers; /* never 0 here: "automatic" is resolved */
    uint64_t connection_count_limit;
    const char *mail_owner, *client_config_host;
    int confinement; /* enum config_confinement */
    uint64_t memory_max, client_memory_max, user_memory_max, command_ahead_size;

    /* log */
    const char *maillog_file, *syslog_name;
    int log_format; /* enum config_log_format */
    int log_level;  /* enum log_level */

    /* who gets mail */
    const char *users_file, *recipient_delimiter, *luser_relay;
    struct config_list alias_maps, virtual_alias_maps, virtual_mailbox_domains;
    bool lda_mailbox_autocreate;
    struct config_list mail_default_mailboxes;

    /* the store */
    const char *mail_store_directory;
    uint64_t store_segment_size, store_map_size, store_free_min;

    /* SMTP and LMTP */
    const char *smtpd_banner;
    uint64_t message_size_limit, line_length_limit, hopcount_limit;
    uint64_t header_size_limit, header_block_size_limit, header_count_limit;
    uint64_t header_address_token_limit, mime_nesting_limit, mime_part_limit;
    uint64_t mime_parameter_limit, mime_boundary_length_limit;
    uint64_t smtpd_recipient_limit, smtpd_recipient_overshoot_limit;
    uint64_t smtpd_client_connection_count_limit, smtpd_client_connection_rate_limit;
    uint64_t smtpd_client_message_rate_limit, smtpd_client_recipient_rate_limit;
    uint64_t smtpd_client_auth_rate_limit, anvil_rate_time_unit;
    struct config_list smtpd_client_event_limit_exceptions;
    uint64_t smtpd_error_sleep_time, smtpd_soft_error_limit, smtpd_hard_error_limit;
    uint64_t smtpd_junk_command_limit, smtpd_timeout, smtpd_min_data_rate;
    uint64_t smtpd_stress_timeout, smtpd_stress_hard_error_limit, smtpd_stress_junk_command_limit;
    struct config_list smtpd_authorized_xclient_hosts, smtpd_upstream_proxy_hosts;
    struct config_list smtpd_discard_ehlo_keywords, smtpd_forbidden_commands;
    bool disable_vrfy_command, smtpd_helo_required, strict_rfc821_envelopes, smtputf8_enable;
    bool smtpd_forbid_unauth_pipelining;
    int smtpd_forbid_bare_newline; /* enum config_bare_newline */
    uint64_t smtpd_forbid_bare_newline_reject_code;

    /* mail for others */
    bool relay_enable;
    struct config_list relay_domains, transport_maps, sender_dependent_relayhost_maps;
    const char *relayhost, *relay_transport, *default_transport;
    uint64_t minimal_backoff_time, maximal_backoff_time, queue_run_delay;
    uint64_t maximal_queue_lifetime, bounce_queue_lifetime, bounce_size_limit;
    uint64_t initial_destination_concurrency, default_destination_concurrency_limit;
    uint64_t default_destination_recipient_limit, smtp_connection_count_limit;
    uint64_t smtp_connection_cache_time_limit;
    uint64_t smtp_mx_address_limit, smtp_mx_session_limit;
    const char *smtp_helo_name;
    bool smtp_never_send_ehlo;
    struct config_list smtp_discard_ehlo_keywords;
    uint64_t smtp_line_length_limit;
    uint64_t smtp_connect_timeout, smtp_helo_timeout, smtp_starttls_timeout;
    uint64_t smtp_mail_timeout, smtp_rcpt_timeout, smtp_rset_timeout;
    uint64_t smtp_data_init_timeout, smtp_data_xfer_timeout, smtp_data_done_timeout;
    int smtp_address_preference; /* enum relay_families */
    int inet_protocols;          /* the same */
    const char *smtp_tls_security_level, *smtp_tls_CAfile, *smtp_tls_CApath;
    struct config_list smtp_tls_policy_maps;
    const char *smtp_tls_verify_cert_match, *smtp_tls_secure_cert_match;
    struct config_list dns_servers;
    const char *dns_trust_anchor_file, *dns_resolv_file;

    /* IMAP */
    const char *imap_greeting;
    uint64_t imap_login_timeout, imap_idle_timeout, imap_idle_notify_interval;
    uint64_t imap_login_command_size, imap_login_nesting_limit, imap_login_bad_command_limit;
    uint64_t imap_command_size, imap_nesting_limit, imap_bad_command_limit;
    uint64_t imap_literal_plus_size;
    uint64_t imap_output_size, imap_output_timeout;
    uint64_t imap_mailbox_name_size, imap_mailbox_component_size, imap_mailbox_depth_limit;
    uint64_t imap_mailbox_limit;
    uint64_t imap_keyword_limit, imap_keyword_size;
    uint64_t imap_search_key_limit, imap_search_depth_limit, imap_search_slice_time;
    uint64_t mail_max_userip_connections;

    /* POP3 */
    const char *pop3_greeting;
    uint64_t pop3_login_timeout, pop3_idle_timeout, pop3_login_delay;
    uint64_t pop3_command_size, pop3_login_bad_command_limit, pop3_bad_command_limit;
    uint64_t pop3_output_size, pop3_output_timeout;
    bool pop3_no_flag_updates;
    struct config_list pop3_client_workarounds;

    /* TLS */
    uint64_t smtpd_starttls_timeout;
    int smtpd_tls_security_level; /* enum smtp_tls_level */
    int ssl;                      /* enum config_ssl */
    const char *smtpd_tls_cert_file, *smtpd_tls_key_file, *tls_self_signed_file;
    struct config_list smtpd_tls_chain_files;
    int smtpd_tls_protocols; /* enum config_tls_protocols */
    const char *smtpd_tls_CAfile;
    bool smtpd_tls_ask_ccert, smtpd_tls_req_ccert, smtpd_tls_received_header;
    uint64_t smtpd_tls_loglevel;

    /* HTTP */
    uint64_t http_connection_limit, http_client_connection_limit;
    uint64_t http_timeout, http_request_timeout;
    struct config_list http_metrics_networks;
    int mta_sts_mode; /* enum config_sts */
    struct config_list mta_sts_mx;
    uint64_t mta_sts_max_age;

    /* logins */
    uint64_t auth_cache_size, auth_cache_ttl;
    uint64_t auth_threads, auth_queue_limit;
    uint64_t auth_failure_delay, auth_failure_delay_max, auth_failure_decay;
    uint64_t auth_failure_limit, auth_failure_window, auth_block_time;
    struct config_list auth_mechanisms, login_trusted_networks;
    bool disable_plaintext_auth;
    uint64_t smtpd_sasl_response_limit;
    const char *oauth2_introspection_url, *oauth2_client_id, *oauth2_client_secret;
    const char *oauth2_username_attribute, *oauth2_active_attribute, *oauth2_active_value;
    const char *oauth2_openid_configuration_url;
    int oauth2_introspection_mode; /* enum config_introspection */
    struct config_list oauth2_key_files, oauth2_scope, oauth2_issuers, oauth2_audiences;
    uint64_t oauth2_timeout, oauth2_connection_limit, oauth2_cache_ttl;
    bool smtpd_sasl_auth_enable, smtpd_tls_auth_only;
    bool broken_sasl_auth_clients, smtpd_sasl_authenticated_header;

    /* replaying known conversations */
    const char *debug_clock, *debug_queue_id;
    int64_t debug_clock_us; /* debug_clock since 1970; 0: the real clock */

    struct config_text *texts; /* what was written where, for config_given() and config_text() */
    char *path;
};

/* ---- the table ---- */

enum config_type {
    CONFIG_STRING,
    CONFIG_PATH,
    CONFIG_LIST,  /* divided by commas and blanks */
    CONFIG_PATHS, /* a list of paths, each with or without a map type in front ("texthash:") */
    CONFIG_MAPS,  /* a list of lookup tables (core/service/lookup.h), each with its type in front or
                     a hash: file */
    CONFIG_BOOL,  /* yes, no */
    CONFIG_INTEGER,
    CONFIG_SIZE, /* bytes, or with k, m, g behind (1024) */
    CONFIG_TIME, /* seconds, or with ms, s, m, h, d, w behind */
    CONFIG_ENUM,
};

struct config_option {
    const char *name;
    enum config_type type;
    const char
        *fallback; /* the default, as it would be written in the file; may have $name in it */
    uint64_t least, most; /* of a number, in the units of struct config; of a string: its bytes */
    const char *unit;     /* for people: "bytes", "recipients"; or the words of an enum */
    size_t offset;        /* of the field in struct config */
    const char *help;     /* one paragraph */
};

extern const struct config_option config_options[];
extern const unsigned config_option_count;

/* The row of that name, or NULL. */
MUST_USE const struct config_option *config_option_find(const char *name, size_t len);

/* The option whose name is the least distance away from a misspelt one, or NULL when none is near.
 */
MUST_USE const struct config_option *config_option_like(const char *name, size_t len);

/* ---- loading ---- */

/* Reads the file (NULL: no file, all defaults), then "name=value" overrides. NULL when anything is
 * wrong, with a line "file:line: what; what to do" for each finding appended to `why`. */
MUST_USE struct config *config_load(const char *path, const char *const *overrides,
                                    unsigned override_count, struct chain *why);
void config_free(struct config **config);

/* Was it written in the file or given with -o? */
MUST_USE bool config_given(const struct config *config, const struct config_option *option);

/* Appends the option's value, `expanded` or as it was written. */
void config_text(const struct config *config, const struct config_option *option, bool expanded,
                 struct chain *out);

/* ---- addresses in lists ---- */

/* A place to listen: "127.0.0.1:25", "[::1]:25", "*:25" (all, IPv6 and IPv4), "unix:/path". */
struct config_place {
    const char *path; /* unix, else NULL; points into the text */
    char host[46];    /* numeric, without brackets; "*" for all */
    uint16_t port;
};
MUST_USE bool config_place_parse(const char *text, struct config_place *place_r);

#endif
