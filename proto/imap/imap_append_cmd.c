/*
 * imap_append_cmd: APPEND (RFC 3501 6.3.11) of one message or several (RFC 3502).
 *
 * A message is not part of the command's text: its bytes go to the store block by block as they
 * come. What is wrong is said before the "+" of a literal that waits for one; the bytes of one that
 * comes unasked are passed over, so that the next command is found where it begins.
 */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "proto/imap/imap_flags.h"
#include "proto/imap/imap_private.h"
#include "proto/imap/imap_token.h"
#include "proto/text/date.h"
#include "proto/text/scan.h"

bool imap_append_is_message(struct span text)
{
    struct span tag;

    /* The literal directly behind the word is the mailbox's name. */
    return imap_token_tag(&text, &tag) && imap_token_space(&text) &&
           imap_token_word(&text, "APPEND") && imap_token_space(&text) && text.len > 0;
}

static bool append_always(struct span text)
{
    (void)text;
    return true;
}

/* ---- what goes wrong ---- */

/* The command has its answer; is some of its literal still on its way? */
static void append_pass_over(struct imap_session *s, uint64_t left)
{
    if (s->base.want == SESSION_WANT_CLOSE)
        return;
    if (left > IMAP_APPEND_SKIP_MAX) {
        chain_add(&s->base.out, SPAN("* BYE Literal too long.\r\n"));
        imap_close(s, "Literal too long");
        return;
    }
    imap_reader_skip(&s->reader, (uint32_t)left, IMAP_APPEND_SKIP_MAX);
}

void imap_append_given_up(struct imap_session *s)
{
    struct imap_appending a = s->append;

    s->append = (struct imap_appending){0};
    if (a.comes)
        append_pass_over(s, a.left);
}

static void append_refuse(struct imap_session *s, struct span text)
{
    imap_no(s, text);
    imap_append_given_up(s);
}

static void append_bad(struct imap_session *s, const char *why)
{
    imap_bad(s, why);
    imap_append_given_up(s);
}

/* ---- what stands in front of a message ---- */

static struct imap_append_message *append_message_new(struct imap_append_request *r)
{
    if ((r->message_count & (r->message_count - 1)) == 0)
        r->messages = xrealloc(r->messages, (r->message_count * 2 + 1) * sizeof(*r->messages));
    r->messages[r->message_count] = (struct imap_append_message){0};
    return &r->messages[r->message_count++];
}

static enum imap_flags_result append_flags(struct imap_session *s, struct span *at,
                                           struct imap_append_message *m)
{
    const struct imap_settings *settings = imap_settings_of(s);
    struct imap_flag_list list = {0};
    enum imap_flags_result result;

    if (at->len == 0 || at->at[0] != '(')
        return IMAP_FLAGS_OK;
    result = imap_flags_parse(at, settings->keyword_max, settings->keyword_size, &list);
    m->flags = list.flags;
    m->keywords = list.keywords;
    m->keyword_count = list.keyword_count;
    return result != IMAP_FLAGS_OK || imap_token_space(at) ? result : IMAP_FLAGS_SYNTAX;
}

static bool append_date(struct imap_session *s, struct span *at, struct imap_append_message *m)
{
    struct date date = {s->base.now_us / 1000000, 0};
    struct span text;

    m->received_us = s->base.now_us;
    if (at->len == 0 || at->at[0] != '"')
        return true;
    if (!imap_token_string(at, &text) || !date_parse_imap(text, &date) || !imap_token_space(at))
        return false;
    m->received_us = date.s * 1000000;
    m->zone_minutes = date.zone;
    return true;
}

/* " (\Seen) "15-Jul-2020 16:31:24 +0000" ", up to the literal. False: it was answered. */
static bool append_head(struct imap_session *s, struct imap_append_request *r, struct span at)
{
    struct imap_append_message *m = append_message_new(r);
    enum imap_flags_result result = IMAP_FLAGS_SYNTAX;

    if (imap_token_space(&at))
        result = append_flags(s, &at, m);
    if (result == IMAP_FLAGS_OK && append_date(s, &at, m) && scan_end(&at))
        return true;
    if (result == IMAP_FLAGS_TOO_LONG)
        append_refuse(s, SPAN("[LIMIT] Keyword is too long."));
    else if (result == IMAP_FLAGS_TOO_MANY)
        append_refuse(s, SPAN("[LIMIT] Too many keywords."));
    else
        append_bad(s, NULL);
    return false;
}

/* Does what is announced fit? False: it was answered. */
static bool append_fits(struct imap_session *s, const struct imap_append_request *r)
{
    const struct imap_settings *settings = imap_settings_of(s);
    uint64_t left = s->append.left;

    if (left == 0)
        append_refuse(s, SPAN("[CANNOT] Can't save a zero byte message."));
    else if (left > settings->message_size_limit)
        append_refuse(s, SPAN("[TOOBIG] Message is too large."));
    else if (s->base.stress >= SESSION_SHORT)
        append_refuse(s, SPAN("[UNAVAILABLE] Please try again later."));
    else if (r->message_count > IMAP_APPEND_MESSAGES_MAX ||
             (r->message_count > 1 && s->append.total + left > IMAP_APPEND_TOTAL_MAX))
        append_refuse(s, SPAN("[LIMIT] Too many messages in one APPEND."));
    else
        return true;
    return false;
}

/* ---- asking ---- */

static void append_ask(struct imap_session *s)
{
    struct imap_append_request *r = s->append.request;

    s->append.request = NULL;
    s->append.block = 0;
    imap_ask(s, &r->imap);
}

/* The message may come. One that waits is first asked about, and so is one behind another, whose
 * last bytes go to the store under its own number. */
static void append_begin(struct imap_session *s, struct imap_append_request *r)
{
    s->append.request = r;
    s->append.is_announced = false;
    s->append.total += s->append.left;
    s->mode = IMAP_MODE_APPEND;
    if (!s->append.comes || r->body.len > 0)
        append_ask(s);
    else
        r->body_of = r->message_count - 1;
}

void imap_append_cmd(struct imap_session *s, struct span args)
{
    struct imap_append_request *r;

    if (!s->append.is_announced) {
        imap_bad(s, NULL);
        return;
    }
    r = imap_request_new(REQUEST_IMAP_APPEND, sizeof(*r));
    if (imap_mailbox_arg(s, &args, r->name, &r->name_len) && append_head(s, r, args) &&
        append_fits(s, r))
        append_begin(s, r);
    else
        imap_drop(&r->imap);
}

/* ---- the bytes of a message ---- */

/* Lines end in CRLF in the store: an LF alone becomes one. */
static void append_add(struct imap_session *s, struct span bytes)
{
    struct chain *body = &s->append.request->body;
    const char *from = bytes.at, *end = bytes.at + bytes.len, *lf;

    for (const char *at = from; (lf = memchr(at, '\n', (size_t)(end - at))) != NULL; at = lf + 1) {
        bool after_cr = lf > bytes.at ? lf[-1] == '\r' : s->append.after_cr;

        if (after_cr)
            continue;
        chain_add(body, (struct span){from, (size_t)(lf - from)});
        chain_add(body, SPAN("\r\n"));
        from = lf + 1;
    }
    chain_add(body, (struct span){from, (size_t)(end - from)});
    s->append.after_cr = end[-1] == '\r';
}

/* Blocks are counted as they come, so that they are the same in all cuts. */
static size_t append_body(struct imap_session *s, struct span bytes)
{
    uint32_t room = IMAP_APPEND_BLOCK - s->append.block;

    bytes = span_first(bytes, s->append.left < room ? (size_t)s->append.left : room);
    s->append.left -= bytes.len;
    s->append.block += (uint32_t)bytes.len;
    if (memchr(bytes.at, '\0', bytes.len) != NULL) {
        append_refuse(s, SPAN("[CANNOT] Message contains NUL characters."));
        return bytes.len;
    }
    append_add(s, bytes);
    if (s->append.block == IMAP_APPEND_BLOCK)
        append_ask(s);
    return bytes.len;
}

/* ---- behind a message ---- */

/* A further one is announced: what the reader has is what stands in front of it. */
static void append_next(struct imap_session *s)
{
    struct imap_append_request *r = s->append.request;
    uint32_t len;
    char *text;

    s->append.left = s->reader.announced;
    s->append.comes = s->reader.comes_unasked;
    s->append.after_cr = false;
    text = imap_reader_take(&s->reader, &len);
    if (!append_head(s, r, (struct span){text, len})) {
        free(text);
        return;
    }
    r->messages[r->message_count - 1].text = text;
    if (append_fits(s, r))
        append_begin(s, r);
}

static void append_end(struct imap_session *s)
{
    uint32_t len;
    char *text = imap_reader_take(&s->reader, &len);

    free(text);
    s->append.comes = false;
    if (len > 0) {
        append_bad(s, NULL);
        return;
    }
    s->append.request->is_complete = true;
    append_ask(s);
}

static size_t append_line(struct imap_session *s, struct span bytes)
{
    struct imap_reader_limits limits = {
        .command_size = imap_settings_of(s)->command_size,
        .is_message = append_always,
    };
    enum imap_read what;
    size_t eaten = imap_reader_input(&s->reader, &limits, bytes, &what);

    if (what == IMAP_READ_MESSAGE) {
        append_next(s);
    } else if (what == IMAP_READ_COMMAND) {
        append_end(s);
    } else if (what != IMAP_READ_NOTHING) { /* the reader passes over the rest, if there is any */
        imap_bad(s, what == IMAP_READ_BARE_LF ? "Lines end in CR and LF." : "Too long.");
        s->append = (struct imap_appending){0};
    }
    return eaten;
}

size_t imap_append_input(struct imap_session *s, struct span bytes)
{
    return s->append.left > 0 ? append_body(s, bytes) : append_line(s, bytes);
}

/* ---- answers ---- */

static void append_failed(struct imap_session *s, enum request_status status)
{
    switch (status) {
    case REQUEST_NOT_FOUND:
        append_refuse(s, SPAN("[TRYCREATE] Mailbox doesn't exist."));
        break;
    case REQUEST_FULL:
        append_refuse(s, SPAN("[OVERQUOTA] There is no room for this."));
        break;
    case REQUEST_REFUSED:
        append_refuse(s, SPAN("[LIMIT] Too many keywords."));
        break;
    default:
        append_refuse(s, SPAN("[UNAVAILABLE] Please try again later."));
        break;
    }
}

/* RFC 4315 3: one UID, or the range of them. */
static void append_done(struct imap_session *s, const struct imap_append_request *r)
{
    struct chain text = {0};

    chain_addf(&text, "[APPENDUID %u %u", r->uid_validity, r->uid);
    if (r->message_count > 1)
        chain_addf(&text, ":%u", r->uid + r->message_count - 1);
    chain_add(&text, SPAN("] Append completed."));
    imap_ok_text(s, chain_flat(&text));
    chain_free(&text);
    s->append = (struct imap_appending){0};
}

void imap_append_answered(struct imap_session *s, struct request *answered)
{
    struct imap_append_request *r = (struct imap_append_request *)answered;

    r->imap.out_bytes = 0;
    s->append.request = r;
    if (answered->status != REQUEST_OK) {
        append_failed(s, answered->status);
    } else if (r->is_complete) {
        append_done(s, r);
    } else {
        r->body_of = r->message_count - 1;
        if (!s->append.comes)
            chain_add(&s->base.out, SPAN("+ OK\r\n"));
        s->append.comes = true;
    }
}
