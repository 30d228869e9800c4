#include "core/base/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/log.h"
#include "core/base/thread.h"

enum {
    WRITER_SIZE_FIRST = 64 * 1024,
    WRITER_GATHER_MS = 5,     /* lines wait that long for company: one write, one wake */
    WRITER_SYSLOG_WAIT_S = 1, /* for a syslog that does not read */
    WRITER_FILE_MODE = 0640,
};

enum log_place {
    PLACE_STDERR,
    PLACE_SYSLOG,
    PLACE_FILE
};

struct lines {
    char *at;
    size_t len, size;
    unsigned count;
};

struct log_writer {
    struct thread *thread;
    enum log_place place;
    char *path;
    int fd; /* the thread's, once it runs */
    void (*lost)(uint64_t count);

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t more;
    struct lines waiting;
    uint64_t lost_count;
    bool idle, reopen, closing;
};

static int syslog_connect(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    struct timeval patience = {.tv_sec = WRITER_SYSLOG_WAIT_S};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int place_open(const struct log_writer *w)
{
    switch (w->place) {
    case PLACE_STDERR:
        return STDERR_FILENO;
    case PLACE_SYSLOG:
        return syslog_connect();
    case PLACE_FILE:
        return open(w->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, WRITER_FILE_MODE);
    }
    return -1;
}

/* A place that can't be opened again leaves the old one in use. */
static void place_reopen(struct log_writer *w)
{
    int fd = place_open(w);

    if (fd < 0)
        return;
    if (w->fd >= 0 && w->place != PLACE_STDERR)
        close(w->fd);
    w->fd = fd;
}

static bool write_stream(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t done = write(fd, bytes.at, bytes.len);

        if (done < 0 && errno != EINTR)
            return false;
        bytes = span_after(bytes, done > 0 ? (size_t)done : 0);
    }
    return true;
}

/* Syslog may have been restarted since the last line: one more try on a new socket. */
static bool syslog_send(struct log_writer *w, struct span line)
{
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        if (w->fd >= 0 && send(w->fd, line.at, line.len, MSG_NOSIGNAL) >= 0)
            return true;
        if (errno == EAGAIN)
            return false;
        place_reopen(w);
    }
    return false;
}

/* How many lines were lost. */
static unsigned lines_write(struct log_writer *w, const struct lines *lines)
{
    struct span rest = {lines->at, lines->len};
    unsigned lost = 0;

    if (w->place != PLACE_SYSLOG)
        return write_stream(w->fd, rest) ? 0 : lines->count;
    while (rest.len > 0) {
        const char *end = memchr(rest.at, '\n', rest.len);
        size_t len = end == NULL ? rest.len : (size_t)(end - rest.at);

        lost += !syslog_send(w, span_first(rest, len));
        rest = span_after(rest, len + 1);
    }
    return lost;
}

static void gather(void)
{
    struct timespec nap = {.tv_nsec = WRITER_GATHER_MS * 1000000L};

    (void)nanosleep(&nap, NULL);
}

/* Waits for lines, a wish to reopen, or the end. Takes the lines in exchange for an empty buffer.
 * Returns false when nothing will come any more. */
static bool lines_take(struct log_writer *w, struct lines *taken, uint64_t *lost_r, bool *reopen_r)
{
    struct lines empty = *taken;
    bool ends;

    empty.len = empty.count = 0;
    pthread_mutex_lock(&w->lock);
    while (w->waiting.len == 0 && w->lost_count == 0 && !w->reopen && !w->closing) {
        w->idle = true;
        pthread_cond_wait(&w->more, &w->lock);
    }
    w->idle = false;
    ends = w->closing;
    pthread_mutex_unlock(&w->lock);
    if (!ends)
        gather();

    pthread_mutex_lock(&w->lock);
    *taken = w->waiting;
    w->waiting = empty;
    *lost_r = w->lost_count;
    w->lost_count = 0;
    *reopen_r = w->reopen;
    w->reopen = false;
    ends = w->closing && taken->len == 0;
    pthread_mutex_unlock(&w->lock);
    return !ends;
}

static void writer_run(void *context)
{
    struct log_writer *w = context;
    struct lines taken = {0};
    uint64_t lost = 0, unwritten = 0;
    bool reopen;

    while (lines_take(w, &taken, &lost, &reopen)) {
        unsigned failed;

        if (reopen)
            place_reopen(w);
        failed = taken.len > 0 ? lines_write(w, &taken) : 0;
        unwritten += lost + failed;
        if (unwritten > 0 && failed == 0) {
            w->lost(unwritten);
            unwritten = 0;
        }
    }
    free(taken.at);
}

static enum log_place place_of(const char *to)
{
    if (strcmp(to, "-") == 0)
        return PLACE_STDERR;
    return strcmp(to, "syslog") == 0 ? PLACE_SYSLOG : PLACE_FILE;
}

struct log_writer *log_writer_open(const char *to, void (*lost)(uint64_t count), char *why,
                                   unsigned why_size)
{
    struct log_writer *w = xcalloc(1, sizeof(*w));

    w->place = place_of(to);
    w->path = xstrdup(to);
    w->lost = lost;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    w->fd = place_open(w);
    if (w->fd < 0 && w->place == PLACE_FILE) {
        (void)snprintf(why, why_size, "cannot open the log file %s: %s", to, strerror(errno));
        goto fail;
    }
    w->thread = thread_start("log", writer_run, w);
    if (w->thread == NULL) {
        (void)snprintf(why, why_size, "cannot start the log's thread: %s", strerror(errno));
        goto fail;
    }
    return w;
fail:
    log_writer_close(&w);
    return NULL;
}

void log_writer_close(struct log_writer **writer)
{
    struct log_writer *w = *writer;

    *writer = NULL;
    if (w->thread != NULL) {
        pthread_mutex_lock(&w->lock);
        w->closing = true;
        pthread_cond_signal(&w->more);
        pthread_mutex_unlock(&w->lock);
        thread_join(&w->thread);
    }
    if (w->fd >= 0 && w->place != PLACE_STDERR)
        close(w->fd);
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->lock);
    free(w->waiting.at);
    free(w->path);
    free(w);
}

static void waiting_append(struct lines *waiting, struct span lines, unsigned count)
{
    if (waiting->size - waiting->len < lines.len) {
        size_t size = waiting->size == 0 ? WRITER_SIZE_FIRST : waiting->size;

        while (size - waiting->len < lines.len)
            size *= 2;
        waiting->at = xrealloc(waiting->at, size);
        waiting->size = size;
    }
    memcpy(waiting->at + waiting->len, lines.at, lines.len);
    waiting->len += lines.len;
    waiting->count += count;
}

void log_writer_add(struct log_writer *w, struct span lines, unsigned count)
{
    bool wake;

    ensure(lines.len <= LOG_WAITING_MAX);
    pthread_mutex_lock(&w->lock);
    if (w->waiting.len > LOG_WAITING_MAX - lines.len)
        w->lost_count += count;
    else
        waiting_append(&w->waiting, lines, count);
    wake = w->idle;
    w->idle = false;
    pthread_mutex_unlock(&w->lock);
    if (wake)
        pthread_cond_signal(&w->more);
}

void log_writer_reopen(struct log_writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->reopen = true;
    w->idle = false;
    pthread_mutex_unlock(&w->lock);
    pthread_cond_signal(&w->more);
}
