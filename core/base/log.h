#ifndef CORE_BASE_LOG_H
#define CORE_BASE_LOG_H

/*
 * log: one line per thing that happened, as the field's tools expect it (Postfix's and Dovecot's
 * line shapes), or as JSON with the same facts.
 *
 * A shape is the one description of a line: which daemon says it, the event's name, and the text
 * with the facts' names in it. "{name}" is replaced by the fact; "(?...)" is left out when a
 * fact named in it is absent; parentheses inside must pair. A fact that the caller does not hand
 * over is absent. So the text and the JSON can't tell different stories.
 *     {"qmgr", "queued", "{qid}: from=<{from}>, size={size}, nrcpt={nrcpt} (queue active)"}
 * JSON: {"time":"...","daemon":"qmgr","event":"queued","qid":"...","from":"...","size":214,...}.
 *
 * Writing never blocks: lines go to a buffer of the calling thread's, and a thread of the log's
 * writes them out. When that can't keep up (LOG_WAITING_MAX), lines are dropped and counted, and
 * the count is a line. Control characters and bytes that are not UTF-8 are shown as \xNN; a line is
 * cut at LOG_LINE_MAX (HOSTILE G6). Secrets and message text never come here.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"

enum {
    LOG_LINE_MAX = 1024,               /* bytes */
    LOG_WAITING_MAX = 8 * 1024 * 1024, /* bytes not yet written */
};

enum log_level {
    LOG_DEBUG,
    LOG_INFO,
    LOG_WARNING,
    LOG_ERROR,
    LOG_FATAL
};

struct log_shape {
    const char *daemon; /* "smtpd": the tag becomes <syslog_name>/smtpd[pid] */
    const char *event;
    const char *text;
    enum log_level level;
    bool is_cheap; /* a stranger causes it at no cost: only so many a second are written of those
                      whose fact "address" or "rip" is the same (log_limit.h) */
};

enum log_kind {
    LOG_IS_TEXT,
    LOG_IS_NUMBER,
    LOG_IS_ABSENT
};
struct log_fact {
    const char *name;
    enum log_kind kind;
    struct span text;
    int64_t number;
};
#define LOG_TEXT(name, span) ((struct log_fact){(name), LOG_IS_TEXT, (span), 0})
#define LOG_NUMBER(name, n)  ((struct log_fact){(name), LOG_IS_NUMBER, SPAN(""), (int64_t)(n)})
#define LOG_TEXT_IF(name, span)                                                                    \
    ((struct log_fact){(name), (span).len > 0 ? LOG_IS_TEXT : LOG_IS_ABSENT, (span), 0})

struct log_config {
    const char *to;          /* "-": stderr; "syslog"; else a path, opened again by log_reopen() */
    const char *syslog_name; /* "postfix": what pflogsumm and fail2ban look for */
    const char *host;        /* host name in each line of a file, as syslog would write it */
    bool json;
    bool prefix; /* date, host and tag in front (file, stderr; syslog always has them) */
    enum log_level least;
};

/* Until it is called, lines are dropped. Before threads that log are started, and log_close() after
 * they ended.
 * Log shapes of daemons "imap", "imap-login", "pop3-login", ... get Dovecot's tag: "dovecot:
 * imap-login:". */
MUST_USE bool log_open(const struct log_config *config, char *why, unsigned why_size);
void log_reopen(void); /* after the file was moved away (SIGHUP) */
void log_close(void);  /* writes out everything */

#define LOG(shape, ...)                                                                            \
    log_write((shape), (const struct log_fact[]){__VA_ARGS__},                                     \
              COUNT_OF(((const struct log_fact[]){__VA_ARGS__})))
void log_write(const struct log_shape *shape, const struct log_fact *facts, unsigned count);

/* Free words for what has no shape: start, stop, warnings. From LOG_WARNING on, the text gets the
 * level's word in front ("warning: "), as Postfix has it; a shape's text says it itself. */
void log_say(enum log_level level, const char *daemon, const char *format, ...) PRINTF_LIKE(3, 4);

/* Hands over what this thread gathered. Reactors call it once a turn, others when they pause; a
 * full buffer is handed over by itself. */
void log_flush(void);

/* The same, and frees the thread's buffer: the last thing that a thread does (thread.c calls it).
 */
void log_thread_end(void);

/* Tests: every finished line (without its end) goes to `sink` instead. NULL ends it. */
void log_capture(void (*sink)(void *context, struct span line), void *context);

#endif
