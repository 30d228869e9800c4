/*
 * SMTP and LMTP clients: mails to one to three mailboxes, with DATA or BDAT, word by word or
 * pipelined, with nonsense in between. What each answer means is told to the model.
 */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/chain.h"
#include "core/base/ensure.h"
#include "tests/sim/sim_client.h"

enum {
    SMTP_AWAITED_MAX = 32,
    SMTP_MAILS_MAX = 4, /* of a session */
    SMTP_CHUNKS_MAX = 4,
    SMTP_THINK_MS = 50,
};

enum smtp_awaited {
    AWAIT_GREETING,
    AWAIT_HELLO,
    AWAIT_MAIL,
    AWAIT_RCPT, /* answers come in the order of the targets, then of the unknown recipient */
    AWAIT_DATA,
    AWAIT_CHUNK,
    AWAIT_END,
    AWAIT_ANY,
};

enum smtp_phase { /* what is said next */
    SMTP_HELLO,
    SMTP_IDLE,
    SMTP_RCPT,
    SMTP_DATA,
    SMTP_CONTENT,
    SMTP_CHUNK,
    SMTP_QUIT,
    SMTP_OVER,
};

struct smtp {
    enum smtp_phase phase;
    enum smtp_awaited awaited[SMTP_AWAITED_MAX];
    unsigned awaited_count;
    unsigned mails; /* still to send */
    bool is_extended;

    struct model_mail *mail; /* in this transaction */
    unsigned rcpt;           /* said so far */
    unsigned rcpt_answered;
    bool accepted[MODEL_TARGETS_MAX];
    unsigned accepted_count;
    bool names_nobody; /* one more recipient, who does not exist */
    bool uses_bdat, is_pipelined, may_send_data, chunk_failed;
    unsigned lmtp_answered;
    size_t chunk_at;
};

static struct model *model_of(const struct client *c)
{
    return c->run->model;
}

static bool is_lmtp(const struct client *c)
{
    return c->kind == &client_lmtp;
}

static void await(struct smtp *s, enum smtp_awaited what)
{
    ensure(s->awaited_count < SMTP_AWAITED_MAX);
    s->awaited[s->awaited_count++] = what;
}

static void smtp_begin(struct client *c)
{
    struct smtp *s = c->state;

    if (s == NULL)
        s = c->state = xmalloc(sizeof(*s));
    *s =
        (struct smtp){.phase = SMTP_HELLO, .mails = 1 + (unsigned)run_dice(c->run, SMTP_MAILS_MAX)};
    await(s, AWAIT_GREETING);
}

static bool smtp_is_waiting(const struct client *c)
{
    const struct smtp *s = c->state;

    return s->awaited_count > 0 || s->phase == SMTP_OVER;
}

static void smtp_lost(struct client *c)
{
    struct smtp *s = c->state;

    s->awaited_count = 0;
    s->mail = NULL;
}

/* ---- saying ---- */

/* All targets may have the mail once the last byte is on its way. */
static void say_end(struct client *c, struct chain *text)
{
    struct smtp *s = c->state;
    bool whole = client_say(c, chain_flat(text));

    for (unsigned i = 0; whole && i < s->mail->target_count; i++)
        model_mail_begun(model_of(c), s->mail, i);
    chain_free(text);
}

static void say(struct client *c, struct chain *text)
{
    client_say(c, chain_flat(text));
    chain_free(text);
}

static void add_rcpt(struct client *c, struct chain *out)
{
    struct smtp *s = c->state;

    if (s->rcpt < s->mail->target_count) {
        unsigned box = s->mail->targets[s->rcpt].box;
        chain_addf(out, "RCPT TO:<%s%s@sim.example>\r\n", model_account_names[box / 2],
                   box % 2 == 0 ? "" : "+box");
    } else {
        chain_add(out, SPAN("RCPT TO:<nobody@sim.example>\r\n"));
    }
    s->rcpt++;
    await(s, AWAIT_RCPT);
}

static bool has_more_rcpts(const struct smtp *s)
{
    return s->rcpt < s->mail->target_count + s->names_nobody;
}

/* Adds a chunk; true when it is the last. */
static bool add_chunk(struct client *c, struct chain *out)
{
    struct smtp *s = c->state;
    size_t left = s->mail->text.len - s->chunk_at;
    size_t len = run_one_in(c->run, 2) ? left : (size_t)run_dice(c->run, left + 1);
    bool is_last = len == left && !run_one_in(c->run, 4);

    chain_addf(out, "BDAT %zu%s\r\n", len, is_last ? " LAST" : "");
    chain_add(out, span_first(span_after(s->mail->text, s->chunk_at), len));
    s->chunk_at += len;
    await(s, is_last ? AWAIT_END : AWAIT_CHUNK);
    return is_last;
}

static void add_stuffed(struct chain *out, struct span text)
{
    while (text.len > 0) {
        const char *end = memchr(text.at, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.at) + 1 : text.len;

        if (text.at[0] == '.')
            chain_add_byte(out, '.');
        chain_add(out, span_first(text, len));
        text = span_after(text, len);
    }
    chain_add(out, SPAN(".\r\n"));
}

static void say_hello(struct client *c)
{
    struct smtp *s = c->state;
    struct chain out = {0};

    s->is_extended = is_lmtp(c) || !run_one_in(c->run, 6);
    chain_addf(&out, "%s client.example.com\r\n",
               is_lmtp(c)       ? "LHLO"
               : s->is_extended ? "EHLO"
                                : "HELO");
    await(s, AWAIT_HELLO);
    say(c, &out);
}

static void say_nonsense(struct client *c)
{
    static const char *const lines[] = {
        "NOOP",          "RSET",   "VRFY ann",      "HELP",       "XYZZY",
        "MAIL FROM:<",   "BDAT x", "RCPT TO:<ann>", "DATA",       "MAIL FROM:",
        "ETRN a.domain", "",       "EHLO [1",       "AUTH PLAIN", "STARTTLS",
    };
    struct smtp *s = c->state;
    struct chain out = {0};

    chain_addf(&out, "%s\r\n", lines[run_dice(c->run, COUNT_OF(lines))]);
    await(s, AWAIT_ANY);
    say(c, &out);
}

static unsigned choose_boxes(struct run *r, unsigned boxes[MODEL_TARGETS_MAX])
{
    unsigned count = 1 + (unsigned)run_dice(r, 3), taken = 0, n = 0;

    while (n < count) {
        unsigned box = (unsigned)run_dice(r, run_one_in(r, 2) ? 2 : MODEL_BOXES);
        if (box % 2 == 1 && !run_one_in(r, 3))
            box--; /* INBOX more often */
        if ((taken & 1u << box) == 0)
            boxes[n++] = box;
        taken |= 1u << box;
    }
    return n;
}

static bool new_mail(struct client *c)
{
    struct smtp *s = c->state;
    unsigned boxes[MODEL_TARGETS_MAX];
    unsigned count = choose_boxes(c->run, boxes);

    s->mail = model_mail_new(model_of(c), boxes, count);
    if (s->mail == NULL)
        return false;
    s->mails--;
    s->rcpt = s->rcpt_answered = s->accepted_count = s->lmtp_answered = 0;
    s->chunk_at = 0;
    memset(s->accepted, 0, sizeof(s->accepted));
    s->names_nobody = run_one_in(c->run, 6);
    s->uses_bdat = s->is_extended && run_one_in(c->run, 3);
    s->is_pipelined = s->is_extended && run_one_in(c->run, 2);
    s->may_send_data = s->chunk_failed = false;
    return true;
}

static void say_mail(struct client *c)
{
    struct smtp *s = c->state;
    struct chain out = {0};

    chain_add(&out, SPAN("MAIL FROM:<sim@example.com>"));
    if (s->is_extended && run_one_in(c->run, 3))
        chain_addf(&out, " SIZE=%zu", s->mail->text.len);
    if (s->is_extended && run_one_in(c->run, 3))
        chain_add(&out, SPAN(" BODY=8BITMIME"));
    chain_add(&out, SPAN("\r\n"));
    await(s, AWAIT_MAIL);
    s->phase = SMTP_RCPT;
    if (!s->is_pipelined) {
        say(c, &out);
        return;
    }
    while (has_more_rcpts(s))
        add_rcpt(c, &out);
    if (s->uses_bdat) {
        bool is_last = false;
        for (unsigned i = 0; i < SMTP_CHUNKS_MAX && !is_last; i++)
            is_last = add_chunk(c, &out);
        s->phase = SMTP_CHUNK;
        if (is_last)
            say_end(c, &out);
        else
            say(c, &out);
        return;
    }
    chain_add(&out, SPAN("DATA\r\n"));
    await(s, AWAIT_DATA);
    s->phase = SMTP_CONTENT;
    say(c, &out);
}

static void say_rcpt_or_data(struct client *c)
{
    struct smtp *s = c->state;
    struct chain out = {0};

    if (has_more_rcpts(s)) {
        add_rcpt(c, &out);
    } else if (s->uses_bdat) {
        s->phase = SMTP_CHUNK;
        if (add_chunk(c, &out)) {
            say_end(c, &out);
            return;
        }
    } else {
        chain_add(&out, SPAN("DATA\r\n"));
        await(s, AWAIT_DATA);
        s->phase = SMTP_CONTENT;
    }
    say(c, &out);
}

static void say_content(struct client *c)
{
    struct smtp *s = c->state;
    struct chain out = {0};

    s->phase = SMTP_IDLE;
    if (!s->may_send_data) {
        s->mail = NULL;
        chain_add(&out, SPAN("RSET\r\n"));
        await(s, AWAIT_ANY);
        say(c, &out);
        return;
    }
    add_stuffed(&out, s->mail->text);
    await(s, AWAIT_END);
    say_end(c, &out);
}

static void say_chunk(struct client *c)
{
    struct smtp *s = c->state;
    struct chain out = {0};

    if (s->mail == NULL) { /* its end was answered */
        s->phase = SMTP_IDLE;
    } else if (s->chunk_failed) {
        s->mail = NULL;
        s->phase = SMTP_IDLE;
        chain_add(&out, SPAN("RSET\r\n"));
        await(s, AWAIT_ANY);
        say(c, &out);
    } else if (add_chunk(c, &out)) {
        say_end(c, &out);
    } else {
        say(c, &out);
    }
}

static void say_next(struct client *c)
{
    struct smtp *s = c->state;

    if (run_one_in(c->run, 10)) {
        say_nonsense(c);
    } else if (s->mails == 0 || !new_mail(c)) {
        s->phase = SMTP_OVER;
        client_say(c, SPAN("QUIT\r\n"));
        await(s, AWAIT_ANY);
    } else {
        say_mail(c);
    }
}

static void smtp_act(struct client *c)
{
    struct smtp *s = c->state;

    client_think(c, SMTP_THINK_MS);
    switch (s->phase) {
    case SMTP_HELLO:
        s->phase = SMTP_IDLE;
        say_hello(c);
        break;
    case SMTP_IDLE:
        say_next(c);
        break;
    case SMTP_RCPT:
        say_rcpt_or_data(c);
        break;
    case SMTP_DATA:
    case SMTP_CONTENT:
        say_content(c);
        break;
    case SMTP_CHUNK:
        say_chunk(c);
        break;
    case SMTP_QUIT:
    case SMTP_OVER:
        break;
    }
}

/* ---- hearing ---- */

static void heard_rcpt(struct client *c, unsigned code)
{
    struct smtp *s = c->state;
    unsigned n = s->rcpt_answered++;

    if (n >= s->mail->target_count) {
        if (code / 100 == 2)
            run_violated(c->run, "%s: a recipient who does not exist was taken", c->name);
        return;
    }
    s->accepted[n] = code / 100 == 2;
    s->accepted_count += s->accepted[n];
    if (!s->accepted[n])
        model_mail_refused(model_of(c), s->mail, n);
}

static void heard_verdict(struct client *c, unsigned target, unsigned code)
{
    struct smtp *s = c->state;

    if (code / 100 == 2)
        model_mail_acked(model_of(c), s->mail, target);
    else
        model_mail_refused(model_of(c), s->mail, target);
}

/* LMTP answers for each recipient that was taken. True: this was the last answer. */
static bool heard_lmtp_end(struct client *c, unsigned code)
{
    struct smtp *s = c->state;
    unsigned i = 0;

    if (s->accepted_count == 0 || s->chunk_failed) {
        for (i = 0; i < s->mail->target_count; i++) {
            if (s->accepted[i])
                heard_verdict(c, i, 500);
        }
        return true;
    }
    for (unsigned n = 0; i < s->mail->target_count; i++) {
        if (s->accepted[i] && n++ == s->lmtp_answered)
            break;
    }
    ensure(i < s->mail->target_count);
    heard_verdict(c, i, code);
    return ++s->lmtp_answered == s->accepted_count;
}

static bool heard_end(struct client *c, unsigned code)
{
    struct smtp *s = c->state;

    if (is_lmtp(c)) {
        if (!heard_lmtp_end(c, code))
            return false;
    } else {
        if (code / 100 == 2 && s->accepted_count == 0)
            run_violated(c->run, "%s: a mail without recipients was taken", c->name);
        for (unsigned i = 0; i < s->mail->target_count; i++) {
            if (s->accepted[i])
                heard_verdict(c, i, code);
        }
    }
    s->mail = NULL;
    return true;
}

/* The first awaited answer; true when nothing more belongs to it. */
static bool heard_awaited(struct client *c, unsigned code)
{
    struct smtp *s = c->state;

    switch (s->awaited[0]) {
    case AWAIT_GREETING:
    case AWAIT_HELLO:
        if (code / 100 != 2)
            s->phase = SMTP_OVER;
        return true;
    case AWAIT_RCPT:
        heard_rcpt(c, code);
        return true;
    case AWAIT_DATA:
        s->may_send_data = code == 354;
        return true;
    case AWAIT_CHUNK:
        s->chunk_failed |= code / 100 != 2;
        return true;
    case AWAIT_END:
        return heard_end(c, code);
    case AWAIT_MAIL:
    case AWAIT_ANY:
        return true;
    }
    return true;
}

/* The length of a whole reply, 0 when it is not there yet; its code. */
static size_t reply_len(struct client *c, struct span heard, unsigned *code_r)
{
    size_t at = 0;

    for (;;) {
        struct span rest = span_after(heard, at);
        const char *end = rest.len > 0 ? memchr(rest.at, '\n', rest.len) : NULL;
        size_t len;

        if (end == NULL)
            return 0;
        len = (size_t)(end - rest.at) + 1;
        at += len;
        if (len < 6 || rest.at[0] < '2' || rest.at[0] > '5' || rest.at[len - 2] != '\r' ||
            (rest.at[3] != ' ' && rest.at[3] != '-')) {
            run_violated(c->run, "%s: this is no SMTP reply: %.*s", c->name, (int)len, rest.at);
            return 0;
        }
        *code_r = (unsigned)((rest.at[0] - '0') * 100 + (rest.at[1] - '0') * 10 + rest.at[2] - '0');
        if (rest.at[3] == ' ')
            return at;
    }
}

static size_t smtp_hear(struct client *c, struct span heard)
{
    struct smtp *s = c->state;
    unsigned code;
    size_t len = reply_len(c, heard, &code);

    if (len == 0)
        return 0;
    if (code == 421 || code == 521) { /* it hangs up: nothing more is answered */
        s->phase = SMTP_OVER;
        s->awaited_count = 0;
        return len;
    }
    if (s->awaited_count == 0) {
        if (s->phase != SMTP_OVER)
            run_violated(c->run, "%s: an answer to nothing: %.*s", c->name, (int)len, heard.at);
        return len;
    }
    if (heard_awaited(c, code)) {
        s->awaited_count--;
        memmove(s->awaited, s->awaited + 1, s->awaited_count * sizeof(*s->awaited));
    }
    return len;
}

const struct client_kind client_smtp = {"smtp",          CLIENT_SMTP_PORT, smtp_begin, smtp_hear,
                                        smtp_is_waiting, smtp_act,         smtp_lost,  NULL};
const struct client_kind client_lmtp = {"lmtp",          CLIENT_LMTP_PORT, smtp_begin, smtp_hear,
                                        smtp_is_waiting, smtp_act,         smtp_lost,  NULL};
