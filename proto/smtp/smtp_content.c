#include "proto/smtp/smtp_content.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "proto/mime/downgrade.h"

enum {
    CONTENT_COPY_MAX = 1024, /* bytes that are cheaper to copy than to lend */
    CONTENT_PARTS = 16,      /* blocks of a message that are expected */
};

struct smtp_content {
    struct chain text;
    struct iovec *parts; /* the blocks of `text` */
    unsigned part_count, part;
    size_t at; /* in the part */
    enum smtp_content_form form;
    size_t line_max, line; /* bytes of the line so far, as it goes out */
    bool held_cr;          /* the last byte was CR: what it is depends on the next */
    bool is_done;

    struct downgrade *downgrade; /* NULL: not needed */
    struct chain converted;      /* what it made and did not go out yet */

    unsigned lent; /* pieces in other chains */
    bool is_freed;
};

static void content_parts(struct smtp_content *c)
{
    unsigned max = CONTENT_PARTS / 2;
    size_t len;

    do {
        max *= 2;
        c->parts = xrealloc(c->parts, max * sizeof(*c->parts));
        c->part_count = chain_iovecs(&c->text, c->parts, max, &len);
    } while (len < c->text.len);
}

struct smtp_content *smtp_content_new(struct chain *text, enum smtp_content_form form,
                                      uint32_t line_max, bool downgrades)
{
    struct smtp_content *c = xcalloc(1, sizeof(*c));

    chain_move(&c->text, text);
    c->form = form;
    c->line_max = line_max > 0 ? line_max : SIZE_MAX / 2;
    if (downgrades)
        c->downgrade = downgrade_new(chain_flat(&c->text));
    else
        content_parts(c);
    return c;
}

static void content_end(struct smtp_content *c)
{
    downgrade_free(&c->downgrade);
    chain_free(&c->converted);
    chain_free(&c->text);
    free(c->parts);
    free(c);
}

void smtp_content_free(struct smtp_content **content)
{
    struct smtp_content *c = *content;

    *content = NULL;
    if (c == NULL)
        return;
    c->is_freed = true;
    if (c->lent == 0)
        content_end(c);
}

static void content_returned(void *context)
{
    struct smtp_content *c = context;

    ensure(c->lent > 0);
    c->lent--;
    if (c->lent == 0 && c->is_freed)
        content_end(c);
}

static void content_put(struct smtp_content *c, struct span piece, struct chain *out)
{
    if (piece.len <= CONTENT_COPY_MAX || c->downgrade != NULL) {
        chain_add(out, piece);
        return;
    }
    c->lent++;
    chain_lend(out, piece, content_returned, c);
}

/* The next bytes of the message as they lie; empty at its end. */
static struct span content_run(struct smtp_content *c, size_t max)
{
    if (c->downgrade != NULL) {
        while (c->converted.len == 0 && downgrade_write(c->downgrade, &c->converted, max))
            continue;
        return span_first(chain_first(&c->converted), max);
    }
    while (c->part < c->part_count && c->at == c->parts[c->part].iov_len) {
        c->part++;
        c->at = 0;
    }
    if (c->part == c->part_count)
        return (struct span){NULL, 0};
    return span_first(
        span_after((struct span){c->parts[c->part].iov_base, c->parts[c->part].iov_len}, c->at),
        max);
}

static void content_pass(struct smtp_content *c, size_t len)
{
    if (c->downgrade != NULL)
        chain_drop(&c->converted, len);
    else
        c->at += len;
}

/* How many bytes at the front of `run` go out as they are. */
static size_t content_plain(struct smtp_content *c, struct span run)
{
    size_t at = 0;

    while (at < run.len) {
        size_t room = c->line < c->line_max ? c->line_max - c->line : 0, len;
        struct span rest = span_after(run, at);
        const char *lf, *cr;

        if (c->line == 0 && rest.at[0] == '.' && c->form == SMTP_CONTENT_DATA)
            return at;
        rest = span_first(rest, room + 2);
        lf = memchr(rest.at, '\n', rest.len);
        len = lf == NULL ? rest.len : (size_t)(lf - rest.at);
        cr = memchr(rest.at, '\r', len);
        if (cr != NULL && cr + 1 == lf) {
            at += len + 1;
            c->line = 0;
            continue;
        }
        if (cr != NULL)
            len = (size_t)(cr - rest.at);
        if (len > room)
            len = room;
        c->line += len;
        at += len;
        if (cr != NULL || lf != NULL || len == room)
            return at;
    }
    return at;
}

/* One byte that does not go as it is. */
static void content_special(struct smtp_content *c, char byte, struct chain *out)
{
    if (byte == '\r') {
        c->held_cr = true;
    } else if (byte == '\n') {
        chain_add(out, SPAN("\r\n"));
        c->line = 0;
    } else if (c->line == 0) { /* a dot */
        chain_add(out, SPAN(".."));
        c->line = 1;
    } else { /* the line is full */
        chain_add(out, SPAN("\r\n "));
        chain_add_byte(out, byte);
        c->line = 2;
    }
}

/* A CR was held back, and `next` is what follows it. */
static void content_held(struct smtp_content *c, char next, struct chain *out)
{
    c->held_cr = false;
    if (next == '\n')
        return;
    chain_add_byte(out, ' ');
    c->line++;
}

static void content_lines(struct smtp_content *c, struct span run, struct chain *out)
{
    size_t len;

    if (c->held_cr)
        content_held(c, run.at[0], out);
    len = content_plain(c, run);
    content_put(c, span_first(run, len), out);
    content_pass(c, len);
    run = span_after(run, len);
    /* A line that is full ends here when its line end follows, else it is folded. */
    if (run.len > 0) {
        char byte = run.at[0];

        content_special(c, byte, out);
        content_pass(c, 1);
    }
}

static void content_finish(struct smtp_content *c, struct chain *out)
{
    c->is_done = true;
    if (c->form == SMTP_CONTENT_BINARY)
        return;
    if (c->line > 0 || c->held_cr)
        chain_add(out, SPAN("\r\n"));
    if (c->form == SMTP_CONTENT_DATA)
        chain_add(out, SPAN(".\r\n"));
}

bool smtp_content_write(struct smtp_content *c, struct chain *out, size_t max)
{
    size_t from = out->len;

    while (!c->is_done && out->len - from < max) {
        struct span run = content_run(c, max - (out->len - from));

        if (run.len == 0) {
            content_finish(c, out);
        } else if (c->form == SMTP_CONTENT_BINARY) {
            content_put(c, run, out);
            content_pass(c, run.len);
        } else {
            content_lines(c, run, out);
        }
    }
    return !c->is_done;
}
