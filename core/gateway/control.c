#include "core/gateway/control.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "core/base/log.h"
#include "core/base/thread.h"
#include "core/gateway/cmd.h"
#include "core/gateway/queue_run.h"
#include "core/io/listener.h"

enum {
    SOCKET_MODE = 0600,
    READ_SIZE = 64 * 1024,
    WRITE_PARTS = 64,
    WHY_SIZE = 300,
};

struct client {
    int fd; /* -1: a free place */
    struct chain in, out;
    struct queue_request request;
    struct queue_run *run; /* NULL: the request is not there yet, or answered */
    char *text;            /* of the request, as long as it runs */
    bool is_answered;
    uint64_t until_ns;
};

struct control {
    struct control_config config;
    char *path;
    int fd, go_fd, stop_fd;
    struct thread *thread;
    struct client clients[CONTROL_CLIENTS_MAX];
};

/* ---- blocks ---- */

static void add_block(struct client *p, char kind, struct chain *bytes)
{
    if (bytes->len == 0)
        return;
    chain_addf(&p->out, "%c %zu\n", kind, bytes->len);
    chain_move(&p->out, bytes);
}

static void answer(struct client *p, enum cmd_exit code)
{
    chain_addf(&p->out, "x %d\n", (int)code);
    p->is_answered = true;
}

static void refuse(struct client *p, struct chain *say)
{
    add_block(p, 'e', say);
    answer(p, CMD_USAGE);
}

static void refuse_text(struct client *p, const char *text)
{
    struct chain say = {0};

    chain_addf(&say, "%s\n", text);
    refuse(p, &say);
}

/* ---- a client ---- */

static uint64_t deadline_ns(unsigned ms)
{
    return clock_monotonic_ns() + ms * UINT64_C(1000000);
}

/* The mode keeps others out already; a file system may know no modes. */
static bool is_allowed(int fd)
{
    struct ucred who;
    socklen_t size = sizeof(who);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
           (who.uid == 0 || who.uid == geteuid());
}

static void client_end(struct client *p)
{
    close(p->fd);
    chain_free(&p->in);
    chain_free(&p->out);
    if (p->run != NULL)
        queue_run_free(&p->run);
    queue_request_end(&p->request);
    free(p->text);
    *p = (struct client){.fd = -1};
}

static void begin_run(struct control *c, struct client *p)
{
    struct chain why = {0};
    size_t len = p->in.len;

    p->text = xmalloc(len);
    chain_copy(&p->in, 0, p->text, len);
    chain_free(&p->in);
    if (queue_request_read(&p->request, (struct span){p->text, len}, &why))
        p->run = queue_run_new(c->config.store, &p->request);
    else
        refuse(p, &why);
    p->until_ns = deadline_ns(CONTROL_READ_MS);
}

/* The last two bytes of a request are the ends of its last line and of an empty one. */
static bool is_whole(const struct chain *in)
{
    char end[2];

    if (in->len < sizeof(end))
        return false;
    chain_copy(in, in->len - sizeof(end), end, sizeof(end));
    return memcmp(end, "\n\n", sizeof(end)) == 0;
}

/* False when he is gone. */
static bool client_read(struct control *c, struct client *p)
{
    char bytes[READ_SIZE];
    ssize_t len = recv(p->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (len < 0)
        return errno == EAGAIN || errno == EINTR;
    if (len == 0)
        return p->run != NULL || p->is_answered;
    if (p->run != NULL || p->is_answered)
        return true; /* nobody asked for more */
    chain_add(&p->in, (struct span){bytes, (size_t)len});
    if (p->in.len > QUEUE_REQUEST_MAX)
        refuse_text(p, "the request is too long");
    else if (is_whole(&p->in))
        begin_run(c, p);
    return true;
}

static bool client_write(struct client *p)
{
    struct iovec parts[WRITE_PARTS];
    struct msghdr message = {.msg_iov = parts};
    ssize_t len;

    message.msg_iovlen = chain_iovecs(&p->out, parts, WRITE_PARTS, NULL);
    len = sendmsg(p->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (len < 0)
        return errno == EAGAIN || errno == EINTR;
    chain_drop(&p->out, (size_t)len);
    p->until_ns = deadline_ns(CONTROL_READ_MS);
    return true;
}

static bool may_run(const struct client *p)
{
    return p->run != NULL && p->out.len < CONTROL_OUT_MAX;
}

static void client_run(struct control *c, struct client *p)
{
    struct chain out = {0}, say = {0};
    bool more = queue_run_step(p->run, &out, &say);

    add_block(p, 'o', &out);
    add_block(p, 'e', &say);
    if (more)
        return;
    answer(p, queue_run_failed(p->run) ? CMD_FAILED : CMD_OK);
    if (queue_run_made_due(p->run) && c->config.made_due != NULL)
        c->config.made_due(c->config.context);
    queue_run_free(&p->run);
}

/* False when it is over. */
static bool client_turn(struct control *c, struct client *p, short events)
{
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0 && !client_read(c, p))
        return false;
    if ((events & (POLLHUP | POLLERR)) != 0)
        return false;
    if (may_run(p))
        client_run(c, p);
    if (p->out.len > 0 && !client_write(p))
        return false;
    return (p->out.len > 0 || !p->is_answered) && clock_monotonic_ns() < p->until_ns;
}

/* ---- the thread ---- */

static struct client *free_place(struct control *c)
{
    for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (c->clients[i].fd < 0)
            return &c->clients[i];
    }
    return NULL;
}

static void take_client(struct control *c)
{
    struct client *p = free_place(c);
    int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    ensure(p != NULL);
    *p = (struct client){.fd = fd, .until_ns = deadline_ns(CONTROL_ASK_MS)};
    queue_request_init(&p->request);
    if (!is_allowed(fd))
        refuse_text(p, "this is for root and mail_owner");
}

static short events_of(const struct client *p)
{
    return (short)((p->run == NULL && !p->is_answered ? POLLIN : 0) |
                   (p->out.len > 0 ? POLLOUT : 0));
}

/* How long nothing happens by itself. */
static int patience_ms(const struct control *c)
{
    uint64_t now_ns = clock_monotonic_ns(), until_ns = UINT64_MAX;

    for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        const struct client *p = &c->clients[i];

        if (p->fd >= 0 && may_run(p))
            return 0;
        if (p->fd >= 0 && p->until_ns < until_ns)
            until_ns = p->until_ns;
    }
    if (until_ns == UINT64_MAX)
        return -1;
    return until_ns <= now_ns ? 0 : (int)((until_ns - now_ns) / 1000000 + 1);
}

static void fill(struct control *c, struct pollfd *fds)
{
    fds[0] = (struct pollfd){.fd = c->stop_fd, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = free_place(c) != NULL ? c->fd : -1, .events = POLLIN};
    for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
        fds[2 + i] = (struct pollfd){.fd = c->clients[i].fd, .events = events_of(&c->clients[i])};
}

static void serve(void *context)
{
    struct control *c = context;
    struct pollfd fds[2 + CONTROL_CLIENTS_MAX];
    uint64_t go;

    if (read(c->go_fd, &go, sizeof(go)) != (ssize_t)sizeof(go))
        return;
    for (;;) {
        fill(c, fds);
        (void)poll(fds, COUNT_OF(fds), patience_ms(c));
        if (fds[0].revents != 0)
            return;
        for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
            struct client *p = &c->clients[i];
            if (p->fd >= 0 && !client_turn(c, p, fds[2 + i].revents))
                client_end(p);
        }
        if (fds[1].revents != 0)
            take_client(c);
        log_flush();
    }
}

/* ---- open and close ---- */

static char *path_of(const char *directory)
{
    size_t len = strlen(directory), size = len + sizeof(CONTROL_NAME);
    char *path = xmalloc(size);

    memcpy(path, directory, len);
    memcpy(path + len, CONTROL_NAME, sizeof(CONTROL_NAME));
    return path;
}

struct control *control_open(const struct control_config *config, struct chain *why)
{
    struct control *c = xcalloc(1, sizeof(*c));
    char text[WHY_SIZE];

    c->config = *config;
    c->path = path_of(config->directory);
    for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
        c->clients[i].fd = -1;
    c->fd = listener_open(&(struct listener_config){.path = c->path, .path_mode = SOCKET_MODE},
                          text, sizeof(text));
    c->go_fd = eventfd(0, EFD_CLOEXEC);
    c->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (c->fd >= 0)
        c->thread = thread_start("control", serve, c);
    if (c->thread != NULL)
        return c;
    chain_addf(why, "no commands for the queue: %s\n", c->fd < 0 ? text : "no thread for them");
    control_close(&c);
    return NULL;
}

static void ring(int fd)
{
    static const uint64_t one = 1;
    ssize_t len = write(fd, &one, sizeof(one));

    ensure(len == (ssize_t)sizeof(one));
}

void control_accept(struct control *c)
{
    ring(c->go_fd);
}

void control_close(struct control **control)
{
    struct control *c = *control;

    *control = NULL;
    if (c->thread != NULL) {
        ring(c->stop_fd);
        ring(c->go_fd);
        thread_join(&c->thread);
    }
    for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (c->clients[i].fd >= 0)
            client_end(&c->clients[i]);
    }
    if (c->fd >= 0)
        listener_close(&c->fd, c->path);
    close(c->go_fd);
    close(c->stop_fd);
    free(c->path);
    free(c);
}
