#include "core/io/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/io/host.h"

static int fail(int fd, const char *what, const char *where, uint16_t port, char *why,
                size_t why_size)
{
    int error = errno;

    if (fd >= 0)
        close(fd);
    if (port > 0)
        (void)snprintf(why, why_size, "cannot %s %s port %u: %s", what, *where ? where : "*", port,
                       strerror(error));
    else
        (void)snprintf(why, why_size, "cannot %s %s: %s", what, *where ? where : "*",
                       strerror(error));
    return -error;
}

static int backlog_of(const struct listener_config *config)
{
    return config->backlog > 0 ? config->backlog : SOMAXCONN;
}

static int listen_at(const struct listener_config *config, const struct sockaddr_storage *a,
                     socklen_t size, bool both_families, char *why, size_t why_size)
{
    int fd = socket(a->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1, only = !both_families;

    if (fd < 0)
        return fail(fd, "open a socket for", config->host, config->port, why, why_size);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0 ||
        (a->ss_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) != 0) ||
        bind(fd, (const struct sockaddr *)a, size) != 0 || listen(fd, backlog_of(config)) != 0)
        return fail(fd, "listen on", config->host, config->port, why, why_size);
    return fd;
}

/* A machine without IPv6 gets IPv4 only. */
static int listen_everywhere(const struct listener_config *config, char *why, size_t why_size)
{
    struct sockaddr_storage a;
    socklen_t size;
    int fd = -EAFNOSUPPORT;

    if (host_parse(SPAN("::"), config->port, &a, &size))
        fd = listen_at(config, &a, size, true, why, why_size);
    if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) {
        if (host_parse(SPAN("0.0.0.0"), config->port, &a, &size))
            fd = listen_at(config, &a, size, false, why, why_size);
    }
    return fd;
}

static int listen_unix(const struct listener_config *config, char *why, size_t why_size)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct stat old;
    int fd;

    if (strlen(config->path) >= sizeof(a.sun_path)) {
        errno = ENAMETOOLONG;
        return fail(-1, "listen on", config->path, 0, why, why_size);
    }
    memcpy(a.sun_path, config->path, strlen(config->path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail(fd, "open a socket for", config->path, 0, why, why_size);
    /* What an earlier run left behind would be in the way; any other file is left alone. */
    if (lstat(config->path, &old) == 0 && S_ISSOCK(old.st_mode))
        (void)unlink(config->path);
    if (bind(fd, (const struct sockaddr *)&a, sizeof(a)) != 0 ||
        chmod(config->path, config->path_mode) != 0 || listen(fd, backlog_of(config)) != 0)
        return fail(fd, "listen on", config->path, 0, why, why_size);
    return fd;
}

int listener_open(const struct listener_config *config, char *why, size_t why_size)
{
    struct sockaddr_storage a;
    socklen_t size;

    if (config->path != NULL)
        return listen_unix(config, why, why_size);
    if (config->host[0] == '\0')
        return listen_everywhere(config, why, why_size);
    if (!host_parse(span_str(config->host), config->port, &a, &size)) {
        errno = EINVAL;
        return fail(-1, "listen on", config->host, config->port, why, why_size);
    }
    return listen_at(config, &a, size, false, why, why_size);
}

uint16_t listener_port(int fd)
{
    struct sockaddr_storage a = {0};
    socklen_t size = sizeof(a);

    return getsockname(fd, (struct sockaddr *)&a, &size) == 0 ? host_port(&a) : 0;
}

void listener_close(int *fd, const char *path)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    if (path != NULL)
        (void)unlink(path);
}
