#include "core/gateway/http.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/metric.h"
#include "core/base/network.h"
#include "core/base/number.h"
#include "core/base/thread.h"
#include "core/gateway/http_pages.h"
#include "core/gateway/settings.h"
#include "core/work/budget.h"
#include "core/work/shared.h"

enum {
    HTTP_HEAD_MAX = 16 * 1024, /* bytes of a request's line and fields, and what is kept of them */
    HTTP_HELD = HTTP_HEAD_MAX + 2 * HTTP_BODY_MAX, /* what a connection is charged */
    HTTP_LOOK_MS = 500,                            /* between two looks at who takes too long */
    HTTP_PLACES_MAX = 16,
    HTTP_PATH_SHOWN = 100, /* bytes of a path in the log */
};

struct http {
    struct http_config config;
    struct MHD_Daemon *daemons[HTTP_PLACES_MAX];
    unsigned daemon_count;
    struct thread *thread;
    int go_fd, stop_fd; /* eventfds */

    /* the thread alone */
    struct list peers;
    struct budget_share share;
};

/* A connection, from accept() on. */
struct http_peer {
    struct list node;
    struct MHD_Connection *connection;
    uint64_t until_ns;
};

/* A request, from its head on. */
struct http_exchange {
    struct chain body;
};

static const struct log_shape shape_request = {
    "httpd", "request", "{method} {path} from [{address}]: {status}", LOG_INFO, true};

/* ---- who asks ---- */

static void address_of(struct MHD_Connection *connection, char text_r[INET6_ADDRSTRLEN])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *a = info == NULL ? NULL : info->client_addr;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)a;
    const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)a;

    memcpy(text_r, "127.0.0.1", sizeof("127.0.0.1")); /* a unix socket is this host's own */
    if (a != NULL && a->sa_family == AF_INET)
        inet_ntop(AF_INET, &four->sin_addr, text_r, INET6_ADDRSTRLEN);
    else if (a != NULL && a->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
        inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], text_r, INET6_ADDRSTRLEN);
    else if (a != NULL && a->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &six->sin6_addr, text_r, INET6_ADDRSTRLEN);
}

static struct span field(struct MHD_Connection *connection, enum MHD_ValueKind kind,
                         const char *name)
{
    const char *text = MHD_lookup_connection_value(connection, kind, name);

    return text == NULL ? SPAN("") : span_str(text);
}

/* Whoever comes through a proxy is not who the address says. */
static bool may_watch(struct MHD_Connection *connection, const struct config *config,
                      const char *address)
{
    static const char *const proxied[] = {"Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"};
    struct network *networks;
    unsigned count;
    bool is_near;

    for (size_t i = 0; i < COUNT_OF(proxied); i++) {
        if (MHD_lookup_connection_value(connection, MHD_HEADER_KIND, proxied[i]) != NULL)
            return false;
    }
    count = settings_networks(&config->http_metrics_networks, &networks);
    is_near = network_any_has(networks, count, span_str(address));
    free(networks);
    return is_near;
}

/* ---- one request ---- */

static void render_figures(void *context, bool openmetrics, struct chain *out)
{
    const struct http *h = context;

    http_metrics_render(&h->config.metrics, openmetrics, out);
}

static struct span address_asked(struct MHD_Connection *connection)
{
    struct span address = field(connection, MHD_GET_ARGUMENT_KIND, "emailaddress");

    return address.len > 0 ? address : field(connection, MHD_GET_ARGUMENT_KIND, "email");
}

static void answer(struct http *h, struct MHD_Connection *connection, const char *method,
                   const char *path, struct http_exchange *exchange, const char *address,
                   struct http_answer *answer_r)
{
    struct shared_item *item = shared_take(h->config.settings);
    const struct config *config = settings_config(shared_get(item));
    const struct http_pages pages = {config, render_figures, h};
    const struct http_request request = {
        .method = span_str(method),
        .path = span_str(path),
        .host = field(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST),
        .address = address_asked(connection),
        .protocol = field(connection, MHD_GET_ARGUMENT_KIND, "Protocol"),
        .body = chain_flat(&exchange->body),
        .may_watch = may_watch(connection, config, address),
        .wants_openmetrics = strstr(field(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT).at,
                                    "application/openmetrics-text") != NULL,
    };

    http_pages_answer(&pages, &request, answer_r);
    shared_give(&item);
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct http_answer *a)
{
    struct span text = chain_flat(&a->body);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        text.len, (void *)(uintptr_t)text.at, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result;

    chain_free(&a->body);
    if (response == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (a->disposition != NULL)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_DISPOSITION,
                                      a->disposition);
    if (a->allow != NULL)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, a->allow);
    result = MHD_queue_response(connection, a->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result finish(struct MHD_Connection *connection, const char *method,
                              const char *path, const char *address, struct http_answer *a)
{
    metric_add(a->status < 400 ? METRIC_HTTP_OK : METRIC_HTTP_REFUSED, 1);
    LOG(&shape_request, LOG_TEXT("method", span_str(method)),
        LOG_TEXT("path", span_first(span_str(path), HTTP_PATH_SHOWN)),
        LOG_TEXT("address", span_str(address)), LOG_NUMBER("status", a->status));
    return send_answer(connection, a);
}

static bool is_announced_too_long(struct MHD_Connection *connection)
{
    struct span len = field(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t bytes;

    return len.len > 0 && !number_parse(len, HTTP_BODY_MAX, &bytes);
}

/* Called first with the head, then for each piece of the body, then without one. An answer is
 * given at the end; a body that says beforehand that it is too long is refused at once, and one
 * that does not say it is cut off. */
static enum MHD_Result asked(void *context, struct MHD_Connection *connection, const char *path,
                             const char *method, const char *version, const char *data, size_t *len,
                             void **exchange_r)
{
    struct http_exchange *exchange = *exchange_r;
    struct http_answer a = {0};
    char address[INET6_ADDRSTRLEN];

    (void)version;
    if (exchange == NULL) {
        *exchange_r = xcalloc(1, sizeof(*exchange));
        if (!is_announced_too_long(connection))
            return MHD_YES;
        address_of(connection, address);
        http_pages_refuse(&a, MHD_HTTP_CONTENT_TOO_LARGE, "the request is too long");
        return finish(connection, method, path, address, &a);
    }
    if (*len > 0) {
        if (exchange->body.len + *len > HTTP_BODY_MAX)
            return MHD_NO;
        chain_add(&exchange->body, (struct span){data, *len});
        *len = 0;
        return MHD_YES;
    }
    address_of(connection, address);
    answer(context, connection, method, path, exchange, address, &a);
    return finish(connection, method, path, address, &a);
}

static void completed(void *context, struct MHD_Connection *connection, void **exchange_r,
                      enum MHD_RequestTerminationCode how)
{
    struct http_exchange *exchange = *exchange_r;

    (void)context, (void)connection, (void)how;
    if (exchange == NULL)
        return;
    chain_free(&exchange->body);
    free(exchange);
    *exchange_r = NULL;
}

/* ---- connections ---- */

static void peer_changed(void *context, struct MHD_Connection *connection, void **peer_r,
                         enum MHD_ConnectionNotificationCode what)
{
    struct http *h = context;
    struct http_peer *peer = *peer_r;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        peer = xcalloc(1, sizeof(*peer));
        peer->connection = connection;
        peer->until_ns =
            clock_monotonic_ns() + h->config.config->http_request_timeout * UINT64_C(1000000);
        list_add_tail(&h->peers, &peer->node);
        budget_charge(&h->share, HTTP_HELD);
        *peer_r = peer;
        return;
    }
    list_remove(&peer->node);
    budget_charge(&h->share, -HTTP_HELD);
    free(peer);
    *peer_r = NULL;
}

/* The library knows how long a client may be silent, but not how long it may take with a byte now
 * and then. Those who came first are in front. */
static void cut_slow(struct http *h)
{
    uint64_t now_ns = clock_monotonic_ns();

    list_each (node, &h->peers) {
        const struct http_peer *peer = CONTAINER_OF(node, struct http_peer, node);
        const union MHD_ConnectionInfo *info;

        if (peer->until_ns > now_ns)
            return;
        info = MHD_get_connection_info(peer->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info != NULL)
            (void)shutdown(info->connect_fd, SHUT_RDWR);
    }
}

/* When all that may be held for clients is held, nobody new is served. */
static enum MHD_Result may_connect(void *context, const struct sockaddr *address, socklen_t size)
{
    const struct http *h = context;
    const struct budget *budget = h->config.metrics.budget;

    (void)address, (void)size;
    return budget_held(budget) + HTTP_HELD <= budget_most(budget) ? MHD_YES : MHD_NO;
}

/* ---- the thread ---- */

static unsigned fill(struct http *h, struct pollfd *fds)
{
    fds[0] = (struct pollfd){.fd = h->stop_fd, .events = POLLIN};
    for (unsigned i = 0; i < h->daemon_count; i++) {
        const union MHD_DaemonInfo *info =
            MHD_get_daemon_info(h->daemons[i], MHD_DAEMON_INFO_EPOLL_FD);

        ensure(info != NULL);
        fds[1 + i] = (struct pollfd){.fd = info->epoll_fd, .events = POLLIN};
    }
    return 1 + h->daemon_count;
}

static int patience_ms(const struct http *h)
{
    MHD_UNSIGNED_LONG_LONG least = HTTP_LOOK_MS, one;

    for (unsigned i = 0; i < h->daemon_count; i++) {
        if (MHD_get_timeout(h->daemons[i], &one) == MHD_YES && one < least)
            least = one;
    }
    return list_is_empty(&h->peers) ? -1 : (int)least;
}

static void serve(void *context)
{
    struct http *h = context;
    struct pollfd fds[1 + HTTP_PLACES_MAX];
    unsigned count = fill(h, fds);
    uint64_t go;

    if (read(h->go_fd, &go, sizeof(go)) != (ssize_t)sizeof(go))
        return;
    for (;;) {
        (void)poll(fds, count, patience_ms(h));
        if (fds[0].revents != 0)
            return;
        for (unsigned i = 0; i < h->daemon_count; i++)
            (void)MHD_run(h->daemons[i]);
        cut_slow(h);
        log_flush();
    }
}

/* ---- open and close ---- */

struct http *http_open(const struct http_config *config)
{
    struct http *h = xcalloc(1, sizeof(*h));

    h->config = *config;
    h->share.budget = config->metrics.budget;
    list_init(&h->peers);
    h->go_fd = eventfd(0, EFD_CLOEXEC);
    h->stop_fd = eventfd(0, EFD_CLOEXEC);
    return h;
}

bool http_listen(struct http *h, int fd, const char *place, struct chain *why)
{
    const struct config *c = h->config.config;
    struct MHD_Daemon *daemon = NULL;

    if (h->daemon_count < HTTP_PLACES_MAX)
        daemon = MHD_start_daemon(
            MHD_USE_EPOLL, 0, may_connect, h, asked, h, MHD_OPTION_LISTEN_SOCKET, fd,
            MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
            peer_changed, h, MHD_OPTION_CONNECTION_LIMIT, (unsigned)c->http_connection_limit,
            MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)c->http_client_connection_limit,
            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((c->http_timeout + 999) / 1000),
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEAD_MAX, MHD_OPTION_STRICT_FOR_CLIENT,
            1, MHD_OPTION_END);
    if (daemon == NULL) {
        close(fd);
        chain_addf(why, "can't serve HTTP at %s; see http_listen\n", place);
        return false;
    }
    h->daemons[h->daemon_count++] = daemon;
    return true;
}

bool http_start(struct http *h)
{
    if (h->daemon_count > 0)
        h->thread = thread_start("http", serve, h);
    return h->daemon_count == 0 || h->thread != NULL;
}

static void ring(int fd)
{
    static const uint64_t one = 1;
    ssize_t len = write(fd, &one, sizeof(one));

    ensure(len == (ssize_t)sizeof(one));
}

void http_accept(struct http *h)
{
    ring(h->go_fd);
}

void http_close(struct http **http)
{
    struct http *h = *http;

    *http = NULL;
    ring(h->stop_fd);
    ring(h->go_fd);
    if (h->thread != NULL)
        thread_join(&h->thread);
    for (unsigned i = 0; i < h->daemon_count; i++)
        MHD_stop_daemon(h->daemons[i]);
    ensure(list_is_empty(&h->peers));
    budget_share_end(&h->share);
    close(h->go_fd);
    close(h->stop_fd);
    free(h);
}
