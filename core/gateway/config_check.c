#include "core/gateway/config_check.h"

#include <ctype.h>
#include <stdio.h>
#include <time.h>

#include "core/base/network.h"
#include "core/base/number.h"
#include "core/gateway/folders.h"
#include "core/gateway/settings_auth.h"
#include "core/service/auth_jwt.h"

struct check {
    struct config *config;
    config_check_say *say;
    void *context;
    unsigned findings;
};

static void found(struct check *c, const char *option, const char *format, ...) PRINTF_LIKE(3, 4);
static void found(struct check *c, const char *option, const char *format, ...)
{
    char text[512];
    va_list parts;

    va_start(parts, format);
    vsnprintf(text, sizeof(text), format, parts);
    va_end(parts);
    c->say(c->context, option, text);
    c->findings++;
}

/* ---- names ---- */

static bool is_domain(const char *name)
{
    size_t label = 0, len = strlen(name);

    if (len == 0 || len > 255)
        return false;
    for (const char *n = name; *n; n++) {
        if (*n == '.' && label == 0)
            return false;
        label = *n == '.' ? 0 : label + 1;
        if (label > 63 || (!isalnum((unsigned char)*n) && !strchr("-_.", *n)))
            return false;
    }
    return label > 0;
}

static bool is_address_literal(const char *name)
{
    size_t len = strlen(name);
    return len > 2 && name[0] == '[' && name[len - 1] == ']';
}

static void check_domains(struct check *c, const char *option, const struct config_list *list)
{
    for (unsigned i = 0; i < list->count; i++)
        if (!is_domain(list->at[i]) && !is_address_literal(list->at[i]))
            found(c, option, "\"%s\" is not a domain; write one like example.org", list->at[i]);
}

/* As in RFC 8461 3.2: the first label may be a star. Not written, it is myhostname. */
static void check_policy_hosts(struct check *c)
{
    static const char option[] = "mta_sts_mx";
    const struct config_list *list = &c->config->mta_sts_mx;

    if (!config_given(c->config, config_option_find(option, strlen(option))))
        return;
    for (unsigned i = 0; i < list->count; i++)
        if (!is_domain(list->at[i] + (strncmp(list->at[i], "*.", 2) == 0 ? 2 : 0)))
            found(c, option, "\"%s\" is not a host name; write one like mail.example.org",
                  list->at[i]);
}

static void check_names(struct check *c)
{
    const struct config *config = c->config;

    if (!is_domain(config->myhostname))
        found(c, "myhostname", "\"%s\" is not a host name; write one like mail.example.org",
              config->myhostname);
    if (!is_domain(config->mydomain))
        found(c, "mydomain", "\"%s\" is not a domain; write one like example.org",
              config->mydomain);
    check_domains(c, "mydestination", &config->mydestination);
    check_domains(c, "virtual_mailbox_domains", &config->virtual_mailbox_domains);
    if (config->mydestination.count + config->virtual_mailbox_domains.count == 0)
        found(c, "mydestination", "no domain is ours; name at least one");
    if (strncmp(config->smtpd_banner, config->myhostname, strlen(config->myhostname)) != 0)
        found(c, "smtpd_banner", "does not begin with the host's name; begin it with $myhostname");
    for (const char *d = config->recipient_delimiter; *d; d++)
        if (isalnum((unsigned char)*d) || strchr("@ \"\\.,", *d))
            found(c, "recipient_delimiter", "\"%c\" stands in names as well; use bytes like + or -",
                  *d);
}

/* ---- addresses ---- */

static void check_networks(struct check *c, const char *option, const struct config_list *list)
{
    struct network network;

    for (unsigned i = 0; i < list->count; i++)
        if (!network_parse(span_str(list->at[i]), &network))
            found(c, option, "\"%s\" is not a network; write it like 10.0.0.0/8 or [fd00::]/8",
                  list->at[i]);
}

/* Not written, they are mynetworks, which are checked already. */
static void check_exceptions(struct check *c)
{
    static const char name[] = "smtpd_client_event_limit_exceptions";

    if (config_given(c->config, config_option_find(name, strlen(name))))
        check_networks(c, name, &c->config->smtpd_client_event_limit_exceptions);
}

static void check_folders(struct check *c, const char *option, const struct config_list *list)
{
    struct store_folder folder;

    for (unsigned i = 0; i < list->count; i++)
        if (!folder_parse(list->at[i], &folder))
            found(c, option, "\"%s\" is no mailbox; write a name, or one like Sent=Sent",
                  list->at[i]);
    if (list->count > STORE_FOLDERS_MAX)
        found(c, option, "there are more than %d mailboxes", STORE_FOLDERS_MAX);
}

static void check_places(struct check *c, const char *option, const struct config_list *list)
{
    struct config_place place;

    for (unsigned i = 0; i < list->count; i++)
        if (!config_place_parse(list->at[i], &place))
            found(c, option,
                  "\"%s\" is no place to listen; write address:port, [IPv6]:port, *:port or "
                  "unix:path",
                  list->at[i]);
}

/* ---- the rest ---- */

static void check_workarounds(struct check *c)
{
    const struct config_list *list = &c->config->pop3_client_workarounds;

    for (unsigned i = 0; i < list->count; i++)
        if (strcmp(list->at[i], "outlook-no-nuls") != 0 && strcmp(list->at[i], "oe-ns-eoh") != 0)
            found(c, "pop3_client_workarounds",
                  "\"%s\" is none; write outlook-no-nuls, oe-ns-eoh, or both", list->at[i]);
}

/* 2020-07-15T16:31:24Z, with up to six digits of a second's fraction. */
static bool clock_parse(const char *text, int64_t *us_r)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    int64_t fraction = 0;

    if (!end)
        return false;
    if (*end == '.') {
        int64_t unit = 100000;
        for (end++; *end >= '0' && *end <= '9' && unit > 0; end++, unit /= 10)
            fraction += (*end - '0') * unit;
    }
    if (end[0] != 'Z' || end[1] != '\0')
        return false;
    *us_r = (int64_t)timegm(&tm) * 1000000 + fraction;
    return true;
}

static bool is_queue_id(const char *text)
{
    size_t len = strlen(text);
    return len >= 6 && strspn(text, "0123456789ABCDEF") == len;
}

static void check_debug(struct check *c)
{
    struct config *config = c->config;

    if (config->debug_clock[0] && !clock_parse(config->debug_clock, &config->debug_clock_us))
        found(c, "debug_clock", "\"%s\" is not a time; write it like 2020-07-15T16:31:24Z",
              config->debug_clock);
    if (config->debug_queue_id[0] && !is_queue_id(config->debug_queue_id))
        found(c, "debug_queue_id",
              "\"%s\" is not a queue id; write 6 to 20 digits and upper-case letters A to F",
              config->debug_queue_id);
}

/* ---- logins ---- */

static void check_mechanisms(struct check *c)
{
    const struct config_list *list = &c->config->auth_mechanisms;

    for (unsigned i = 0; i < list->count; i++)
        if (!settings_mechanism_is_known(list->at[i]))
            found(c, "auth_mechanisms", "\"%s\" is not known; there are %s", list->at[i],
                  settings_mechanisms_known());
}

/* Its messages are for the log and have a line end. */
static void check_tokens(struct check *c)
{
    const struct config_list *files = &c->config->oauth2_key_files;
    const char *url = c->config->oauth2_introspection_url;
    struct auth_jwt_keys *keys;
    struct chain why = {0};
    struct span text;

    if (url[0] != '\0' && strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
        found(c, "oauth2_introspection_url",
              "\"%s\" is no address; write one that begins with https://", url);
    keys = auth_jwt_keys_load((const char *const *)files->at, files->count, &why);
    auth_jwt_keys_free(&keys);
    text = chain_flat(&why);
    if (text.len > 0)
        found(c, "oauth2_key_files", "%.*s", (int)text.len - 1, text.at);
    chain_free(&why);
}

unsigned config_check(struct config *config, config_check_say *say, void *context)
{
    struct check c = {.config = config, .say = say, .context = context};

    check_names(&c);
    check_networks(&c, "mynetworks", &config->mynetworks);
    check_exceptions(&c);
    check_networks(&c, "login_trusted_networks", &config->login_trusted_networks);
    check_mechanisms(&c);
    check_tokens(&c);
    check_networks(&c, "smtpd_authorized_xclient_hosts", &config->smtpd_authorized_xclient_hosts);
    check_networks(&c, "smtpd_upstream_proxy_hosts", &config->smtpd_upstream_proxy_hosts);
    check_folders(&c, "mail_default_mailboxes", &config->mail_default_mailboxes);
    check_places(&c, "smtp_listen", &config->smtp_listen);
    check_places(&c, "lmtp_listen", &config->lmtp_listen);
    check_places(&c, "imap_listen", &config->imap_listen);
    check_places(&c, "pop3_listen", &config->pop3_listen);
    check_workarounds(&c);
    check_places(&c, "submission_listen", &config->submission_listen);
    check_places(&c, "submissions_listen", &config->submissions_listen);
    check_places(&c, "imaps_listen", &config->imaps_listen);
    check_places(&c, "pop3s_listen", &config->pop3s_listen);
    check_places(&c, "http_listen", &config->http_listen);
    check_networks(&c, "http_metrics_networks", &config->http_metrics_networks);
    check_policy_hosts(&c);
    check_debug(&c);
    if (config->store_segment_size % 4096 != 0)
        found(&c, "store_segment_size", "not a multiple of 4096; write one, like 64m");
    if (config->smtpd_hard_error_limit < config->smtpd_soft_error_limit)
        found(&c, "smtpd_hard_error_limit", "less than smtpd_soft_error_limit; write at least %u",
              (unsigned)config->smtpd_soft_error_limit);
    return c.findings;
}
