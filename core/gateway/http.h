#ifndef CORE_GATEWAY_HTTP_H
#define CORE_GATEWAY_HTTP_H

/*
 * http: serves http_pages.h over HTTP/1.1 with GNU libmicrohttpd, on one thread of its own that
 * does nothing else. One request for each connection, without TLS: before the Internet stands a
 * proxy that speaks it.
 *
 * What a stranger can take is bounded: connections in all and of one address, bytes of a request's
 * head and body, the silence between two bytes, and the time of all of it. What they hold is
 * charged to the budget.
 */

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/gateway/config.h"
#include "core/gateway/http_metrics.h"

struct http;
struct shared;

struct http_config {
    const struct config *config; /* as the process began; outlives it */
    struct shared *settings;     /* struct service_settings: those that are in force */
    struct http_metrics metrics; /* outlive it too */
};

/* Nobody is served yet. Never NULL. */
MUST_USE struct http *http_open(const struct http_config *config);

/* Serves at a listening socket, which is taken. False when the library refuses, with a line in
 * `why`. Before http_start(). */
MUST_USE bool http_listen(struct http *h, int fd, const char *place, struct chain *why);

/* Starts the thread; before the process is sealed. False: the system has none. It accepts nothing
 * until http_accept(). */
MUST_USE bool http_start(struct http *h);
void http_accept(struct http *h);

void http_close(struct http **http); /* hangs up on all */

#endif
