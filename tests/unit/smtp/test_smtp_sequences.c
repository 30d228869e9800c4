/*
 * All sequences of 14 kinds of command up to a length of 4, under a policy that accepts, rejects or
 * wants them later, against a small model: which code each gets, and what is asked of the store
 * (HOSTILE S60 and section 11). No sequence may leave anything of one message to the next.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/attr.h"
#include "tests/session/smtp_world.h"

enum kind {
    HELO,
    EHLO,
    MAIL,
    BAD_MAIL,
    RCPT,
    BAD_RCPT,
    DATA,
    CHUNK,
    LAST,
    RSET,
    NOOP,
    VRFY,
    ETRN,
    JUNK,
    KINDS
};

enum {
    LENGTH = 4
};

static const char *const texts[KINDS] = {
    [HELO] = "HELO x\r\n",
    [EHLO] = "EHLO x\r\n",
    [MAIL] = "MAIL FROM:<a@b>\r\n",
    [BAD_MAIL] = "MAIL FROM:<a@b> FOO=1\r\n",
    [RCPT] = "RCPT TO:<ann>\r\n",
    [BAD_RCPT] = "RCPT TO:<>\r\n",
    [DATA] = "DATA\r\n",
    [CHUNK] = "BDAT 3\r\nx\r\n",
    [LAST] = "BDAT 3 LAST\r\nx\r\n",
    [RSET] = "RSET\r\n",
    [NOOP] = "NOOP\r\n",
    [VRFY] = "VRFY ann\r\n",
    [ETRN] = "ETRN x\r\n",
    [JUNK] = "JUNK\r\n",
};

enum policy {
    ACCEPT,
    REJECT,
    LATER,
    POLICIES
};

static const struct smtp_verdict verdicts[POLICIES] = {
    [ACCEPT] = {250, false, "",      ""     },
    [REJECT] = {554, true,  "5.7.1", "no"   },
    [LATER] = {451, true,  "4.3.0", "later"},
};

/* ---- the model ---- */

enum place {
    READY,
    HAS_MAIL,
    ALL_REFUSED,
    HAS_RCPT,
    HAS_CHUNK
};

struct model {
    enum place place;
    unsigned stored, chunks;
};

static unsigned model_mail(struct model *m, enum policy policy)
{
    if (m->place != READY)
        return 503;
    if (policy != ACCEPT)
        return verdicts[policy].code;
    m->place = HAS_MAIL;
    return 250;
}

/* The policy for recipients is that of the row; that for senders accepts whenever one is needed. */
static unsigned model_rcpt(struct model *m, enum policy policy)
{
    if (m->place == READY || m->place == HAS_CHUNK)
        return 503;
    if (policy != ACCEPT) {
        if (m->place == HAS_MAIL)
            m->place = ALL_REFUSED;
        return verdicts[policy].code;
    }
    m->place = HAS_RCPT;
    return 250;
}

static unsigned model_body(struct model *m, bool chunk, bool last)
{
    if (m->place == READY || m->place == HAS_MAIL)
        return 503;
    if (m->place == ALL_REFUSED)
        return 554;
    if (m->place == HAS_CHUNK && !chunk)
        return 503;
    m->chunks++;
    m->place = HAS_CHUNK;
    if (!last)
        return 250;
    m->stored++;
    m->place = READY;
    m->chunks = 0;
    return 250;
}

static unsigned model_step(struct model *m, enum kind kind, enum policy sender, enum policy rcpt)
{
    switch (kind) {
    case HELO:
    case EHLO:
    case RSET:
        m->place = READY;
        m->chunks = 0;
        return 250;
    case MAIL:
        return model_mail(m, sender);
    case BAD_MAIL:
        return m->place == READY ? 555 : 503;
    case RCPT:
        return model_rcpt(m, rcpt);
    case BAD_RCPT:
        return m->place == READY || m->place == HAS_CHUNK ? 503 : 501;
    case DATA:
        return model_body(m, false, true);
    case CHUNK:
        return model_body(m, true, false);
    case LAST:
        return model_body(m, true, true);
    case NOOP:
        return 250;
    case VRFY:
        return 252;
    case ETRN:
        return m->place == READY ? 459 : 503;
    default:
        return 500;
    }
}

/* ---- the session ---- */

struct real {
    struct session *session;
    unsigned stored, recipients;
    size_t body;
};

static void store(struct real *r)
{
    struct request *request = session_take_request(r->session);
    struct smtp_store_request *mail = CONTAINER_OF(request, struct smtp_store_request, base);

    r->stored++;
    r->recipients = mail->recipient_count;
    r->body = mail->body.len;
    request->status = REQUEST_OK;
    r->session->ops->reply(r->session, request);
}

/* The code of the last answer to these bytes; 0 when there is none. */
static unsigned say(struct real *r, struct span bytes)
{
    struct session *s = r->session;
    struct span out;
    unsigned code = 0;

    while (bytes.len > 0 && s->want == SESSION_WANT_INPUT) {
        bytes = span_after(bytes, session_feed(s, bytes));
        if (s->want == SESSION_WANT_REPLY)
            store(r);
    }
    out = chain_flat(&s->out);
    for (size_t i = 0; i + 3 < out.len; i++) {
        if ((i == 0 || out.at[i - 1] == '\n') && out.at[i + 3] == ' ')
            code = (unsigned)strtoul(out.at + i, NULL, 10);
    }
    chain_drop(&s->out, s->out.len);
    return code;
}

static unsigned real_step(struct real *r, enum kind kind)
{
    unsigned code = say(r, span_str(texts[kind]));

    return code == 354 ? say(r, SPAN("x\r\n.\r\n")) : code;
}

/* ---- both ---- */

static void show(const enum kind *sequence, unsigned count, enum policy sender, enum policy rcpt)
{
    for (unsigned i = 0; i < count; i++)
        printf("%s", texts[sequence[i]]);
    printf("sender %d, recipients %d\n", sender, rcpt);
}

/* An inserted blank line and the chunk itself: the body is that of this message alone. */
static bool body_is_right(const struct real *r, unsigned chunks)
{
    return r->recipients > 0 && r->recipients <= LENGTH && r->body == 2 + 3 * (size_t)chunks;
}

static bool play(const enum kind *sequence, unsigned count, enum policy sender, enum policy rcpt)
{
    struct smtp_world world;
    struct model m = {0};
    struct real r = {0};
    bool same = true;

    smtp_world_init(&world, false, NULL);
    world.mail_verdict = verdicts[sender];
    world.rcpt_verdict = verdicts[rcpt];
    r.session = smtp_world_session(&world);
    r.session->ops->start(r.session);
    chain_drop(&r.session->out, r.session->out.len);
    for (unsigned i = 0; i < count && same; i++) {
        unsigned before = m.stored, chunks = m.chunks + 1;
        unsigned wanted = model_step(&m, sequence[i], sender, rcpt);
        unsigned got = real_step(&r, sequence[i]);

        same = got == wanted && r.stored == m.stored;
        if (same && m.stored > before)
            same = body_is_right(&r, chunks);
        if (!same) {
            show(sequence, i + 1, sender, rcpt);
            printf("got %u, wanted %u; stored %u, wanted %u\n", got, wanted, r.stored, m.stored);
        }
    }
    r.session->ops->end(r.session);
    return same;
}

int main(void)
{
    unsigned passed = 0, failed = 0;
    enum kind sequence[LENGTH];
    unsigned long all = 1;

    for (unsigned i = 0; i < LENGTH; i++)
        all *= KINDS;
    for (unsigned long n = 0; n < all && failed < 10; n++) {
        unsigned long rest = n;

        for (unsigned i = 0; i < LENGTH; i++, rest /= KINDS)
            sequence[i] = (enum kind)(rest % KINDS);
        for (enum policy p = ACCEPT; p < POLICIES; p++) {
            play(sequence, LENGTH, ACCEPT, p) ? passed++ : failed++;
            if (p != ACCEPT)
                play(sequence, LENGTH, p, p) ? passed++ : failed++;
        }
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
