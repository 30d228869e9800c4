#include "core/gateway/activation.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/number.h"
#include "core/io/host.h"

enum {
    FIRST_FD = 3, /* SD_LISTEN_FDS_START */
};

/* ---- what was handed over ---- */

static bool number_from(const char *variable, uint64_t max, uint64_t *number_r)
{
    const char *text = getenv(variable);

    return text != NULL && number_parse(span_str(text), max, number_r);
}

/* Names are divided by colons; one that is missing or too long is no name. */
static void take_name(struct activation_socket *s, struct span *names)
{
    const char *colon = names->len > 0 ? memchr(names->at, ':', names->len) : NULL;
    struct span name = span_first(*names, colon == NULL ? names->len : (size_t)(colon - names->at));

    *names = span_after(*names, name.len + (colon != NULL));
    s->name[0] = '\0';
    if (name.len > 0 && name.len < sizeof(s->name)) {
        memcpy(s->name, name.at, name.len);
        s->name[name.len] = '\0';
    }
}

static bool is_listening(int fd)
{
    int listening = 0;
    socklen_t size = sizeof(listening);

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
}

void activation_take(struct activation *a)
{
    const char *text = getenv("LISTEN_FDNAMES");
    struct span names = text == NULL ? SPAN("") : span_str(text);
    uint64_t process = 0, count = 0;

    *a = (struct activation){0};
    if (number_from("LISTEN_PID", INT32_MAX, &process) && process == (uint64_t)getpid() &&
        number_from("LISTEN_FDS", ACTIVATION_MAX, &count)) {
        for (int fd = FIRST_FD; fd < FIRST_FD + (int)count; fd++) {
            struct activation_socket *s = &a->at[a->count];

            take_name(s, &names);
            if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && is_listening(fd)) {
                s->fd = fd;
                a->count++;
            }
        }
    }
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
}

/* ---- which is for which place ---- */

static bool is_path(const struct sockaddr_storage *have, const char *path)
{
    const struct sockaddr_un *a = (const struct sockaddr_un *)have;

    return have->ss_family == AF_UNIX && strncmp(a->sun_path, path, sizeof(a->sun_path)) == 0;
}

static bool is_address(const struct sockaddr_storage *have, struct span host, uint16_t port)
{
    struct sockaddr_storage want = {0};
    socklen_t size;

    if (!host_parse(host, port, &want, &size) || want.ss_family != have->ss_family)
        return false;
    if (have->ss_family == AF_INET6) {
        const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)have;
        const struct sockaddr_in6 *b = (const struct sockaddr_in6 *)&want;
        return a->sin6_port == b->sin6_port &&
               memcmp(&a->sin6_addr, &b->sin6_addr, sizeof(a->sin6_addr)) == 0;
    } else {
        const struct sockaddr_in *a = (const struct sockaddr_in *)have;
        const struct sockaddr_in *b = (const struct sockaddr_in *)&want;
        /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): by getsockname() */
        return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
    }
}

static bool is_at(int fd, const struct config_place *place)
{
    struct sockaddr_storage have = {0};
    socklen_t size = sizeof(have);

    if (getsockname(fd, (struct sockaddr *)&have, &size) != 0)
        return false;
    if (place->path != NULL)
        return is_path(&have, place->path);
    if (strcmp(place->host, "*") != 0)
        return is_address(&have, span_str(place->host), place->port);
    return is_address(&have, SPAN("::"), place->port) ||
           is_address(&have, SPAN("0.0.0.0"), place->port);
}

int activation_socket(struct activation *a, const struct config_place *place, unsigned index)
{
    struct activation_socket *fitting[ACTIVATION_MAX];
    unsigned count = 0;

    for (unsigned i = 0; i < a->count; i++) {
        if (is_at(a->at[i].fd, place))
            fitting[count++] = &a->at[i];
    }
    if (count == 0)
        return -1;
    fitting[index % count]->is_used = true;
    return fcntl(fitting[index % count]->fd, F_DUPFD_CLOEXEC, FIRST_FD);
}

void activation_close(struct activation *a, struct chain *why)
{
    for (unsigned i = 0; i < a->count; i++) {
        if (!a->at[i].is_used)
            chain_addf(why,
                       "the socket \"%s\" that was handed over (LISTEN_FDS) is at no place of a "
                       "*_listen option and is closed; name its address there\n",
                       a->at[i].name);
        close(a->at[i].fd);
    }
    a->count = 0;
}
