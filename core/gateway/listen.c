#include "core/gateway/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

union where {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    struct sockaddr_un local;
};

/* Returns the size of the address; 0 when the text is none (the configuration was checked). */
static socklen_t resolve(const struct config_place *place, union where *w)
{
    memset(w, 0, sizeof(*w));
    if (place->path != NULL) {
        w->local.sun_family = AF_UNIX;
        if (strlen(place->path) >= sizeof(w->local.sun_path))
            return 0;
        memcpy(w->local.sun_path, place->path, strlen(place->path));
        return sizeof(w->local);
    }
    if (strchr(place->host, '.') != NULL) {
        w->four.sin_family = AF_INET;
        w->four.sin_port = htons(place->port);
        return inet_pton(AF_INET, place->host, &w->four.sin_addr) == 1 ? sizeof(w->four) : 0;
    }
    w->six.sin6_family = AF_INET6;
    w->six.sin6_port = htons(place->port);
    w->six.sin6_addr = in6addr_any;
    if (strcmp(place->host, "*") == 0)
        return sizeof(w->six);
    return inet_pton(AF_INET6, place->host, &w->six.sin6_addr) == 1 ? sizeof(w->six) : 0;
}

static void describe(const struct config_place *place, const char *what, int error,
                     struct chain *why)
{
    const char *advice = error == EADDRINUSE ? "stop what listens there, or choose another port"
                         : error == EACCES   ? "ports below 1024 need CAP_NET_BIND_SERVICE"
                                             : "correct the address";

    if (place->path != NULL)
        chain_addf(why, "can't %s unix:%s: %s; %s\n", what, place->path, strerror(error), advice);
    else
        chain_addf(why, "can't %s %s:%u: %s; %s\n", what, place->host, place->port, strerror(error),
                   advice);
}

static int bind_and_listen(int fd, const struct config_place *place, const union where *w,
                           socklen_t size)
{
    int yes = 1, no = 0;

    if (w->any.sa_family == AF_UNIX) {
        if (bind(fd, &w->any, size) < 0 || chmod(place->path, 0666) < 0)
            return -1;
    } else {
        if (w->any.sa_family == AF_INET6 &&
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, strcmp(place->host, "*") == 0 ? &no : &yes,
                       sizeof(yes)) < 0)
            return -1;
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) < 0 ||
            bind(fd, &w->any, size) < 0)
            return -1;
    }
    return listen(fd, LISTEN_BACKLOG);
}

int listen_open(const struct config_place *place, struct chain *why)
{
    union where w;
    socklen_t size = resolve(place, &w);
    int fd;

    if (size == 0) {
        describe(place, "read the address", EINVAL, why);
        return -1;
    }
    fd = socket(w.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind_and_listen(fd, place, &w, size) < 0) {
        describe(place, "listen on", errno, why);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

/* A unix socket that nobody answers is left over from a killed process and is removed. */
static bool is_local_taken(int fd, const union where *w, socklen_t size)
{
    if (connect(fd, &w->any, size) == 0)
        return true;
    if (errno == ECONNREFUSED)
        unlink(w->local.sun_path);
    return false;
}

bool listen_is_taken(const struct config_place *place)
{
    union where w;
    socklen_t size = resolve(place, &w);
    int fd = size > 0 ? socket(w.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    bool taken;
    int yes = 1;

    if (fd < 0)
        return false;
    if (w.any.sa_family == AF_UNIX) {
        taken = is_local_taken(fd, &w, size);
    } else {
        /* Without SO_REUSEPORT a socket of anybody's who listens there is in the way. */
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
        taken = bind(fd, &w.any, size) < 0 && errno == EADDRINUSE;
    }
    close(fd);
    return taken;
}
