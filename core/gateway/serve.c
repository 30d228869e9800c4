#include "core/gateway/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/gateway/cmd.h"
#include "core/gateway/gateway.h"
#include "core/gateway/signals.h"

enum {
    STOP_SECONDS_MAX = 10,
    WHY_SIZE = 300,
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

/* Each line of `why`, to the log and, when that is elsewhere, to whoever started us. */
static void tell(struct chain *why, enum log_level level, bool to_stderr)
{
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

static bool open_log(const struct config *c)
{
    char why[WHY_SIZE];
    struct log_config config = {
        .to = c->maillog_file,
        .syslog_name = c->syslog_name,
        .host = c->myhostname,
        .json = c->log_format == CONFIG_LOG_JSON,
        .prefix = true,
        .least = (enum log_level)c->log_level,
    };

    if (log_open(&config, why, sizeof(why)))
        return true;
    cmd_say("serve", "%s", why);
    return false;
}

/* ---- while it runs ---- */

static void reload(struct gateway *g, const struct cmd_options *options)
{
    struct chain why = {0};
    struct config *config =
        config_load(options->path, options->overrides, options->override_count, &why);

    log_reopen();
    if (config != NULL && gateway_reload(g, &config, &why)) {
        log_say(LOG_INFO, "master", "the configuration was read again");
        tell(&why, LOG_WARNING, false);
        return;
    }
    tell(&why, LOG_ERROR, false);
    log_say(LOG_ERROR, "master", "the new configuration is refused, the one before stays");
    log_flush();
}

static void obey_signals(struct gateway *g, const struct cmd_options *options)
{
    for (;;) {
        switch (signals_wait()) {
        case SIGNALS_STOP:
            return;
        case SIGNALS_RELOAD:
            reload(g, options);
            break;
        case SIGNALS_REOPEN:
            log_reopen();
            break;
        }
    }
}

/* ---- start and stop ---- */

static void say_ready(const struct gateway *g, const char *log_path)
{
    struct chain text = {0};
    struct span line;

    chain_addf(&text, "ringpost %s serves ", CMD_VERSION);
    gateway_describe(g, &text);
    line = chain_flat(&text);
    log_say(LOG_INFO, "master", "%.*s", (int)line.len, line.at);
    log_flush();
    if (strcmp(log_path, "-") != 0)
        printf("%.*s\n", (int)line.len, line.at);
    chain_free(&text);
}

static int serve(const struct cmd_options *options, struct config *config)
{
    struct gateway_options gateway_options = {.config = config};
    struct chain why = {0};
    char *log_path = xstrdup(config->maillog_file);
    struct gateway *g;

    g = gateway_open(&gateway_options, &why);
    tell(&why, g == NULL ? LOG_FATAL : LOG_WARNING, g == NULL && strcmp(log_path, "-") != 0);
    if (g != NULL)
        say_ready(g, log_path);
    free(log_path);
    if (g == NULL)
        return CMD_FAILED;
    fflush(stdout);
    obey_signals(g, options);
    log_say(LOG_INFO, "master", "stopping");
    log_flush();
    signals_stop_within(STOP_SECONDS_MAX);
    gateway_close(&g);
    log_say(LOG_INFO, "master", "stopped");
    return CMD_OK;
}

int serve_run(int argc, char **argv)
{
    struct cmd_options options = {.verb = "serve", .flags = ""};
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
    if (!open_log(config)) {
        config_free(&config);
        return CMD_FAILED;
    }
    code = serve(&options, config);
    log_close();
    return code;
}
