#include "proto/imap/imap_private.h"
#include "proto/text/scan.h"

enum {
    IDLE_LINE_MAX = 64, /* bytes in which a line must end */
};

void imap_sync_ask(struct imap_session *s)
{
    struct imap_sync_request *r = imap_request_new(REQUEST_IMAP_SYNC, sizeof(*r));

    imap_ask(s, &r->imap);
}

void imap_idle_cmd(struct imap_session *s, struct span args)
{
    if (!scan_end(&args)) {
        imap_bad(s, NULL);
        return;
    }
    chain_add(&s->base.out, SPAN("+ idling\r\n"));
    s->mode = IMAP_MODE_IDLE;
    /* What came since the last command is told now; from here on the watch says when. */
    if (s->state == IMAP_SELECTED)
        imap_sync_ask(s);
}

/* A sync that failed is tried again with the next poke: IDLE itself can't fail. */
void imap_idle_answered(struct imap_session *s, struct request *r)
{
    (void)s;
    (void)r;
}

size_t imap_idle_line(struct imap_session *s, struct span bytes)
{
    const char *lf = memchr(bytes.at, '\n', bytes.len);
    struct span line = span_first(bytes, lf == NULL ? bytes.len : (size_t)(lf - bytes.at));

    if (lf == NULL && bytes.len <= IDLE_LINE_MAX)
        return 0;
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    if (lf != NULL && span_eq_nocase(line, SPAN("DONE"))) {
        imap_ok(s);
        return (size_t)(lf - bytes.at) + 1;
    }
    /* The line is no command either, nor are its literals. */
    imap_bad(s, "Expected DONE.");
    s->reader.skips = true;
    return 0;
}
