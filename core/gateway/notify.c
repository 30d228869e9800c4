#include "core/gateway/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/number.h"

enum {
    NOTIFY_TEXT_SIZE = 512,
};

/* A path, or behind "@" a name of the abstract kind. */
static int connect_to(const char *name)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    int fd;

    if (len < 2 || len >= sizeof(a.sun_path) || (name[0] != '/' && name[0] != '@'))
        return -1;
    memcpy(a.sun_path, name, len);
    if (name[0] == '@')
        a.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, size) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Twice in the time that the supervisor waits. */
static uint64_t watchdog_ms(void)
{
    const char *process = getenv("WATCHDOG_PID"), *time = getenv("WATCHDOG_USEC");
    uint64_t number;

    if (process != NULL &&
        (!number_parse(span_str(process), INT32_MAX, &number) || number != (uint64_t)getpid()))
        return 0;
    if (time == NULL || !number_parse(span_str(time), UINT32_MAX * UINT64_C(1000), &number))
        return 0;
    return number < 2000 ? 1 : number / 2000;
}

void notify_open(struct notify *n)
{
    const char *name = getenv("NOTIFY_SOCKET");

    n->fd = name == NULL ? -1 : connect_to(name);
    n->watchdog_ms = n->fd < 0 ? 0 : watchdog_ms();
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_PID");
    (void)unsetenv("WATCHDOG_USEC");
}

void notify_close(struct notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

void notify_say(const struct notify *n, const char *format, ...)
{
    char text[NOTIFY_TEXT_SIZE];
    va_list values;
    int len;

    if (n->fd < 0)
        return;
    va_start(values, format);
    len = vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    if (len > 0)
        (void)send(n->fd, text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1,
                   MSG_NOSIGNAL);
}
