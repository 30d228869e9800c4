#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/io/backend.h"

/*
 * Whether io_uring works here is found out by doing all that we ask of it, once, in the small: it
 * may be missing, forbidden by a filter, too old, or wrong in one operation.
 */

enum {
    PROBE_MS = 2000,
};

struct probe {
    struct reactor *reactor;
    struct io_op accept, connect, receive, send;
    int listening, client, server;
    int connected, received, sent;
    char byte;
};

static const int NOT_YET = -1000000;

static void accept_done(struct io_op *op, int result, struct span data UNUSED)
{
    struct probe *p = CONTAINER_OF(op, struct probe, accept);

    if (result >= 0 && p->server < 0)
        p->server = result;
}

static void connect_done(struct io_op *op, int result, struct span data UNUSED)
{
    CONTAINER_OF(op, struct probe, connect)->connected = result;
}

static void send_done(struct io_op *op, int result, struct span data UNUSED)
{
    CONTAINER_OF(op, struct probe, send)->sent = result;
}

static void receive_done(struct io_op *op, int result, struct span data)
{
    struct probe *p = CONTAINER_OF(op, struct probe, receive);

    p->received = result;
    if (result == 1)
        p->byte = data.at[0];
}

/* Turns until `holds` or the time is over. */
static bool turn_until(struct probe *p, bool (*holds)(const struct probe *p))
{
    uint64_t end = clock_monotonic_ns() + PROBE_MS * UINT64_C(1000000);

    while (!holds(p) && clock_monotonic_ns() < end)
        reactor_turn(p->reactor, end);
    return holds(p);
}

static bool is_connected(const struct probe *p)
{
    return p->server >= 0 && p->connected == 0;
}

static bool is_moved(const struct probe *p)
{
    return p->sent == 1 && p->received == 1 && p->byte == 'x';
}

static bool is_idle(const struct probe *p)
{
    return !p->accept.armed && !p->connect.armed && !p->receive.armed && !p->send.armed;
}

/* An unnamed unix socket: it touches no file and no network. */
static int listen_unnamed(struct sockaddr_un *address_r, socklen_t *size_r)
{
    struct sockaddr_un any = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *size_r = sizeof(*address_r);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&any, sizeof(any.sun_family)) == 0 &&
        listen(fd, 1) == 0 && getsockname(fd, (struct sockaddr *)address_r, size_r) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static const char *probe_move(struct probe *p)
{
    static const struct iovec part = {(void *)(uintptr_t) "x", 1};
    struct sockaddr_un address;
    socklen_t size;

    p->listening = listen_unnamed(&address, &size);
    p->client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->listening < 0 || p->client < 0)
        return "no sockets for the self-test";
    reactor_accept(p->reactor, &p->accept, p->listening, accept_done);
    reactor_connect(p->reactor, &p->connect, p->client, (const struct sockaddr *)&address, size,
                    connect_done);
    if (!turn_until(p, is_connected))
        return "accept or connect does not work";
    reactor_receive(p->reactor, &p->receive, p->server, receive_done);
    reactor_send(p->reactor, &p->send, p->client, &part, 1, send_done);
    return turn_until(p, is_moved) ? NULL : "send or receive does not work";
}

static const char *probe_cancel(struct probe *p)
{
    if (p->server >= 0 && !p->receive.armed)
        reactor_receive(p->reactor, &p->receive, p->server, receive_done);
    reactor_turn(p->reactor, 0);
    reactor_cancel(p->reactor, &p->receive);
    reactor_cancel(p->reactor, &p->accept);
    reactor_cancel(p->reactor, &p->connect);
    reactor_cancel(p->reactor, &p->send);
    return turn_until(p, is_idle) ? NULL : "cancel does not work";
}

static void close_all(const struct probe *p)
{
    const int fds[] = {p->listening, p->client, p->server};

    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
}

bool reactor_uring_works(char *why, size_t size)
{
    static const struct reactor_config small = {256, 8, 4096, false};
    struct probe p = {.listening = -1, .client = -1, .server = -1};
    const char *wrong, *stuck;
    int error = reactor_open_with(&backend_uring, &small, &p.reactor);

    why[0] = '\0';
    if (error != 0) {
        (void)snprintf(why, size, "io_uring is not used: %s", strerror(-error));
        return false;
    }
    p.connected = p.received = p.sent = NOT_YET;
    wrong = probe_move(&p);
    stuck = probe_cancel(&p);
    close_all(&p);
    if (stuck == NULL)
        reactor_close(&p.reactor); /* else what is armed may still be written to: leave it open */
    if (wrong == NULL)
        wrong = stuck;
    if (wrong != NULL)
        (void)snprintf(why, size, "io_uring is not used: %s", wrong);
    return wrong == NULL;
}
