/*
 * load_smtp: sends messages over many connections at once and says how fast they were taken.
 *
 *   load_smtp [-s sessions] [-m messages] [-l bytes] [-r recipients] [-u users] [-f sender]
 *             [-t recipient] [-p] [-b] [-L] [-1] [-T seconds] host port
 *
 * -p sends MAIL, RCPT and DATA in one piece and the next message's right behind the final dot
 * (RFC 2920), -b sends BDAT instead of DATA, -L speaks LMTP, -1 makes a connection for each
 * message. A %d in the recipient becomes a number below -u. One thread; bounded by -m and -T.
 * Prints one line of name=value.
 */

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
    REPLY_MAX = 4096,
    ENVELOPE_MAX = 32768,
    RECIPIENTS_MAX = 100,
    EVENTS_MAX = 256,
};

enum step {
    STEP_BANNER,
    STEP_HELLO,
    STEP_ENVELOPE,
    STEP_BODY,
    STEP_QUIT,
    STEP_CLOSED
};

struct load_session {
    int fd;
    enum step step;
    unsigned expected; /* replies still to come in this step */
    unsigned command;  /* without pipelining: which command of the envelope is out */
    bool failed;
    uint64_t began_ns;
    size_t reply_len;
    char reply[REPLY_MAX];
    char envelope[ENVELOPE_MAX];
    struct iovec out[2];
    unsigned out_count;
};

struct load {
    unsigned sessions, recipients, users;
    unsigned long messages;
    size_t body_size;
    const char *sender, *recipient, *host, *port;
    bool pipelined, chunked, lmtp, one_each;
    double seconds_max;

    struct addrinfo *address;
    int events;
    char *body;
    size_t body_len;
    unsigned long begun, done, failed, next_user;
    unsigned open;
    double *latency_ms;
};

static struct load load = {
    .sessions = 1,
    .recipients = 1,
    .users = 1,
    .messages = 1000,
    .body_size = 1024,
    .sender = "load@example.com",
    .recipient = "vagrant@mailserver.local",
    .seconds_max = 300,
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* A body of lines of 80 bytes; with dots at the end for DATA. */
static void body_make(void)
{
    size_t size = load.body_size + 1024, len;
    char *at = malloc(size);

    if (at == NULL)
        die("malloc");
    len = (size_t)snprintf(at, size,
                           "From: <%s>\r\nTo: <%s>\r\nSubject: load\r\nDate: Wed, 1 Jul 2026 "
                           "10:00:00 +0000\r\nMessage-Id: <%d@load.example.com>\r\n\r\n",
                           load.sender, load.recipient, (int)getpid());
    for (size_t i = 0; i + 2 < load.body_size;) {
        size_t line = load.body_size - i < 80 ? load.body_size - i : 80;

        memset(at + len, 'a' + (int)(i / 80 % 26), line - 2);
        memcpy(at + len + line - 2, "\r\n", 2);
        len += line;
        i += line;
        if (load.body_size - i < 3)
            break;
    }
    memcpy(at + len, ".\r\n", 3);
    load.body = at;
    load.body_len = len + 3;
}

static void session_watch(struct load_session *s, bool writable)
{
    struct epoll_event e = {.events = EPOLLIN | (writable ? (uint32_t)EPOLLOUT : 0), .data.ptr = s};

    if (epoll_ctl(load.events, EPOLL_CTL_MOD, s->fd, &e) != 0)
        die("epoll_ctl");
}

static void session_flush(struct load_session *s)
{
    while (s->out_count > 0) {
        ssize_t n = writev(s->fd, s->out, (int)s->out_count);

        if (n < 0 && errno == EAGAIN) {
            session_watch(s, true);
            return;
        }
        if (n < 0) {
            s->step = STEP_CLOSED;
            return;
        }
        for (size_t left = (size_t)n; left > 0;) {
            size_t part = left < s->out[0].iov_len ? left : s->out[0].iov_len;

            s->out[0].iov_base = (char *)s->out[0].iov_base + part;
            s->out[0].iov_len -= part;
            left -= part;
            if (s->out[0].iov_len == 0) {
                s->out[0] = s->out[1];
                s->out_count--;
            }
        }
    }
}

static void session_send(struct load_session *s, const char *bytes, size_t len)
{
    s->out[s->out_count++] = (struct iovec){(void *)(uintptr_t)bytes, len};
}

static bool session_connect(struct load_session *s)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};
    int on = 1;

    *s = (struct load_session){.step = STEP_BANNER, .expected = 1};
    s->fd = socket(load.address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        die("socket");
    if (connect(s->fd, load.address->ai_addr, load.address->ai_addrlen) != 0) {
        perror("connect");
        close(s->fd);
        s->step = STEP_CLOSED;
        return false;
    }
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (fcntl(s->fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(load.events, EPOLL_CTL_ADD, s->fd, &e) != 0)
        die("epoll_ctl");
    return true;
}

static size_t recipient_write(char *at, size_t size)
{
    const char *mark = strstr(load.recipient, "%d");
    unsigned long user = load.next_user++ % load.users;

    if (mark == NULL)
        return (size_t)snprintf(at, size, "RCPT TO:<%s>\r\n", load.recipient);
    return (size_t)snprintf(at, size, "RCPT TO:<%.*s%lu%s>\r\n", (int)(mark - load.recipient),
                            load.recipient, user, mark + 2);
}

/* The whole envelope; without pipelining its commands go out one by one. */
static void envelope_make(struct load_session *s)
{
    size_t len = (size_t)snprintf(s->envelope, ENVELOPE_MAX, "MAIL FROM:<%s>\r\n", load.sender);

    for (unsigned i = 0; i < load.recipients; i++)
        len += recipient_write(s->envelope + len, ENVELOPE_MAX - len);
    if (load.chunked)
        snprintf(s->envelope + len, ENVELOPE_MAX - len, "BDAT %zu LAST\r\n", load.body_len - 3);
    else
        snprintf(s->envelope + len, ENVELOPE_MAX - len, "DATA\r\n");
}

static void envelope_send_next(struct load_session *s)
{
    const char *at = s->envelope, *end;

    for (unsigned i = 0; i < s->command; i++)
        at = strchr(at, '\n') + 1;
    end = strchr(at, '\n') + 1;
    s->command++;
    session_send(s, at, (size_t)(end - at));
    if (load.chunked && *end == '\0')
        session_send(s, load.body, load.body_len - 3);
    s->expected = 1;
}

static void message_begin(struct load_session *s)
{
    if (load.begun >= load.messages || (load.one_each && s->began_ns != 0)) {
        s->step = STEP_QUIT;
        s->expected = 1;
        session_send(s, "QUIT\r\n", 6);
        return;
    }
    load.begun++;
    s->began_ns = now_ns();
    s->failed = false;
    s->command = 0;
    envelope_make(s);
    s->step = STEP_ENVELOPE;
    if (!load.pipelined) {
        envelope_send_next(s);
        return;
    }
    session_send(s, s->envelope, strlen(s->envelope));
    s->expected = 2 + load.recipients;
    if (load.chunked) {
        session_send(s, load.body, load.body_len - 3);
        s->expected += load.lmtp ? load.recipients - 1 : 0;
    }
}

static void message_end(struct load_session *s)
{
    if (s->failed)
        load.failed++;
    else
        load.latency_ms[load.done++] = (double)(now_ns() - s->began_ns) / 1e6;
    message_begin(s);
}

static void session_step_done(struct load_session *s)
{
    static const char *const hello[] = {"EHLO load.example.com\r\n", "LHLO load.example.com\r\n"};

    switch (s->step) {
    case STEP_BANNER:
        s->step = STEP_HELLO;
        s->expected = 1;
        session_send(s, hello[load.lmtp], strlen(hello[load.lmtp]));
        break;
    case STEP_HELLO:
        message_begin(s);
        break;
    case STEP_ENVELOPE:
        if (!load.pipelined && s->command < 2 + load.recipients) {
            envelope_send_next(s);
        } else if (load.chunked) {
            message_end(s);
        } else {
            s->step = STEP_BODY;
            s->expected = load.lmtp ? load.recipients : 1;
            session_send(s, load.body, load.body_len);
        }
        break;
    case STEP_BODY:
        message_end(s);
        break;
    case STEP_QUIT:
    case STEP_CLOSED:
        s->step = STEP_CLOSED;
        break;
    }
}

static void session_reply(struct load_session *s, const char *line)
{
    if (line[0] != '2' && line[0] != '3') {
        if (load.failed < 3)
            fprintf(stderr, "load_smtp: refused: %.100s\n", line);
        s->failed = true;
        if (s->step == STEP_ENVELOPE || s->step == STEP_BANNER) {
            load.failed++;
            s->step = STEP_CLOSED; /* what follows would be out of step */
            return;
        }
    }
    if (--s->expected == 0)
        session_step_done(s);
}

static void session_readable(struct load_session *s)
{
    ssize_t n = read(s->fd, s->reply + s->reply_len, REPLY_MAX - s->reply_len);
    char *at = s->reply, *end, *lf;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        if (s->step != STEP_QUIT)
            load.failed++;
        s->step = STEP_CLOSED;
        return;
    }
    end = s->reply + s->reply_len + n;
    while (s->step != STEP_CLOSED && (lf = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        *lf = '\0';
        if (lf - at > 3 && at[3] != '-')
            session_reply(s, at);
        at = lf + 1;
    }
    s->reply_len = (size_t)(end - at);
    memmove(s->reply, at, s->reply_len);
}

static void session_event(struct load_session *s, uint32_t events)
{
    if ((events & EPOLLOUT) != 0 && s->out_count > 0)
        session_watch(s, false);
    if ((events & ~(uint32_t)EPOLLOUT) != 0)
        session_readable(s);
    if (s->step != STEP_CLOSED)
        session_flush(s);
    if (s->step != STEP_CLOSED)
        return;
    close(s->fd);
    load.open--;
    if (load.begun < load.messages && load.failed < 100 && session_connect(s))
        load.open++;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double percentile(double part)
{
    return load.done == 0 ? 0 : load.latency_ms[(size_t)((double)(load.done - 1) * part)];
}

static bool options_read(int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "s:m:l:r:u:f:t:pbL1T:")) != -1) {
        switch (option) {
        case 's':
            load.sessions = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'm':
            load.messages = strtoul(optarg, NULL, 10);
            break;
        case 'l':
            load.body_size = strtoul(optarg, NULL, 10);
            break;
        case 'r':
            load.recipients = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'u':
            load.users = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'f':
            load.sender = optarg;
            break;
        case 't':
            load.recipient = optarg;
            break;
        case 'p':
            load.pipelined = true;
            break;
        case 'b':
            load.chunked = true;
            break;
        case 'L':
            load.lmtp = true;
            break;
        case '1':
            load.one_each = true;
            break;
        case 'T':
            load.seconds_max = strtod(optarg, NULL);
            break;
        default:
            return false;
        }
    }
    if (argc - optind != 2 || load.sessions == 0 || load.users == 0 || load.recipients == 0 ||
        load.recipients > RECIPIENTS_MAX)
        return false;
    load.host = argv[optind];
    load.port = argv[optind + 1];
    return true;
}

static void load_run(struct load_session *sessions)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t end_ns = now_ns() + (uint64_t)(load.seconds_max * 1e9);

    for (unsigned i = 0; i < load.sessions; i++)
        load.open += session_connect(&sessions[i]);
    while (load.open > 0 && now_ns() < end_ns) {
        int count = epoll_wait(load.events, events, EVENTS_MAX, 1000);

        for (int i = 0; i < count; i++)
            session_event(events[i].data.ptr, events[i].events);
    }
}

int main(int argc, char **argv)
{
    struct addrinfo want = {.ai_socktype = SOCK_STREAM};
    struct load_session *sessions;
    struct rusage used;
    uint64_t began_ns;
    double seconds, cpu;

    if (!options_read(argc, argv)) {
        fputs("load_smtp: see the comment at the top of bench/load_smtp.c\n", stderr);
        return 2;
    }
    if (getaddrinfo(load.host, load.port, &want, &load.address) != 0)
        die(load.host);
    sessions = calloc(load.sessions, sizeof(*sessions));
    load.latency_ms = calloc(load.messages + 1, sizeof(double));
    load.events = epoll_create1(EPOLL_CLOEXEC);
    if (sessions == NULL || load.latency_ms == NULL || load.events < 0)
        die("load_smtp");
    body_make();
    began_ns = now_ns();
    load_run(sessions);
    seconds = (double)(now_ns() - began_ns) / 1e9;
    getrusage(RUSAGE_SELF, &used);
    cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
          (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    qsort(load.latency_ms, load.done, sizeof(double), by_size);
    printf("messages=%lu failed=%lu seconds=%.3f per_second=%.1f p50_ms=%.3f p99_ms=%.3f "
           "max_ms=%.3f cpu_s=%.3f\n",
           load.done, load.failed, seconds, (double)load.done / seconds, percentile(0.5),
           percentile(0.99), percentile(1), cpu);
    free(sessions);
    return load.failed > 0 || load.done < load.messages;
}
