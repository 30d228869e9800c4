#include "core/gateway/control_client.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/number.h"
#include "core/gateway/control.h"

enum {
    BUFFER_SIZE = 64 * 1024,
    HEAD_LEN_MAX = 32, /* "o 18446744073709551615\n" */
};

struct conversation {
    int fd;
    const struct control_reader *reader;
    char buffer[BUFFER_SIZE];
    size_t from, to; /* what of it was not looked at yet */
};

static int connect_to(const char *directory)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t len = strlen(directory);
    int fd;

    if (len + sizeof(CONTROL_NAME) > sizeof(a.sun_path))
        return -ENAMETOOLONG;
    memcpy(a.sun_path, directory, len);
    memcpy(a.sun_path + len, CONTROL_NAME, sizeof(CONTROL_NAME));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) != 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

static bool send_all(int fd, struct chain *request)
{
    while (request->len > 0) {
        struct span part = chain_first(request);
        ssize_t len = send(fd, part.at, part.len, MSG_NOSIGNAL);

        if (len < 0 && errno != EINTR)
            return false;
        chain_drop(request, len > 0 ? (size_t)len : 0);
    }
    return true;
}

/* Makes at least a byte more; false at the end. */
static bool receive(struct conversation *c)
{
    ssize_t len;

    if (c->from > 0) {
        memmove(c->buffer, c->buffer + c->from, c->to - c->from);
        c->to -= c->from;
        c->from = 0;
    }
    do
        len = recv(c->fd, c->buffer + c->to, sizeof(c->buffer) - c->to, 0);
    while (len < 0 && errno == EINTR);
    c->to += len > 0 ? (size_t)len : 0;
    return len > 0;
}

/* "o 120\n" */
static bool read_head(struct conversation *c, char *kind_r, uint64_t *number_r)
{
    const char *end;
    struct span line;

    for (;;) {
        line = (struct span){c->buffer + c->from, c->to - c->from};
        end = line.len > 0 ? memchr(line.at, '\n', line.len) : NULL;
        if (end != NULL)
            break;
        if (line.len > HEAD_LEN_MAX || !receive(c))
            return false;
    }
    line.len = (size_t)(end - line.at);
    c->from += line.len + 1;
    *kind_r = line.len > 2 && line.at[1] == ' ' ? line.at[0] : '\0';
    return number_parse(span_after(line, 2), UINT64_MAX, number_r);
}

static bool hand_on(struct conversation *c, char kind, uint64_t len)
{
    const struct control_reader *r = c->reader;

    while (len > 0) {
        struct span part;

        if (c->from == c->to && !receive(c))
            return false;
        part = (struct span){c->buffer + c->from, c->to - c->from};
        if (part.len > len)
            part.len = (size_t)len;
        if (!(kind == 'o' ? r->out(r->context, part) : r->say(r->context, part)))
            return false;
        c->from += part.len;
        len -= part.len;
    }
    return true;
}

static enum control_status converse(struct conversation *c, int *code_r)
{
    uint64_t number;
    char kind;

    while (read_head(c, &kind, &number)) {
        if (kind == 'x' && number < 256) {
            *code_r = (int)number;
            return CONTROL_ANSWERED;
        }
        if ((kind != 'o' && kind != 'e') || !hand_on(c, kind, number))
            return CONTROL_BROKEN;
    }
    return CONTROL_BROKEN;
}

enum control_status control_client_ask(const char *directory, struct chain *request,
                                       const struct control_reader *reader, int *code_r)
{
    struct conversation c = {.fd = connect_to(directory), .reader = reader};
    enum control_status status = CONTROL_BROKEN;

    if (c.fd < 0)
        return c.fd == -EACCES || c.fd == -EPERM ? CONTROL_DENIED : CONTROL_NOBODY;
    if (send_all(c.fd, request))
        status = converse(&c, code_r);
    chain_free(request);
    close(c.fd);
    return status;
}
