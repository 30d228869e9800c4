#include "core/gateway/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/gateway/cmd.h"
#include "core/gateway/confinement.h"
#include "core/gateway/gateway.h"
#include "core/gateway/notify.h"
#include "core/gateway/signals.h"

enum {
    STOP_SECONDS_MAX = 10,
    WHY_SIZE = 300,
};

struct serving {
    const struct cmd_options *options;
    struct gateway *gateway;
    struct confinement confinement;
    struct notify supervisor;
    bool logs, logs_elsewhere; /* the log is open; it is not on standard error */
};

/* Each connection is a descriptor; the soft limit is there for programs that use select(). */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Each line of `why`, to the log; and to whoever started us when it ends the start, unless that is
 * where the log goes. */
static void tell(const struct serving *s, struct chain *why, enum log_level level)
{
    bool to_stderr = level == LOG_FATAL && (s->logs_elsewhere || !s->logs);
    struct span text = chain_flat(why);

    while (text.len > 0) {
        const char *end = memchr(text.at, '\n', text.len);
        struct span line = span_first(text, end == NULL ? text.len : (size_t)(end - text.at));
        log_say(level, "master", "%.*s", (int)line.len, line.at);
        if (to_stderr)
            fprintf(stderr, "ringpost serve: %.*s\n", (int)line.len, line.at);
        text = span_after(text, line.len + 1);
    }
    log_flush();
    chain_free(why);
}

static bool open_log(const struct config *c, struct chain *why)
{
    char text[WHY_SIZE];
    struct log_config config = {
        .to = c->maillog_file,
        .syslog_name = c->syslog_name,
        .host = c->myhostname,
        .json = c->log_format == CONFIG_LOG_JSON,
        .prefix = true,
        .least = (enum log_level)c->log_level,
    };

    if (log_open(&config, text, sizeof(text)))
        return true;
    chain_addf(why, "%s; let mail_owner write there, or name another in maillog_file\n", text);
    return false;
}

/* ---- while it runs ---- */

static void reload(struct serving *s)
{
    struct chain why = {0};
    struct config *config;

    notify_say(&s->supervisor, "RELOADING=1\nMONOTONIC_USEC=%llu",
               (unsigned long long)clock_monotonic_ns() / 1000);
    config = config_load(s->options->path, s->options->overrides, s->options->override_count, &why);
    log_reopen();
    if (config != NULL && gateway_reload(s->gateway, &config, &why)) {
        log_say(LOG_INFO, "master", "the configuration was read again");
        tell(s, &why, LOG_WARNING);
    } else {
        tell(s, &why, LOG_ERROR);
        log_say(LOG_ERROR, "master", "the new configuration is refused, the one before stays");
        log_flush();
    }
    notify_say(&s->supervisor, "READY=1");
}

/* The supervisor hears that all is well only when it is: this thread is here, the reactors go
 * round. When they do not it starts us anew. */
static void say_alive(const struct serving *s)
{
    if (gateway_is_alive(s->gateway)) {
        notify_say(&s->supervisor, "WATCHDOG=1");
        return;
    }
    log_say(LOG_ERROR, "master",
            "a reactor does not answer; the watchdog is not told that all is "
            "well");
    log_flush();
}

static void obey_signals(struct serving *s)
{
    uint64_t each_ns = s->supervisor.watchdog_ms * 1000000, due_ns = UINT64_MAX;

    if (each_ns > 0)
        due_ns = clock_monotonic_ns() + each_ns;
    for (;;) {
        switch (signals_wait(due_ns)) {
        case SIGNALS_STOP:
            return;
        case SIGNALS_RELOAD:
            reload(s);
            break;
        case SIGNALS_REOPEN:
            log_reopen();
            break;
        case SIGNALS_TELL:
            gateway_tell_memory(s->gateway);
            break;
        case SIGNALS_NONE:
            break;
        }
        if (each_ns > 0 && clock_monotonic_ns() >= due_ns) {
            say_alive(s);
            due_ns = clock_monotonic_ns() + each_ns;
        }
    }
}

/* ---- start and stop ---- */

static void say_ready(const struct serving *s)
{
    struct chain text = {0};
    struct span line;

    chain_add(&text, SPAN("confined: "));
    confinement_describe(&s->confinement, &text);
    if (strcmp(gateway_backend(s->gateway), "uring") == 0)
        chain_add(&text, SPAN(", io_uring restricted"));
    line = chain_flat(&text);
    log_say(LOG_INFO, "master", "%.*s", (int)line.len, line.at);
    chain_free(&text);

    chain_addf(&text, "ringpost %s serves ", CMD_VERSION);
    gateway_describe(s->gateway, &text);
    line = chain_flat(&text);
    log_say(LOG_INFO, "master", "%.*s", (int)line.len, line.at);
    log_flush();
    if (s->logs_elsewhere)
        printf("%.*s\n", (int)line.len, line.at);
    notify_say(&s->supervisor, "READY=1\nSTATUS=%.*s", (int)line.len, line.at);
    chain_free(&text);
    fflush(stdout);
}

/* All is read and bound; no thread runs yet, and the first one is the log's. */
static bool prepared(void *context, const struct config *config, struct chain *why)
{
    struct serving *s = context;

    if (!confinement_enter(&s->confinement, config, why))
        return false;
    s->logs_elsewhere = strcmp(config->maillog_file, "-") != 0;
    s->logs = open_log(config, why);
    return s->logs;
}

static bool complete(void *context, struct chain *why)
{
    struct serving *s = context;

    return confinement_seal(&s->confinement, why);
}

static int serve(struct serving *s, struct config *config)
{
    struct gateway_options options = {
        .config = config, .prepared = prepared, .complete = complete, .context = s};
    struct chain why = {0};

    s->gateway = gateway_open(&options, &why);
    tell(s, &why, s->gateway == NULL ? LOG_FATAL : LOG_WARNING);
    if (s->gateway == NULL)
        return CMD_FAILED;
    say_ready(s);
    obey_signals(s);
    notify_say(&s->supervisor, "STOPPING=1");
    log_say(LOG_INFO, "master", "stopping");
    log_flush();
    signals_stop_within(STOP_SECONDS_MAX);
    gateway_close(&s->gateway);
    log_say(LOG_INFO, "master", "stopped");
    return CMD_OK;
}

int serve_run(int argc, char **argv)
{
    struct cmd_options options = {.verb = "serve", .flags = ""};
    struct serving serving = {.options = &options};
    struct config *config;
    int code;

    if (!cmd_options_read(&options, argc, argv))
        return CMD_USAGE;
    if (options.word_count > 0) {
        cmd_say("serve", "\"%s\" is not understood; only -c FILE and -o NAME=VALUE are",
                options.words[0]);
        return CMD_USAGE;
    }
    config = cmd_config(&options);
    if (config == NULL)
        return CMD_FAILED;
    raise_descriptor_limit();
    signals_take();
    notify_open(&serving.supervisor);
    code = serve(&serving, config);
    log_close();
    notify_close(&serving.supervisor);
    return code;
}
