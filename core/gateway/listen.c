#include "core/gateway/listen.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/io/host.h"
#include "core/io/listener.h"

enum {
    LISTEN_BACKLOG = 4096,   /* connections that may wait to be accepted; the system may cut it */
    LISTEN_PATH_MODE = 0666, /* the directory of a unix socket says who may reach it */
    LISTEN_WHY_SIZE = 300,
};

static const char *host_of(const struct config_place *place)
{
    return strcmp(place->host, "*") == 0 ? "" : place->host;
}

static const char *advice_for(int error)
{
    switch (error) {
    case EADDRINUSE:
        return "stop what listens there, or choose another port";
    case EACCES:
        return "ports below 1024 need root or CAP_NET_BIND_SERVICE";
    case EADDRNOTAVAIL:
        return "this host has no such address";
    default:
        return "choose another address";
    }
}

int listen_open(const struct config_place *place, struct chain *why)
{
    struct listener_config config = {.host = host_of(place),
                                     .port = place->port,
                                     .path = place->path,
                                     .path_mode = LISTEN_PATH_MODE,
                                     .backlog = LISTEN_BACKLOG};
    char text[LISTEN_WHY_SIZE];
    int fd = listener_open(&config, text, sizeof(text));

    if (fd >= 0)
        return fd;
    chain_addf(why, "%s; %s\n", text, advice_for(-fd));
    return -1;
}

/* A unix socket is taken when somebody answers; else it is left over from a process that died. */
static bool is_path_taken(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool taken;

    if (fd < 0 || strlen(path) >= sizeof(a.sun_path))
        return false;
    memcpy(a.sun_path, path, strlen(path) + 1);
    taken = connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0;
    close(fd);
    return taken;
}

/* Without SO_REUSEPORT a socket of anybody's that listens there is in the way. */
bool listen_is_taken(const struct config_place *place)
{
    const char *host = host_of(place)[0] == '\0' ? "0.0.0.0" : place->host;
    struct sockaddr_storage a;
    socklen_t size;
    int fd, yes = 1;
    bool taken;

    if (place->path != NULL)
        return is_path_taken(place->path);
    if (!host_parse(span_str(host), place->port, &a, &size))
        return false;
    fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    taken = bind(fd, (const struct sockaddr *)&a, size) < 0 && errno == EADDRINUSE;
    close(fd);
    return taken;
}
