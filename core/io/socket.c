#include "core/io/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    TURN_AWAY_MAX = 64, /* at once: the others wait for the next pause to end */
};

void socket_prepare_listening(int fd)
{
    int flags = fcntl(fd, F_GETFL), on = 1;

    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* fails for a unix socket */
}

int socket_reserve_open(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void socket_reserve_turn_away(int *reserve, int listening)
{
    if (*reserve >= 0)
        close(*reserve);
    for (unsigned i = 0; i < TURN_AWAY_MAX; i++) {
        int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
            break;
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
