#ifndef CORE_GATEWAY_HTTP_PAGES_H
#define CORE_GATEWAY_HTTP_PAGES_H

/*
 * http_pages: what is served over HTTP: one row for each path. What mail programs ask for is told
 * to everybody, for it is the same for accounts that exist and that do not; figures are for those
 * who may see them. Knows no sockets: a request in, an answer out. Any thread.
 *
 *   Thunderbird   /mail/config-v1.1.xml, /.well-known/autoconfig/mail/config-v1.1.xml
 *   Outlook       /autodiscover/autodiscover.xml (POST), /autodiscover/autodiscover.json
 *   Apple         /mail.mobileconfig
 *   other hosts   /.well-known/mta-sts.txt (RFC 8461 3.2)
 *   Prometheus    /metrics
 */

#include <stdbool.h>

#include "core/base/chain.h"
#include "core/base/span.h"
#include "core/gateway/config.h"

enum {
    HTTP_BODY_MAX = 16 * 1024, /* bytes of a request's body */
    HTTP_ADDRESS_MAX = 320,    /* bytes of user@domain (RFC 5321 4.5.3.1) */
};

/* The spans live as long as the request. */
struct http_request {
    struct span method, path;
    struct span host;     /* the Host field, perhaps with a port; empty: none */
    struct span address;  /* ?emailaddress=, ?email=, ?Email=; empty: none */
    struct span protocol; /* ?Protocol= */
    struct span body;
    bool may_watch; /* the client may see the figures */
    bool wants_openmetrics;
};

/* The zero value is to be filled; `body` is the caller's. */
struct http_answer {
    unsigned status;
    const char *type;        /* Content-Type */
    const char *disposition; /* Content-Disposition; NULL: none */
    const char *allow;       /* Allow; NULL: none */
    struct chain body;
};

struct http_pages {
    const struct config *config;
    void (*figures)(void *context, bool openmetrics, struct chain *out); /* for /metrics */
    void *context;
};

void http_pages_answer(const struct http_pages *pages, const struct http_request *request,
                       struct http_answer *answer_r);

/* An answer of one line of text: "no such page". */
void http_pages_refuse(struct http_answer *answer_r, unsigned status, const char *text);

#endif
