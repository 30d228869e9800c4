#include "core/gateway/client_config.h"

#include <stdio.h>
#include <string.h>

#include "proto/text/scan.h"

enum client_protocol {
    PROTOCOL_IMAP,
    PROTOCOL_POP3,
    PROTOCOL_SMTP,
};

enum client_socket {
    SOCKET_PLAIN,
    SOCKET_STARTTLS,
    SOCKET_TLS,
};

/* In the order in which a mail program should like them: TLS from the first byte on before
 * STARTTLS (RFC 8314), IMAP before POP3. */
static const struct {
    const char *srv;
    enum client_protocol protocol;
    bool is_tls;
    size_t places;
} rows[] = {
    {"imaps",       PROTOCOL_IMAP, true,  offsetof(struct config, imaps_listen)      },
    {"imap",        PROTOCOL_IMAP, false, offsetof(struct config, imap_listen)       },
    {"pop3s",       PROTOCOL_POP3, true,  offsetof(struct config, pop3s_listen)      },
    {"pop3",        PROTOCOL_POP3, false, offsetof(struct config, pop3_listen)       },
    {"submissions", PROTOCOL_SMTP, true,  offsetof(struct config, submissions_listen)},
    {"submission",  PROTOCOL_SMTP, false, offsetof(struct config, submission_listen) },
};

struct served {
    const char *srv;
    enum client_protocol protocol;
    enum client_socket socket;
    unsigned port; /* 0: nowhere */
};

struct description {
    struct span user, domain, host; /* of user@domain */
    struct served all[COUNT_OF(rows)];
};

/* ---- what is served ---- */

static bool has_tls(const struct config *c)
{
    return c->smtpd_tls_chain_files.count > 0 || c->smtpd_tls_cert_file[0] != '\0' ||
           c->tls_self_signed_file[0] != '\0';
}

static enum client_socket socket_of(const struct config *c, unsigned row)
{
    bool offers = rows[row].protocol == PROTOCOL_SMTP ? c->smtpd_tls_security_level != 0 /* none */
                                                      : c->ssl != CONFIG_SSL_NO;

    if (rows[row].is_tls)
        return SOCKET_TLS;
    return offers && has_tls(c) ? SOCKET_STARTTLS : SOCKET_PLAIN;
}

/* The port of the first place that has one. */
static unsigned port_of(const struct config *c, unsigned row)
{
    const struct config_list *places =
        (const struct config_list *)(const void *)((const char *)c + rows[row].places);
    struct config_place place;

    if (rows[row].is_tls && !has_tls(c))
        return 0;
    for (unsigned i = 0; i < places->count; i++) {
        if (config_place_parse(places->at[i], &place) && place.path == NULL)
            return place.port;
    }
    return 0;
}

static bool is_ours(const struct config_list *domains, struct span domain)
{
    for (unsigned i = 0; i < domains->count; i++) {
        if (span_eq_nocase(span_str(domains->at[i]), domain))
            return true;
    }
    return false;
}

static bool is_user(struct span user)
{
    for (size_t i = 0; i < user.len; i++) {
        if ((unsigned char)user.at[i] <= ' ' || user.at[i] == 0x7f || user.at[i] == '"')
            return false;
    }
    return user.len > 0 && user.len <= 64 && scan_is_utf8(user); /* RFC 5321 4.5.3.1.1 */
}

static bool find_address(const struct config *c, const char *address, struct description *d,
                         struct chain *why)
{
    const char *at = strrchr(address, '@');

    d->user = span_str(address);
    d->domain = c->mydestination.count > 0 ? span_str(c->mydestination.at[0]) : SPAN("");
    if (at != NULL) {
        d->user.len = (size_t)(at - address);
        d->domain = span_str(at + 1);
    }
    if (!is_user(d->user)) {
        chain_addf(why, "\"%s\" is no address; write user@domain\n", address);
        return false;
    }
    if (!is_ours(&c->mydestination, d->domain) &&
        !is_ours(&c->virtual_mailbox_domains, d->domain)) {
        chain_addf(why,
                   "%.*s is no domain of ours; name it in mydestination or "
                   "virtual_mailbox_domains\n",
                   (int)d->domain.len, d->domain.at);
        return false;
    }
    return true;
}

static bool find_served(const struct config *c, struct description *d, struct chain *why)
{
    bool any = false;

    d->host = span_str(c->client_config_host[0] != '\0' ? c->client_config_host : c->myhostname);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        d->all[i] = (struct served){rows[i].srv, rows[i].protocol, socket_of(c, i), port_of(c, i)};
        any = any || (d->all[i].port != 0 && rows[i].protocol != PROTOCOL_SMTP);
    }
    if (!any)
        chain_addf(why, "nobody can read mail here; set imaps_listen or another of its like\n");
    return any;
}

/* ---- text that stands in XML ---- */

static void add_escaped(struct chain *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.at[i]) {
        case '&':
            chain_add(out, SPAN("&amp;"));
            break;
        case '<':
            chain_add(out, SPAN("&lt;"));
            break;
        case '>':
            chain_add(out, SPAN("&gt;"));
            break;
        case '"':
            chain_add(out, SPAN("&quot;"));
            break;
        case '\'':
            chain_add(out, SPAN("&apos;"));
            break;
        default:
            chain_add_byte(out, text.at[i]);
        }
    }
}

static void add_address(struct chain *out, const struct description *d)
{
    add_escaped(out, d->user);
    chain_add_byte(out, '@');
    add_escaped(out, d->domain);
}

/* ---- people ---- */

static void render_text(const struct description *d, struct chain *out)
{
    static const char *const what[] = {
        [PROTOCOL_IMAP] = "IMAP", [PROTOCOL_POP3] = "POP3", [PROTOCOL_SMTP] = "SMTP (sending)"};
    static const char *const how[] = {
        [SOCKET_PLAIN] = "no encryption", [SOCKET_STARTTLS] = "STARTTLS", [SOCKET_TLS] = "SSL/TLS"};

    chain_addf(out, "User name: %.*s@%.*s\n", (int)d->user.len, d->user.at, (int)d->domain.len,
               d->domain.at);
    for (unsigned i = 0; i < COUNT_OF(d->all); i++) {
        const struct served *s = &d->all[i];
        if (s->port != 0)
            chain_addf(out, "%s: %.*s, port %u, %s, normal password\n", what[s->protocol],
                       (int)d->host.len, d->host.at, s->port, how[s->socket]);
    }
}

/* ---- Thunderbird ---- */

static void thunderbird_server(const struct description *d, const struct served *s,
                               struct chain *out)
{
    static const char *const type[] = {
        [PROTOCOL_IMAP] = "imap", [PROTOCOL_POP3] = "pop3", [PROTOCOL_SMTP] = "smtp"};
    static const char *const socket[] = {
        [SOCKET_PLAIN] = "plain", [SOCKET_STARTTLS] = "STARTTLS", [SOCKET_TLS] = "SSL"};
    const char *element = s->protocol == PROTOCOL_SMTP ? "outgoingServer" : "incomingServer";

    chain_addf(out, "    <%s type=\"%s\">\n      <hostname>", element, type[s->protocol]);
    add_escaped(out, d->host);
    chain_addf(out,
               "</hostname>\n      <port>%u</port>\n      <socketType>%s</socketType>\n"
               "      <username>",
               s->port, socket[s->socket]);
    add_address(out, d);
    chain_addf(out,
               "</username>\n      <authentication>password-cleartext</authentication>\n"
               "    </%s>\n",
               element);
}

static void render_thunderbird(const struct description *d, struct chain *out)
{
    chain_add(out, SPAN("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<clientConfig version=\"1.1\">\n  <emailProvider id=\""));
    add_escaped(out, d->domain);
    chain_add(out, SPAN("\">\n    <domain>"));
    add_escaped(out, d->domain);
    chain_add(out, SPAN("</domain>\n    <displayName>"));
    add_escaped(out, d->domain);
    chain_add(out, SPAN("</displayName>\n    <displayShortName>"));
    add_escaped(out, d->domain);
    chain_add(out, SPAN("</displayShortName>\n"));
    for (unsigned i = 0; i < COUNT_OF(d->all); i++) {
        if (d->all[i].port != 0)
            thunderbird_server(d, &d->all[i], out);
    }
    chain_add(out, SPAN("  </emailProvider>\n</clientConfig>\n"));
}

/* ---- the best one of a protocol, for forms that take one ---- */

static const struct served *best_of(const struct description *d, enum client_protocol protocol)
{
    for (unsigned i = 0; i < COUNT_OF(d->all); i++) {
        if (d->all[i].protocol == protocol && d->all[i].port != 0)
            return &d->all[i];
    }
    return NULL;
}

/* ---- Outlook ---- */

static void outlook_protocol(const struct description *d, enum client_protocol protocol,
                             struct chain *out)
{
    static const char *const type[] = {
        [PROTOCOL_IMAP] = "IMAP", [PROTOCOL_POP3] = "POP3", [PROTOCOL_SMTP] = "SMTP"};
    static const char *const encryption[] = {
        [SOCKET_PLAIN] = "None", [SOCKET_STARTTLS] = "TLS", [SOCKET_TLS] = "SSL"};
    const struct served *s = best_of(d, protocol);

    if (s == NULL)
        return;
    chain_addf(out, "      <Protocol>\n        <Type>%s</Type>\n        <Server>", type[protocol]);
    add_escaped(out, d->host);
    chain_addf(out,
               "</Server>\n        <Port>%u</Port>\n        <DomainRequired>off</DomainRequired>\n"
               "        <LoginName>",
               s->port);
    add_address(out, d);
    chain_addf(out,
               "</LoginName>\n        <SPA>off</SPA>\n        <SSL>%s</SSL>\n"
               "        <Encryption>%s</Encryption>\n        <AuthRequired>on</AuthRequired>\n",
               s->socket == SOCKET_PLAIN ? "off" : "on", encryption[s->socket]);
    if (protocol == PROTOCOL_SMTP)
        chain_add(out, SPAN("        <UsePOPAuth>off</UsePOPAuth>\n"
                            "        <SMTPLast>off</SMTPLast>\n"));
    chain_add(out, SPAN("      </Protocol>\n"));
}

static void render_outlook(const struct description *d, struct chain *out)
{
    chain_add(out, SPAN("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                        "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/"
                        "responseschema/2006\">\n"
                        "  <Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/"
                        "outlook/responseschema/2006a\">\n"
                        "    <User>\n      <DisplayName>"));
    add_address(out, d);
    chain_add(out, SPAN("</DisplayName>\n    </User>\n    <Account>\n"
                        "      <AccountType>email</AccountType>\n"
                        "      <Action>settings</Action>\n"));
    outlook_protocol(d, PROTOCOL_IMAP, out);
    outlook_protocol(d, PROTOCOL_POP3, out);
    outlook_protocol(d, PROTOCOL_SMTP, out);
    chain_add(out, SPAN("    </Account>\n  </Response>\n</Autodiscover>\n"));
}

/* ---- Apple ---- */

/* FNV-1a over the address and what the number is for. */
static uint64_t hash_of(const struct description *d, const char *salt)
{
    const struct span parts[] = {span_str(salt), d->user, SPAN("@"), d->domain, d->host};
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (unsigned p = 0; p < COUNT_OF(parts); p++) {
        for (size_t i = 0; i < parts[p].len; i++)
            hash = (hash ^ (unsigned char)parts[p].at[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* RFC 9562 5.8: a UUID of our own making (version 8), always the same for the same account. */
static void add_uuid(const struct description *d, const char *what, struct chain *out)
{
    uint64_t high = hash_of(d, what), low = hash_of(d, what[0] == 'a' ? "1" : "2");

    chain_addf(out, "%08X-%04X-8%03X-%04X-%012llX", (unsigned)(high >> 32),
               (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xfff),
               (unsigned)(0x8000 | (low >> 48 & 0x3fff)),
               (unsigned long long)(low & UINT64_C(0xffffffffffff)));
}

static void apple_string(struct chain *out, const char *key, struct span value)
{
    chain_addf(out, "      <key>%s</key>\n      <string>", key);
    add_escaped(out, value);
    chain_add(out, SPAN("</string>\n"));
}

static void apple_address(struct chain *out, const char *key, const struct description *d)
{
    chain_addf(out, "      <key>%s</key>\n      <string>", key);
    add_address(out, d);
    chain_add(out, SPAN("</string>\n"));
}

static void apple_server(const struct description *d, const struct served *s, const char *way,
                         struct chain *out)
{
    char key[64];

    if (s == NULL)
        return;
    chain_addf(out,
               "      <key>%sMailServerAuthentication</key>\n"
               "      <string>EmailAuthPassword</string>\n",
               way);
    (void)snprintf(key, sizeof(key), "%sMailServerHostName", way);
    apple_string(out, key, d->host);
    chain_addf(out,
               "      <key>%sMailServerPortNumber</key>\n      <integer>%u</integer>\n"
               "      <key>%sMailServerUseSSL</key>\n      <%s/>\n",
               way, s->port, way, s->socket == SOCKET_PLAIN ? "false" : "true");
    (void)snprintf(key, sizeof(key), "%sMailServerUsername", way);
    apple_address(out, key, d);
}

static void apple_account(const struct description *d, struct chain *out)
{
    const struct served *in = best_of(d, PROTOCOL_IMAP), *post = best_of(d, PROTOCOL_SMTP);

    if (in == NULL)
        in = best_of(d, PROTOCOL_POP3);
    chain_add(out, SPAN("    <dict>\n"));
    apple_address(out, "EmailAccountDescription", d);
    apple_string(out, "EmailAccountType",
                 in->protocol == PROTOCOL_IMAP ? SPAN("EmailTypeIMAP") : SPAN("EmailTypePOP"));
    apple_address(out, "EmailAddress", d);
    apple_server(d, in, "Incoming", out);
    apple_server(d, post, "Outgoing", out);
    if (post != NULL)
        chain_add(out, SPAN("      <key>OutgoingPasswordSameAsIncomingPassword</key>\n"
                            "      <true/>\n"));
    apple_string(out, "PayloadType", SPAN("com.apple.mail.managed"));
    chain_add(out, SPAN("      <key>PayloadVersion</key>\n      <integer>1</integer>\n"
                        "      <key>PayloadIdentifier</key>\n      <string>"));
    add_escaped(out, d->host);
    chain_add(out, SPAN(".mail.account</string>\n      <key>PayloadUUID</key>\n      <string>"));
    add_uuid(d, "account", out);
    chain_add(out, SPAN("</string>\n    </dict>\n"));
}

static void render_apple(const struct description *d, struct chain *out)
{
    chain_add(out, SPAN("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
                        "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
                        "<plist version=\"1.0\">\n  <dict>\n    <key>PayloadContent</key>\n"
                        "    <array>\n"));
    apple_account(d, out);
    chain_add(out, SPAN("    </array>\n    <key>PayloadDisplayName</key>\n    <string>"));
    add_address(out, d);
    chain_add(out, SPAN("</string>\n    <key>PayloadIdentifier</key>\n    <string>"));
    add_escaped(out, d->host);
    chain_add(out, SPAN(".mail."));
    add_address(out, d);
    chain_add(out,
              SPAN("</string>\n    <key>PayloadType</key>\n    <string>Configuration</string>\n"
                   "    <key>PayloadUUID</key>\n    <string>"));
    add_uuid(d, "profile", out);
    chain_add(out, SPAN("</string>\n    <key>PayloadVersion</key>\n    <integer>1</integer>\n"
                        "  </dict>\n</plist>\n"));
}

/* ---- DNS ---- */

/* What is not served has the target ".", so that nobody tries (RFC 2782; RFC 6186 3.4). What has no
 * TLS is not told, and counts as not served. POP3 is liked less than IMAP by its priority. */
static void render_dns(const struct description *d, struct chain *out)
{
    for (unsigned i = 0; i < COUNT_OF(d->all); i++) {
        const struct served *s = &d->all[i];
        chain_addf(out, "_%s._tcp.%.*s. IN SRV ", s->srv, (int)d->domain.len, d->domain.at);
        if (s->port == 0 || s->socket == SOCKET_PLAIN)
            chain_add(out, SPAN("0 0 0 .\n"));
        else
            chain_addf(out, "%u 1 %u %.*s.\n", s->protocol == PROTOCOL_POP3 ? 10U : 0U, s->port,
                       (int)d->host.len, d->host.at);
    }
}

/* ---- the table of forms ---- */

static const struct {
    const char *word;
    void (*render)(const struct description *d, struct chain *out);
} formats[] = {
    [CLIENT_CONFIG_TEXT] = {"text",        render_text       },
    [CLIENT_CONFIG_THUNDERBIRD] = {"thunderbird", render_thunderbird},
    [CLIENT_CONFIG_OUTLOOK] = {"outlook",     render_outlook    },
    [CLIENT_CONFIG_APPLE] = {"apple",       render_apple      },
    [CLIENT_CONFIG_DNS] = {"dns",         render_dns        },
};

bool client_config_format(struct span word, enum client_config_format *format_r)
{
    for (unsigned i = 0; i < COUNT_OF(formats); i++) {
        if (span_eq_nocase(word, span_str(formats[i].word))) {
            *format_r = (enum client_config_format)i;
            return true;
        }
    }
    return false;
}

bool client_config_render(const struct config *config, const char *address,
                          enum client_config_format format, struct chain *out, struct chain *why)
{
    struct description d;

    if (!find_address(config, address, &d, why) || !find_served(config, &d, why))
        return false;
    formats[format].render(&d, out);
    return true;
}
