#include "core/service/directory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/alloc.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

struct span directory_trim(struct span s)
{
    while (s.len > 0 && is_blank(s.at[0]))
        s = span_after(s, 1);
    while (s.len > 0 && is_blank(s.at[s.len - 1]))
        s.len--;
    return s;
}

void directory_entry(struct span line, struct span *key_r, struct span *value_r)
{
    size_t len = 0;
    bool quoted = false;

    for (; len < line.len && (quoted || (line.at[len] != ' ' && line.at[len] != '\t')); len++)
        quoted ^= line.at[len] == '"';
    *key_r = span_first(line, len);
    *value_r = directory_trim(span_after(line, len));
}

bool directory_unquote(struct span text, char *to, struct span *plain_r)
{
    bool quoted = false;
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"')
            quoted = !quoted;
        else if (quoted && text.at[i] == '\\' && i + 1 < text.len)
            to[len++] = text.at[++i];
        else
            to[len++] = text.at[i];
    }
    *plain_r = (struct span){to, len};
    return !quoted;
}

/* Reads on past the size that stat() told: a pipe has none, and a file may grow. */
static bool read_all(int fd, char **bytes_r, size_t *len_r, size_t max)
{
    size_t size = 65536, len = 0;
    char *bytes = xmalloc(size);

    for (;;) {
        ssize_t got = read(fd, bytes + len, size - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || len > max)
            break;
        if (got == 0) {
            *bytes_r = bytes;
            *len_r = len;
            return true;
        }
        len += (size_t)got;
        if (len == size) {
            size *= 2;
            bytes = xrealloc(bytes, size);
        }
    }
    if (len > max)
        errno = EFBIG;
    free(bytes);
    return false;
}

static const char *advice(int error)
{
    switch (error) {
    case ENOENT:
        return "make it, or name another file";
    case EACCES:
    case EPERM:
        return "let this user read it";
    case EISDIR:
        return "name a file";
    default:
        return "look at the file";
    }
}

bool directory_file_read(const char *path, size_t max, struct span *text_r, struct chain *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *bytes = NULL;
    size_t len = 0;
    const char *zero;

    if (fd < 0 || !read_all(fd, &bytes, &len, max)) {
        int error = errno;
        chain_addf(why, "%s: cannot be read (%s); %s\n", path, strerror(error), advice(error));
        if (fd >= 0)
            close(fd);
        return false;
    }
    close(fd);
    zero = memchr(bytes, '\0', len);
    if (zero) {
        unsigned line = 1;
        for (const char *c = bytes; c < zero; c++)
            line += *c == '\n';
        chain_addf(why, "%s:%u: a NUL byte; this must be a text file\n", path, line);
        free(bytes);
        return false;
    }
    *text_r = (struct span){bytes, len};
    return true;
}

bool directory_lines_next(struct directory_lines *l, struct span *line_r)
{
    const char *end;

    l->line += l->skip;
    l->skip = 0;
    if (l->rest.len == 0)
        return false;
    end = memchr(l->rest.at, '\n', l->rest.len);
    *line_r = span_first(l->rest, end ? (size_t)(end - l->rest.at) : l->rest.len);
    l->rest = span_after(l->rest, line_r->len + (end != NULL));
    l->line++;
    if (line_r->len > 0 && line_r->at[line_r->len - 1] == '\r')
        line_r->len--;
    return true;
}

static bool says_nothing(struct span line)
{
    struct span text = directory_trim(line);
    return text.len == 0 || text.at[0] == '#';
}

/* Adds the continuations that follow; comments and empty lines between them do not end a line. */
static void join(struct directory_lines *l, struct span *line)
{
    struct directory_lines ahead = {.rest = l->rest, .line = l->line};
    struct span next;

    while (directory_lines_next(&ahead, &next)) {
        if (says_nothing(next))
            continue;
        if (!is_blank(next.at[0]))
            return;
        if (l->joined.len == 0)
            chain_add(&l->joined, *line);
        chain_add(&l->joined, SPAN(" "));
        chain_add(&l->joined, directory_trim(next));
        l->rest = ahead.rest;
        l->line = ahead.line;
    }
}

bool directory_lines_logical(struct directory_lines *l, struct span *line_r)
{
    struct span line;
    unsigned first, last;

    chain_free(&l->joined);
    do {
        if (!directory_lines_next(l, &line))
            return false;
    } while (says_nothing(line));
    first = l->line;
    join(l, &line);
    last = l->line;
    *line_r = directory_trim(l->joined.len > 0 ? chain_flat(&l->joined) : line);
    l->line = first;
    l->skip = last - first;
    return true;
}

void directory_lines_end(struct directory_lines *l)
{
    chain_free(&l->joined);
}
