#include "proto/smtp/smtp_settings.h"

static const char *const settings_networks[] = {"127.0.0.0/8", "[::1]/128"};
static const char *const settings_forbidden[] = {"CONNECT", "GET", "POST"};

const struct smtp_settings smtp_settings_default = {
    .myhostname = "localhost",
    .mail_name = "Ringpost",
    .smtpd_banner = "",
    .myorigin = "localhost",
    .mynetworks = {settings_networks,  COUNT_OF(settings_networks) },
    .smtpd_forbidden_commands = {settings_forbidden, COUNT_OF(settings_forbidden)},
    .message_size_limit = 10240000,
    .line_length_limit = 2048,
    .hopcount_limit = 50,
    .smtpd_recipient_limit = 1000,
    .smtpd_recipient_overshoot_limit = 1000,
    .smtpd_soft_error_limit = 10,
    .smtpd_hard_error_limit = 20,
    .smtpd_junk_command_limit = 100,
    .smtpd_error_sleep_time_ms = 1000,
    .smtpd_timeout_ms = 300 * 1000,
    .smtpd_stress_hard_error_limit = 1,
    .smtpd_stress_junk_command_limit = 1,
    .smtpd_stress_timeout_ms = 10 * 1000,
    .sasl.mechanisms_clear = "",
    .sasl.mechanisms_tls = "",
    .smtputf8_enable = true,
    .smtpd_forbid_unauth_pipelining = true,
    .smtpd_forbid_bare_newline = SMTP_BARE_NORMALIZE,
    .smtpd_forbid_bare_newline_reject_code = 550,
    .smtpd_tls_security_level = SMTP_TLS_NONE,
    .smtpd_tls_log = true,
    .smtpd_tls_received_header = true,
    .deliverby_min_s = 0,
    .futurerelease_max_s = 7 * 24 * 3600,
    .debug_queue_id = "",
};

unsigned smtp_settings_extension(struct span keyword)
{
    static const char *const names[] = {
        "PIPELINING",          "SIZE",      "VRFY",          "ETRN",     "XCLIENT",
        "ENHANCEDSTATUSCODES", "8BITMIME",  "DSN",           "SMTPUTF8", "CHUNKING",
        "BINARYMIME",          "LIMITS",    "STARTTLS",      "AUTH",     "REQUIRETLS",
        "MT-PRIORITY",         "DELIVERBY", "FUTURERELEASE", "XVERP",
    };

    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        if (span_eq_nocase(keyword, span_str(names[i])))
            return 1u << i;
    }
    return 0;
}
