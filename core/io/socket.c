#include "core/io/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    TURN_AWAY_MAX = 64, /* at once: the others wait for the next pause to end */
    KEEP_IDLE_S = 300,
    KEEP_INTERVAL_S = 60,
    KEEP_PROBES = 5,
    UNANSWERED_MS_MAX = (KEEP_IDLE_S + KEEP_INTERVAL_S * KEEP_PROBES) * 1000,
};

/* A peer whose host or network is gone never says so: it is asked after KEEP_IDLE_S of silence, and
 * given up when it does not answer, or does not acknowledge what we sent (HOSTILE X03). */
static const struct {
    int level, name, value;
} inherited[] = {
    {IPPROTO_TCP, TCP_NODELAY,      1                },
    {SOL_SOCKET,  SO_KEEPALIVE,     1                },
    {IPPROTO_TCP, TCP_KEEPIDLE,     KEEP_IDLE_S      },
    {IPPROTO_TCP, TCP_KEEPINTVL,    KEEP_INTERVAL_S  },
    {IPPROTO_TCP, TCP_KEEPCNT,      KEEP_PROBES      },
    {IPPROTO_TCP, TCP_USER_TIMEOUT, UNANSWERED_MS_MAX},
};

void socket_prepare_listening(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    for (size_t i = 0; i < COUNT_OF(inherited); i++) /* fails for a unix socket */
        (void)setsockopt(fd, inherited[i].level, inherited[i].name, &inherited[i].value,
                         sizeof(inherited[i].value));
}

int socket_reserve_open(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void socket_reserve_turn_away(int *reserve, const struct io_op *op)
{
    if (*reserve >= 0)
        close(*reserve);
    for (unsigned i = 0; i < TURN_AWAY_MAX; i++) {
        int fd = accept4(op->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0)
            break;
        if (op->parts != NULL)
            (void)!writev(fd, op->parts, (int)op->count); /* a new socket has room for a line */
        close(fd);
    }
    *reserve = socket_reserve_open();
}

bool socket_accept_goes_on(int error)
{
    return error == ECONNABORTED || error == EINTR || error == EPROTO;
}

size_t socket_parts_len(const struct iovec *parts, unsigned count)
{
    size_t len = 0;

    for (unsigned i = 0; i < count; i++)
        len += parts[i].iov_len;
    return len;
}

void socket_shutdown(struct reactor *r UNUSED, int fd, int how)
{
    (void)shutdown(fd, how); /* fails when the peer was faster */
}

int socket_address(struct reactor *r UNUSED, int fd, bool peer, struct sockaddr_storage *address_r)
{
    socklen_t size = sizeof(*address_r);
    struct sockaddr *address = (struct sockaddr *)address_r;
    int result;

    *address_r = (struct sockaddr_storage){0};
    result = peer ? getpeername(fd, address, &size) : getsockname(fd, address, &size);
    return result == 0 ? 0 : -errno;
}

int socket_bell_open(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void socket_bell_ring(int bell)
{
    uint64_t one = 1;
    int before = errno; /* a signal handler may be who rings */

    (void)!write(bell, &one, sizeof(one));
    errno = before;
}
