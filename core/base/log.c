#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log_limit.h"
#include "core/base/log_render.h"
#include "core/base/log_writer.h"
#include "core/base/number.h"

enum {
    LOG_BUFFER_SIZE = 16 * 1024, /* a thread's, at least a few lines */
    LOG_NAME_SIZE = 256,
};

/* What one thread gathered and did not yet hand over. */
struct log_buffer {
    size_t len;
    unsigned count;
    char bytes[LOG_BUFFER_SIZE];
};

static _Thread_local struct log_buffer *buffer;

/* Set by log_open() before other threads start, so they are read without a lock. */
static struct log_writer *writer;
static struct log_render render;
static enum log_level least;
static char host_name[LOG_NAME_SIZE], syslog_name[LOG_NAME_SIZE], pid_text[NUMBER_TEXT_MAX];

static void (*capture)(void *context, struct span line);
static void *capture_context;

static void log_lost(uint64_t count)
{
    log_say(LOG_WARNING, "log", "%llu lines were lost", (unsigned long long)count);
    log_flush();
}

static struct span name_keep(char kept[LOG_NAME_SIZE], const char *name)
{
    (void)snprintf(kept, LOG_NAME_SIZE, "%s", name == NULL ? "" : name);
    return span_str(kept);
}

static enum log_front front_of(const struct log_config *config)
{
    if (strcmp(config->to, "syslog") == 0)
        return LOG_FRONT_SYSLOG;
    return config->prefix ? LOG_FRONT_FILE : LOG_FRONT_NONE;
}

bool log_open(const struct log_config *config, char *why, unsigned why_size)
{
    render = (struct log_render){
        .front = front_of(config),
        .json = config->json,
        .host = name_keep(host_name, config->host),
        .syslog_name = name_keep(syslog_name, config->syslog_name),
        .pid = {pid_text, number_write(pid_text, (uint64_t)getpid())},
    };
    least = config->least;
    writer = log_writer_open(config->to, log_lost, why, why_size);
    return writer != NULL;
}

void log_reopen(void)
{
    if (writer != NULL)
        log_writer_reopen(writer);
}

void log_capture(void (*sink)(void *context, struct span line), void *context)
{
    capture = sink;
    capture_context = context;
}

static void buffer_flush(void)
{
    if (buffer == NULL || buffer->len == 0)
        return;
    if (writer != NULL)
        log_writer_add(writer, (struct span){buffer->bytes, buffer->len}, buffer->count);
    buffer->len = 0;
    buffer->count = 0;
}

static void capture_line(int64_t now_us, const struct log_shape *shape,
                         const struct log_fact *facts, unsigned count)
{
    char line[LOG_LINE_MAX];
    size_t len = log_render_line(&render, now_us, shape, facts, count, line);

    capture(capture_context, (struct span){line, len});
}

static void line_add(int64_t now_us, const struct log_shape *shape, const struct log_fact *facts,
                     unsigned count)
{
    if (capture != NULL) {
        capture_line(now_us, shape, facts, count);
        return;
    }
    if (buffer == NULL)
        buffer = xcalloc(1, sizeof(*buffer));
    if (sizeof(buffer->bytes) - buffer->len < LOG_LINE_MAX + 1)
        buffer_flush();
    buffer->len +=
        log_render_line(&render, now_us, shape, facts, count, buffer->bytes + buffer->len);
    buffer->bytes[buffer->len++] = '\n';
    buffer->count++;
}

/* ---- lines that strangers cause ---- */

static const struct log_shape shape_rest = {
    "log", "suppressed", "warning: [{address}]: {count} more lines suppressed", LOG_WARNING, false};

static void rest_say(int64_t now_us, const struct log_limit_rest *rest)
{
    const struct log_fact facts[] = {LOG_TEXT("address", span_str(rest->source)),
                                     LOG_NUMBER("count", rest->count)};

    if (rest->count > 0)
        line_add(now_us, &shape_rest, facts, COUNT_OF(facts));
}

static struct span source_of(const struct log_fact *facts, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(facts[i].name, "address") == 0 || strcmp(facts[i].name, "rip") == 0)
            return facts[i].text;
    }
    return SPAN("");
}

static bool is_one_too_many(const struct log_shape *shape, const struct log_fact *facts,
                            unsigned count, int64_t now_us)
{
    struct span source = shape->is_cheap ? source_of(facts, count) : SPAN("");
    struct log_limit_rest rest;
    bool may;

    if (source.len == 0)
        return false;
    may = log_limit_take(source, now_us / 1000000, &rest);
    rest_say(now_us, &rest);
    return !may;
}

void log_write(const struct log_shape *shape, const struct log_fact *facts, unsigned count)
{
    int64_t now_us;

    if (shape->level < least || (writer == NULL && capture == NULL))
        return;
    now_us = clock_wall_us();
    if (!is_one_too_many(shape, facts, count, now_us))
        line_add(now_us, shape, facts, count);
}

void log_say(enum log_level level, const char *daemon, const char *format, ...)
{
    static const char *const words[] = {[LOG_DEBUG] = "debug",
                                        [LOG_INFO] = "info",
                                        [LOG_WARNING] = "warning",
                                        [LOG_ERROR] = "error",
                                        [LOG_FATAL] = "fatal"};
    struct log_shape shape = {daemon, "say", level < LOG_WARNING ? "{text}" : "{level}: {text}",
                              level};
    char text[LOG_LINE_MAX];
    va_list values;

    if (level < least || (writer == NULL && capture == NULL))
        return;
    va_start(values, format);
    (void)vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    LOG(&shape, LOG_TEXT("level", span_str(words[level])), LOG_TEXT("text", span_str(text)));
}

/* A source that fell silent is still told about. */
static void rests_say(bool all)
{
    int64_t now_us = clock_wall_us();
    struct log_limit_rest rest;

    if (writer == NULL)
        return;
    while (log_limit_rest(all ? INT64_MAX : now_us / 1000000, &rest))
        rest_say(now_us, &rest);
}

void log_flush(void)
{
    rests_say(false);
    buffer_flush();
}

void log_thread_end(void)
{
    buffer_flush();
    free(buffer);
    buffer = NULL;
}

void log_close(void)
{
    rests_say(true);
    log_thread_end();
    if (writer != NULL)
        log_writer_close(&writer);
}
