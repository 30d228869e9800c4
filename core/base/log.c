#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
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

void log_close(void)
{
    log_thread_end();
    if (writer != NULL)
        log_writer_close(&writer);
}

void log_capture(void (*sink)(void *context, struct span line), void *context)
{
    capture = sink;
    capture_context = context;
}

void log_flush(void)
{
    if (buffer == NULL || buffer->len == 0)
        return;
    if (writer != NULL)
        log_writer_add(writer, (struct span){buffer->bytes, buffer->len}, buffer->count);
    buffer->len = 0;
    buffer->count = 0;
}

void log_thread_end(void)
{
    log_flush();
    free(buffer);
    buffer = NULL;
}

static void capture_line(const struct log_shape *shape, const struct log_fact *facts,
                         unsigned count)
{
    char line[LOG_LINE_MAX];
    size_t len = log_render_line(&render, clock_wall_us(), shape, facts, count, line);

    capture(capture_context, (struct span){line, len});
}

void log_write(const struct log_shape *shape, const struct log_fact *facts, unsigned count)
{
    if (shape->level < least)
        return;
    if (capture != NULL) {
        capture_line(shape, facts, count);
        return;
    }
    if (writer == NULL)
        return;
    if (buffer == NULL)
        buffer = xcalloc(1, sizeof(*buffer));
    if (sizeof(buffer->bytes) - buffer->len < LOG_LINE_MAX + 1)
        log_flush();
    buffer->len +=
        log_render_line(&render, clock_wall_us(), shape, facts, count, buffer->bytes + buffer->len);
    buffer->bytes[buffer->len++] = '\n';
    buffer->count++;
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
