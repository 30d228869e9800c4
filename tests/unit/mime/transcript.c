#include "tests/unit/mime/transcript.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

void transcript_open(struct transcript *t, const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t len;

    assert_non_null(file);
    *t = (struct transcript){0};
    do {
        len = fread(buffer_room(&t->file, 4096), 1, 4096, file);
        t->file.len += len;
    } while (len > 0);
    (void)fclose(file);
    t->rest = (struct span){t->file.at, t->file.len};
}

static struct span take_line(struct span *at)
{
    const char *lf = memchr(at->at, '\n', at->len);
    struct span line = span_first(*at, lf == NULL ? at->len : (size_t)(lf - at->at) + 1);

    *at = span_after(*at, line.len);
    return line;
}

static bool starts(struct span line, struct span prefix)
{
    return span_eq(span_first(line, prefix.len), prefix);
}

static bool is_expected(struct span line)
{
    return starts(line, SPAN("=> "));
}

/* Lines behind "=> " are joined; a literal's line end is the one that is kept, as CRLF. */
static void take_expected(struct transcript *t)
{
    t->expected.len = 0;
    while (t->rest.len > 0) {
        struct span next = t->rest, line = take_line(&next);

        if (is_expected(line))
            line = span_after(line, 3);
        else if (t->expected.len == 0 || t->expected.at[t->expected.len - 1] != '}')
            return;
        else
            buffer_add(&t->expected, SPAN("\r\n"));
        buffer_add(&t->expected, span_first(line, line.len - 1));
        t->rest = next;
    }
}

bool transcript_next(struct transcript *t, struct transcript_row *row)
{
    struct span line = {"", 0};

    while (t->rest.len > 0 && !starts(line, SPAN("=== ")))
        line = take_line(&t->rest);
    if (t->rest.len == 0)
        return false;
    row->name = span_first(span_after(line, 4), line.len - 5);
    row->message = span_first(t->rest, 0);
    while (t->rest.len > 0) {
        struct span next = t->rest;

        line = take_line(&next);
        if (is_expected(line))
            break;
        row->message.len += line.len;
        t->rest = next;
    }
    take_expected(t);
    row->expected = buffer_since(&t->expected, 0);
    return true;
}

void transcript_close(struct transcript *t)
{
    buffer_free(&t->file);
    buffer_free(&t->expected);
}
