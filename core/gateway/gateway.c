#include "core/gateway/gateway.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "core/base/log.h"
#include "core/gateway/config_changes.h"
#include "core/gateway/control.h"
#include "core/gateway/folders.h"
#include "core/gateway/gateway_reactor.h"
#include "core/gateway/gateway_relay.h"
#include "core/gateway/http.h"
#include "core/gateway/overload.h"
#include "core/gateway/services.h"
#include "core/gateway/settings.h"
#include "core/gateway/settings_tls.h"
#include "core/gateway/sockets.h"
#include "core/service/auth.h"
#include "store/store.h"

struct gateway {
    struct gateway_options options; /* without its config */
    struct service service;
    struct shared_item *first; /* the settings we began with: listeners and paths are theirs */
    const struct config *config;
    struct shared *tls; /* struct tls_context, or NULL for none */
    struct services *services;
    struct sockets *sockets; /* those that no reactor took yet; NULL with options.listen */
    struct overload *overload;
    struct http *http; /* NULL by hand */
    struct control *control;
    struct gateway_relay *relay; /* NULL: mail for others is not taken */
    struct gateway_reactor **reactors;
    unsigned reactor_count, started;
    bool is_stopping; /* by hand */
};

/* ---- the store's words ---- */

static void store_touched(void *context, store_mailbox mailbox)
{
    struct gateway *g = context;

    watch_publish(g->service.watches, mailbox);
}

static bool store_is_watched(void *context)
{
    const struct gateway *g = context;

    return watch_board_count(g->service.watches) > 0;
}

static void store_says(void *context, const char *text)
{
    (void)context;
    log_say(LOG_WARNING, "store", "%s", text);
    log_flush();
}

/* A store that has no room for it goes on as it is; the next start or reload tries again. */
static void set_folders(struct gateway *g, const struct config *c)
{
    enum store_status status =
        g->options.manual ? STORE_OK : folders_set(g->service.store, &c->mail_default_mailboxes);

    if (status != STORE_OK)
        log_say(LOG_WARNING, "store", "mail_default_mailboxes is not in force yet: %s",
                store_status_text(status));
}

static bool open_store(struct gateway *g, struct chain *why)
{
    const struct config *c = g->config;
    struct store_config config = {
        .path = c->mail_store_directory,
        .disk = g->options.disk,
        .map_size = c->store_map_size,
        .segment_size = (uint32_t)c->store_segment_size,
        .free_min = c->store_free_min,
        .manual = g->options.manual,
        .without_sync = g->options.without_sync,
        .touched = store_touched,
        .is_watched = store_is_watched,
        .say = store_says,
        .context = g,
    };
    enum store_status status = store_open(&config, &g->service.store);

    if (status == STORE_OK) {
        set_folders(g, c);
        return true;
    }
    g->service.store = NULL;
    chain_addf(why, "can't open the store in %s: %s; `ringpost store check` says more\n",
               c->mail_store_directory, store_status_text(status));
    return false;
}

/* ---- what sessions and runs share ---- */

/* A replay's wall clock stands still; deadlines go on. */
static int64_t replay_us;

static int64_t replay_wall_us(void)
{
    return replay_us;
}

static void set_replay_clock(int64_t wall_us)
{
    static const struct clock_source replay = {.wall_us = replay_wall_us};

    replay_us = wall_us;
    clock_replace(&replay);
}

static void directory_drop(void *item)
{
    struct directory *d = item;

    directory_free(&d);
}

static bool open_settings(struct gateway *g, struct config **config, struct chain *why)
{
    struct directory *directory = settings_directory(*config, why);

    if (directory == NULL) {
        config_free(config);
        return false;
    }
    g->service.directory = shared_open(directory, directory_drop);
    g->service.settings = shared_open(settings_new(config, directory), settings_free);
    g->first = shared_take(g->service.settings);
    g->config = settings_config(shared_get(g->first));
    if (g->config->debug_clock_us != 0 && !g->options.manual)
        set_replay_clock(g->config->debug_clock_us);
    return true;
}

/* Descriptors that this process may have; 0: any number. */
static unsigned files_max(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur > UINT_MAX)
        return 0;
    return (unsigned)files.rlim_cur;
}

static bool open_service(struct gateway *g, struct chain *why)
{
    unsigned workers = g->options.manual ? 0 : (unsigned)g->config->workers;

    g->service.workers = worker_pool_open(workers);
    if (g->service.workers == NULL) {
        chain_addf(why, "can't start %u workers; lower `workers`\n", workers);
        return false;
    }
    g->service.auth = auth_open(&(struct auth_config){
        .threads = g->options.manual ? 0 : (unsigned)g->config->auth_threads,
        .cache_size = (unsigned)g->config->auth_cache_size,
        .cache_ms = g->config->auth_cache_ttl,
        .introspects = !g->options.manual && g->config->oauth2_introspection_url[0] != '\0',
        .token_threads = (unsigned)g->config->oauth2_connection_limit,
        .token_cache_ms = g->config->oauth2_cache_ttl});
    if (g->service.auth == NULL) {
        chain_addf(why, "logins can't be judged: libgsasl or %u threads for it don't start\n",
                   (unsigned)g->config->auth_threads);
        return false;
    }
    return true;
}

/* By hand there is no TLS: its bytes are chance, which a simulator can't have. */
static bool open_tls(struct gateway *g, struct chain *why)
{
    struct tls_context *context = NULL;

    if (g->tls != NULL)
        return true; /* with the keys */
    if (!g->options.manual && !settings_tls_open(g->config, &context, why))
        return false;
    g->tls = shared_open(context, settings_tls_free);
    return true;
}

/* Root can read keys that mail_owner cannot. The certificate of our own making is mail_owner's: it
 * is made later. */
static bool open_keys(struct gateway *g, struct chain *why)
{
    return !settings_tls_has_files(g->config) || open_tls(g, why);
}

/* ---- mail for others ---- */

/* By hand there is none: its thread could not be turned. */
static bool relays(const struct gateway *g)
{
    return g->config->relay_enable && !g->options.manual;
}

static bool open_relay(struct gateway *g, struct chain *why)
{
    if (!relays(g))
        return true;
    g->relay = gateway_relay_open(g->config, &g->service, why);
    return g->relay != NULL;
}

static bool start_relay(struct gateway *g, struct chain *why)
{
    struct relay_reactor *places;
    bool started;

    if (g->relay == NULL)
        return true;
    places = xcalloc(g->reactor_count, sizeof(*places));
    for (unsigned i = 0; i < g->reactor_count; i++)
        places[i] = (struct relay_reactor){gateway_reactor_inbox(g->reactors[i]),
                                           gateway_reactor_conns(g->reactors[i])};
    started = gateway_relay_start(g->relay, places, g->reactor_count);
    free(places);
    if (!started)
        chain_addf(why, "no thread for the relay\n");
    return started;
}

/* ---- listeners and reactors ---- */

static bool open_sockets(struct gateway *g, struct chain *why)
{
    g->reactor_count = g->options.manual ? 1 : (unsigned)g->config->reactors;
    if (g->options.listen == NULL) {
        g->sockets = sockets_open(g->config, g->reactor_count, why);
        if (g->sockets == NULL)
            return false;
    }
    return g->options.prepared == NULL || g->options.prepared(g->options.context, g->config, why);
}

static int take_socket(struct gateway *g, const char *name, const char *text, unsigned reactor)
{
    struct config_place place;

    if (g->options.listen == NULL)
        return sockets_take(g->sockets, text, reactor);
    return reactor == 0 && config_place_parse(text, &place)
               ? g->options.listen(g->options.context, name, &place)
               : -1;
}

/* At least the first reactor has a socket for each place. */
static bool listen_at(struct gateway *g, const struct services_row *row, const char *text,
                      struct chain *why)
{
    for (unsigned i = 0; i < g->reactor_count; i++) {
        int fd = take_socket(g, row->service.name, text, i);
        if (fd < 0 && i == 0) {
            chain_addf(why, "can't listen at %s for %s\n", text, row->service.name);
            return false;
        }
        if (fd >= 0)
            gateway_reactor_listen(g->reactors[i], fd, &row->service);
    }
    return true;
}

static bool open_listeners(struct gateway *g, struct chain *why)
{
    for (unsigned i = 0; i < SERVICES_COUNT; i++) {
        const struct services_row *row = services_get(g->services, i);
        for (unsigned p = 0; p < row->places->count; p++) {
            if (!listen_at(g, row, row->places->at[p], why))
                return false;
        }
    }
    return true;
}

/* By hand there is none: it has a thread of its own. */
static bool open_http(struct gateway *g, struct chain *why)
{
    const struct config_list *places = &g->config->http_listen;

    if (g->sockets == NULL)
        return true;
    g->http = http_open(&(struct http_config){
        .config = g->config,
        .settings = g->service.settings,
        .metrics = {.store = g->service.store,
                    .workers = g->service.workers,
                    .auth = g->service.auth,
                    .budget = overload_budget(g->overload),
                    .pressure = overload_pressure(g->overload)},
    });
    for (unsigned i = 0; i < places->count; i++) {
        int fd = sockets_take(g->sockets, places->at[i], 0);
        if (fd < 0 || !http_listen(g->http, fd, places->at[i], why))
            return false;
    }
    if (http_start(g->http))
        return true;
    chain_addf(why, "can't start the thread of HTTP; see http_listen\n");
    return false;
}

static void made_due(void *context)
{
    struct gateway *g = context;

    if (g->relay != NULL)
        gateway_relay_flush(g->relay);
}

/* As above. A path that is too long for a socket is no reason not to serve. */
static void open_control(struct gateway *g, struct chain *why)
{
    if (g->sockets != NULL)
        g->control =
            control_open(&(struct control_config){.store = g->service.store,
                                                  .directory = g->config->mail_store_directory,
                                                  .made_due = made_due,
                                                  .context = g},
                         why);
}

static void make_reactors(struct gateway *g)
{
    static const char *const io_names[] = {
        [CONFIG_IO_AUTO] = "auto", [CONFIG_IO_URING] = "uring", [CONFIG_IO_EPOLL] = "epoll"};

    g->reactors = xcalloc(g->reactor_count, sizeof(struct gateway_reactor *));
    for (unsigned i = 0; i < g->reactor_count; i++) {
        g->reactors[i] = gateway_reactor_new(
            &(struct gateway_reactor_config){.index = i,
                                             .count = g->reactor_count,
                                             .io = io_names[g->config->io],
                                             .backend = g->options.backend,
                                             .connects = relays(g),
                                             .patience_ms = GATEWAY_PATIENCE_MS,
                                             .budget = overload_budget(g->overload),
                                             .pressure = overload_pressure(g->overload)});
    }
}

static bool start_reactors(struct gateway *g, struct chain *why)
{
    for (unsigned i = 0; i < g->reactor_count; i++) {
        struct gateway_reactor *r = g->reactors[i];
        bool started = g->options.manual ? gateway_reactor_open(r) : gateway_reactor_start(r);
        if (!started) {
            chain_addf(why, "%s; see the option io\n", gateway_reactor_why(r));
            return false;
        }
        g->started++;
    }
    if (gateway_reactor_why(g->reactors[0])[0] != '\0')
        log_say(LOG_INFO, "master", "io_uring is not used, epoll is: %s",
                gateway_reactor_why(g->reactors[0]));
    return true;
}

/* ---- open and close ---- */

struct gateway *gateway_open(struct gateway_options *options, struct chain *why)
{
    struct gateway *g = xcalloc(1, sizeof(*g));
    struct config *config = options->config;

    options->config = NULL;
    g->options = *options;
    g->service.watches = watch_board_open();
    tls_begin();
    if (!open_settings(g, &config, why) || !open_keys(g, why) || !open_relay(g, why) ||
        !open_sockets(g, why) || !open_store(g, why) || !open_service(g, why) || !open_tls(g, why))
        goto fail;
    g->services = services_open(&g->service, g->config, g->tls);
    g->overload = overload_open(&(struct overload_config){.memory_max = g->config->memory_max,
                                                          .files_max = files_max(),
                                                          .workers = (unsigned)g->config->workers,
                                                          .pool = g->service.workers,
                                                          .store = g->service.store,
                                                          .usage = g->service.usage});
    make_reactors(g);
    if (!open_listeners(g, why) || !start_reactors(g, why) || !start_relay(g, why) ||
        !open_http(g, why))
        goto fail;
    open_control(g, why);
    if (g->options.complete != NULL && !g->options.complete(g->options.context, why))
        goto fail;
    for (unsigned i = 0; i < g->reactor_count; i++)
        gateway_reactor_accept(g->reactors[i]);
    if (g->http != NULL)
        http_accept(g->http);
    if (g->control != NULL)
        control_accept(g->control);
    if (g->sockets != NULL)
        sockets_close(&g->sockets);
    return g;
fail:
    gateway_close(&g);
    return NULL;
}

void gateway_stop(struct gateway *g)
{
    ensure(g->options.manual && g->started > 0);
    if (!g->is_stopping)
        gateway_reactor_stop(g->reactors[0]);
    g->is_stopping = true;
}

/* With nothing but this thread: moves everything until the reactor has hung up on all. */
static void stop_by_hand(struct gateway *g)
{
    gateway_stop(g);
    while (gateway_reactor_turn(g->reactors[0], 0)) {
        (void)worker_pool_step(g->service.workers);
        (void)store_step(g->service.store, 0);
    }
}

static void stop_reactors(struct gateway *g)
{
    if (g->options.manual && g->started > 0)
        stop_by_hand(g);
    for (unsigned i = 0; !g->options.manual && i < g->started; i++)
        gateway_reactor_stop(g->reactors[i]);
    for (unsigned i = 0; i < g->started; i++)
        gateway_reactor_wait(g->reactors[i]);
}

static void close_reactors(struct gateway *g)
{
    for (unsigned i = 0; g->reactors != NULL && i < g->reactor_count; i++) {
        if (i < g->started)
            gateway_reactor_close(g->reactors[i]);
        gateway_reactor_free(&g->reactors[i]);
    }
    free(g->reactors);
}

/* The reactors are stopped first and closed last: workers and the store post to their inboxes. */
void gateway_close(struct gateway **gateway)
{
    struct gateway *g = *gateway;

    if (g->control != NULL)
        control_close(&g->control);
    if (g->http != NULL)
        http_close(&g->http);
    if (g->relay != NULL)
        gateway_relay_drain(g->relay);
    stop_reactors(g);
    if (g->relay != NULL)
        gateway_relay_stop(g->relay);
    if (g->service.auth != NULL)
        auth_stop(g->service.auth);
    if (g->service.workers != NULL)
        worker_pool_close(&g->service.workers);
    if (g->service.store != NULL)
        store_close(&g->service.store);
    close_reactors(g);
    if (g->relay != NULL)
        gateway_relay_close(&g->relay);
    if (g->sockets != NULL)
        sockets_close(&g->sockets);
    if (g->overload != NULL)
        overload_close(&g->overload);
    if (g->services != NULL)
        services_close(&g->services);
    if (g->tls != NULL)
        shared_close(&g->tls);
    if (g->service.auth != NULL)
        auth_close(&g->service.auth);
    watch_board_close(&g->service.watches);
    if (g->first != NULL)
        shared_give(&g->first);
    if (g->service.settings != NULL)
        shared_close(&g->service.settings);
    if (g->service.directory != NULL)
        shared_close(&g->service.directory);
    free(g);
    *gateway = NULL;
}

/* ---- while it runs ---- */

void gateway_describe(const struct gateway *g, struct chain *out)
{
    const char *separator = "";

    for (unsigned i = 0; i < SERVICES_COUNT; i++) {
        const struct services_row *row = services_get(g->services, i);
        for (unsigned p = 0; p < row->places->count; p++) {
            chain_addf(out, "%s%s %s", separator, row->service.name, row->places->at[p]);
            separator = ", ";
        }
    }
    for (unsigned p = 0; p < g->config->http_listen.count; p++) {
        chain_addf(out, "%shttp %s", separator, g->config->http_listen.at[p]);
        separator = ", ";
    }
    chain_addf(out, " (%s, reactors: %u, workers: %u)", gateway_reactor_backend(g->reactors[0]),
               g->reactor_count, (unsigned)g->config->workers);
}

const char *gateway_backend(const struct gateway *g)
{
    return gateway_reactor_backend(g->reactors[0]);
}

void gateway_tell_memory(const struct gateway *g)
{
    overload_tell(g->overload);
    log_flush();
}

bool gateway_is_alive(struct gateway *g)
{
    bool alive = true;

    for (unsigned i = 0; i < g->started; i++)
        alive = gateway_reactor_beat(g->reactors[i]) && alive;
    return alive;
}

bool gateway_reload(struct gateway *g, struct config **config, struct chain *why)
{
    struct directory *directory = settings_directory(*config, why);
    struct tls_context *context = NULL;
    bool good = directory != NULL;
    struct service_settings *settings;

    if (!g->options.manual)
        good = settings_tls_open(*config, &context, why) && good;
    if (!good) {
        settings_tls_free(context);
        directory_free(&directory);
        config_free(config);
        return false;
    }
    config_changes_say(g->config, *config, why);
    shared_swap(g->tls, context);
    settings = settings_new(config, directory);
    shared_swap(g->service.directory, directory);
    shared_swap(g->service.settings, settings);
    set_folders(g, settings_config(settings));
    return true;
}

bool gateway_step(struct gateway *g, enum gateway_piece piece, unsigned which, uint64_t until_ns)
{
    switch (piece) {
    case GATEWAY_TURN:
        return gateway_reactor_turn(g->reactors[0], until_ns);
    case GATEWAY_WORK:
        return worker_pool_step(g->service.workers);
    case GATEWAY_STORE:
        return store_step(g->service.store, which);
    }
    return false;
}
