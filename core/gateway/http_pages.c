#include "core/gateway/http_pages.h"

#include <stdio.h>
#include <string.h>

#include "core/gateway/client_config.h"
#include "core/gateway/http_autodiscover.h"

#define OUTLOOK_SCHEMA                                                                             \
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"

enum {
    GET = 1,
    POST = 2,
};

typedef void page_fn(const struct http_pages *p, const struct http_request *r,
                     struct http_answer *a);

static page_fn thunderbird, outlook, outlook_json, apple, mta_sts, metrics;

/* Paths are the same in any case of letters, for Outlook asks for /Autodiscover/Autodiscover.xml
 * too. */
static const struct {
    const char *path;
    bool is_prefix;
    unsigned methods;
    page_fn *answer;
} rows[] = {
    {"/mail/config-v1.1.xml",                        false, GET,  thunderbird },
    {"/.well-known/autoconfig/mail/config-v1.1.xml", false, GET,  thunderbird },
    {"/autodiscover/autodiscover.xml",               false, POST, outlook     },
    {"/autodiscover/autodiscover.json",              true,  GET,  outlook_json},
    {"/mail.mobileconfig",                           false, GET,  apple       },
    {"/.well-known/mta-sts.txt",                     false, GET,  mta_sts     },
    {"/metrics",                                     false, GET,  metrics     },
};

/* ---- the way to a page ---- */

static unsigned method_of(struct span method)
{
    if (span_eq(method, SPAN("GET")) || span_eq(method, SPAN("HEAD")))
        return GET;
    return span_eq(method, SPAN("POST")) ? POST : 0;
}

static bool is_at(size_t row, struct span path)
{
    struct span own = span_str(rows[row].path);

    if (rows[row].is_prefix && path.len > own.len && path.at[own.len] == '/')
        path.len = own.len;
    return span_eq_nocase(path, own);
}

void http_pages_refuse(struct http_answer *a, unsigned status, const char *text)
{
    a->status = status;
    a->type = "text/plain; charset=utf-8";
    chain_addf(&a->body, "%s\n", text);
}

void http_pages_answer(const struct http_pages *p, const struct http_request *r,
                       struct http_answer *a)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (!is_at(i, r->path))
            continue;
        if ((rows[i].methods & method_of(r->method)) == 0) {
            http_pages_refuse(a, 405, "this page is not for that method");
            a->allow = rows[i].methods == GET ? "GET, HEAD" : "POST";
            return;
        }
        a->status = 200;
        rows[i].answer(p, r, a);
        return;
    }
    http_pages_refuse(a, 404, "there is no such page");
}

/* ---- addresses and domains ---- */

static bool is_ours(const struct config *c, struct span domain)
{
    const struct config_list *lists[] = {&c->mydestination, &c->virtual_mailbox_domains};

    for (size_t l = 0; l < COUNT_OF(lists); l++) {
        for (unsigned i = 0; i < lists[l]->count; i++) {
            if (span_eq_nocase(span_str(lists[l]->at[i]), domain))
                return true;
        }
    }
    return false;
}

/* The domain of ours that the client asked under a name like autoconfig.example.org, else none. */
static struct span domain_of(const struct config *c, struct span host, struct span prefix)
{
    const char *colon = host.len > 0 ? memchr(host.at, ':', host.len) : NULL;

    if (colon != NULL)
        host = span_first(host, (size_t)(colon - host.at));
    if (host.len > prefix.len && span_eq_nocase(span_first(host, prefix.len), prefix))
        host = span_after(host, prefix.len);
    return is_ours(c, host) ? host : SPAN("");
}

/* What was asked for as text; false when it does not fit or has a NUL in it. */
static bool address_text(struct span address, char text_r[HTTP_ADDRESS_MAX])
{
    if (address.len == 0 || address.len >= HTTP_ADDRESS_MAX ||
        memchr(address.at, '\0', address.len) != NULL)
        return false;
    memcpy(text_r, address.at, address.len);
    text_r[address.len] = '\0';
    return true;
}

/* The description for the address, or a 404 that says why there is none. */
static void describe(const struct http_pages *p, const char *address,
                     enum client_config_format format, const char *type, struct http_answer *a)
{
    struct chain why = {0};

    a->type = type;
    if (!client_config_render(p->config, address, format, &a->body, &why)) {
        chain_free(&a->body);
        http_pages_refuse(a, 404, "nothing is known about that address here");
    }
    chain_free(&why);
}

/* ---- Thunderbird ---- */

/* Without an address the domain alone is known: Thunderbird puts the address in by itself. */
static void thunderbird(const struct http_pages *p, const struct http_request *r,
                        struct http_answer *a)
{
    char address[HTTP_ADDRESS_MAX];
    struct span domain = domain_of(p->config, r->host, SPAN("autoconfig."));

    if (r->address.len == 0 && domain.len > 0 && domain.len < 256)
        (void)snprintf(address, sizeof(address), "%%EMAILLOCALPART%%@%.*s", (int)domain.len,
                       domain.at);
    else if (!address_text(r->address, address)) {
        http_pages_refuse(a, 400, "write ?emailaddress=user@domain");
        return;
    }
    describe(p, address, CLIENT_CONFIG_THUNDERBIRD, "text/xml; charset=utf-8", a);
}

/* ---- Outlook ---- */

/* MS-OXDSCLI 2.2.4.1.1.2: an answer too, so its status is 200. */
static void outlook_error(unsigned code, const char *message, struct http_answer *a)
{
    chain_free(&a->body);
    a->type = "text/xml; charset=utf-8";
    chain_addf(&a->body,
               "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
               "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/"
               "responseschema/2006\">\n  <Response>\n    <Error>\n"
               "      <ErrorCode>%u</ErrorCode>\n      <Message>%s</Message>\n"
               "      <DebugData/>\n    </Error>\n  </Response>\n</Autodiscover>\n",
               code, message);
}

static void outlook(const struct http_pages *p, const struct http_request *r, struct http_answer *a)
{
    char address[HTTP_AUTODISCOVER_TEXT_MAX], schema[HTTP_AUTODISCOVER_TEXT_MAX];
    struct chain why = {0};

    a->type = "text/xml; charset=utf-8";
    if (!http_autodiscover_text(r->body, SPAN("EMailAddress"), address))
        outlook_error(600, "Invalid Request", a);
    else if (http_autodiscover_text(r->body, SPAN("AcceptableResponseSchema"), schema) &&
             strcmp(schema, OUTLOOK_SCHEMA) != 0)
        outlook_error(601, "The requested schema version is not supported", a);
    else if (!client_config_render(p->config, address, CLIENT_CONFIG_OUTLOOK, &a->body, &why))
        outlook_error(500, "The email address can't be found", a);
    chain_free(&why);
}

/* Names, numbers, and what divides them: nothing that could end a string of JSON. */
static bool is_host(struct span host)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:";

    for (size_t i = 0; i < host.len; i++) {
        if (host.at[i] == '\0' || strchr(good, host.at[i]) == NULL)
            return false;
    }
    return host.len > 0 && host.len < 256;
}

/* Only says where the other one is, under the name that the client asked for; Outlook speaks HTTPS
 * alone. */
static void outlook_json(const struct http_pages *p, const struct http_request *r,
                         struct http_answer *a)
{
    (void)p;
    a->type = "application/json; charset=utf-8";
    if (!span_eq_nocase(r->protocol, SPAN("AutodiscoverV1"))) {
        a->status = 404;
        chain_add(&a->body,
                  SPAN("{\"ErrorCode\":\"InvalidProtocol\",\"ErrorMessage\":\"The protocol "
                       "is not supported; AutodiscoverV1 is.\"}\n"));
    } else if (!is_host(r->host)) {
        a->status = 400;
        chain_add(&a->body,
                  SPAN("{\"ErrorCode\":\"InvalidRequest\",\"ErrorMessage\":\"The Host field "
                       "is no name of a host.\"}\n"));
    } else {
        chain_addf(&a->body,
                   "{\"Protocol\":\"AutodiscoverV1\",\"Url\":\"https://%.*s/autodiscover/"
                   "autodiscover.xml\"}\n",
                   (int)r->host.len, r->host.at);
    }
}

/* ---- Apple ---- */

static void apple(const struct http_pages *p, const struct http_request *r, struct http_answer *a)
{
    char address[HTTP_ADDRESS_MAX];

    if (!address_text(r->address, address)) {
        http_pages_refuse(a, 400, "write ?emailaddress=user@domain");
        return;
    }
    a->disposition = "attachment; filename=\"mail.mobileconfig\"";
    describe(p, address, CLIENT_CONFIG_APPLE, "application/x-apple-aspen-config", a);
    if (a->status != 200)
        a->disposition = NULL;
}

/* ---- our policy for those who send us mail ---- */

static void mta_sts(const struct http_pages *p, const struct http_request *r, struct http_answer *a)
{
    static const char *const words[] = {[CONFIG_STS_NONE] = "none",
                                        [CONFIG_STS_TESTING] = "testing",
                                        [CONFIG_STS_ENFORCE] = "enforce"};
    const struct config *c = p->config;

    if (c->mta_sts_mode == CONFIG_STS_OFF || domain_of(c, r->host, SPAN("mta-sts.")).len == 0) {
        http_pages_refuse(a, 404, "there is no policy for that domain");
        return;
    }
    a->type = "text/plain; charset=utf-8";
    chain_addf(&a->body, "version: STSv1\r\nmode: %s\r\n", words[c->mta_sts_mode]);
    for (unsigned i = 0; i < c->mta_sts_mx.count; i++)
        chain_addf(&a->body, "mx: %s\r\n", c->mta_sts_mx.at[i]);
    chain_addf(&a->body, "max_age: %llu\r\n", (unsigned long long)(c->mta_sts_max_age / 1000));
}

/* ---- figures ---- */

static void metrics(const struct http_pages *p, const struct http_request *r, struct http_answer *a)
{
    if (!r->may_watch) {
        http_pages_refuse(a, 403, "the figures are for http_metrics_networks only");
        return;
    }
    a->type = r->wants_openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                   : "text/plain; version=0.0.4; charset=utf-8";
    p->figures(p->context, r->wants_openmetrics, &a->body);
}
