#include "proto/smtp/smtp_client.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "proto/smtp/smtp_client_private.h"

const struct smtp_client_settings smtp_client_settings_default = {
    .helo_name = "localhost",
    .myhostname = "",
    .pipelines_mails = true,
    .line_length_limit = 998,
    .helo_timeout_ms = 300 * 1000,
    .starttls_timeout_ms = 300 * 1000,
    .mail_timeout_ms = 300 * 1000,
    .rcpt_timeout_ms = 300 * 1000,
    .data_init_timeout_ms = 120 * 1000,
    .data_xfer_timeout_ms = 180 * 1000,
    .data_done_timeout_ms = 600 * 1000,
    .rset_timeout_ms = 20 * 1000,
};

static struct smtp_client_session *client_of(struct session *base)
{
    return CONTAINER_OF(base, struct smtp_client_session, base);
}

void smtp_client_command(struct smtp_client_session *s, const char *line)
{
    chain_add(&s->base.out, span_str(line));
    chain_add(&s->base.out, SPAN("\r\n"));
}

bool smtp_client_can_pipeline(const struct smtp_client_session *s)
{
    return s->offers & SMTP_EXT_PIPELINING;
}

/* ---- mails come and go ---- */

/* The first mail goes back. */
static void mail_done(struct smtp_client_session *s)
{
    struct smtp_client_mail *m = s->mails;

    s->mails = m->next;
    m->next = NULL;
    if (s->sending == m)
        smtp_client_content_drop(s);
    for (unsigned i = 0; i < m->recipient_count; i++) {
        struct smtp_client_recipient *r = &m->recipients[i];

        r->result.is_relayed = r->result.outcome == SMTP_CLIENT_DELIVERED &&
                               (r->notify & SMTP_NOTIFY_SUCCESS) && !(s->offers & SMTP_EXT_DSN);
    }
    s->host->done(s->host, m);
}

static void mails_ask(struct smtp_client_session *s)
{
    s->base.is_engaged = false;
    s->request->base.kind = REQUEST_RELAY_NEXT;
    s->request->base.status = REQUEST_OPEN;
    s->request->base.session = &s->base;
    s->request->host = s->host;
    s->request->mails = NULL;
    s->base.request = &s->request->base;
    s->request = NULL;
    s->base.want = SESSION_WANT_REPLY;
}

/* The first mail that fits begins; the others go back. */
static void mails_begin(struct smtp_client_session *s)
{
    while (s->mails != NULL && s->mails->state.stage == SMTP_CLIENT_WAITS &&
           !smtp_client_mail_fits(s, s->mails))
        mail_done(s);
    if (s->mails == NULL) {
        mails_ask(s);
        return;
    }
    s->base.is_engaged = true;
    if (s->mails->state.stage == SMTP_CLIENT_WAITS)
        smtp_client_mail_write(s, s->mails);
    else if (s->mails->state.stage == SMTP_CLIENT_END)
        smtp_client_ahead(s);
}

void smtp_client_next(struct smtp_client_session *s)
{
    mail_done(s);
    mails_begin(s);
}

void smtp_client_ahead(struct smtp_client_session *s)
{
    struct smtp_client_mail *next = s->mails->next;

    if (next != NULL && next->state.stage == SMTP_CLIENT_WAITS && s->settings->pipelines_mails &&
        smtp_client_can_pipeline(s) && s->mails->state.stage == SMTP_CLIENT_END &&
        smtp_client_mail_may(s, next))
        smtp_client_mail_write(s, next);
}

void smtp_client_ready(struct smtp_client_session *s)
{
    s->state = SMTP_CLIENT_READY;
    s->was_ready = true;
    mails_begin(s);
}

/* ---- the end ---- */

/* Was it touched so little that another connection can begin it anew, as if nothing had been? */
static bool is_untouched(const struct smtp_client_session *s, const struct smtp_client_mail *m,
                         bool is_first, bool is_ours)
{
    if (m->state.stage == SMTP_CLIENT_WAITS)
        return s->was_ready || is_ours;
    if (m->state.stage == SMTP_CLIENT_END)
        return false;
    return is_ours || (m->state.answered == 0 && (!is_first || s->mails_ended > 0));
}

/* All mails go back. `is_answer`: what happened answers the first of them. */
static void client_end(struct smtp_client_session *s, struct smtp_client_result *why,
                       bool is_answer, bool is_ours)
{
    bool is_first = true;

    s->state = SMTP_CLIENT_OVER;
    s->base.want = SESSION_WANT_CLOSE;
    s->base.more = false;
    s->has_trouble = true;
    s->trouble = *why;
    while (s->mails != NULL) {
        struct smtp_client_mail *m = s->mails;
        struct smtp_client_result result = smtp_client_result_copy(why);

        result.is_uncertain = m->state.stage == SMTP_CLIENT_END && !(is_answer && is_first);
        if (is_untouched(s, m, is_first, is_ours))
            smtp_client_result_drop(&result);
        else
            smtp_client_settle(m, &result);
        is_first = false;
        mail_done(s);
    }
    *why = (struct smtp_client_result){0};
}

void smtp_client_refuse(struct smtp_client_session *s, struct smtp_client_result *why)
{
    smtp_client_command(s, "QUIT");
    client_end(s, why, true, false);
}

void smtp_client_abort(struct smtp_client_session *s, struct smtp_client_result *why)
{
    bool is_one_of_many =
        s->target->is_lmtp && s->mails != NULL && s->mails->state.stage == SMTP_CLIENT_END;

    if (s->sending != NULL)
        chain_free(&s->base.out); /* half a message is nobody's */
    client_end(s, why, !is_one_of_many, false);
}

static void client_lost(struct smtp_client_session *s, const char *status, const char *what)
{
    struct smtp_client_result why =
        smtp_client_judged(s, SMTP_CLIENT_OF_HOST, status, what, span_str(smtp_client_doing(s)));

    if (s->sending != NULL)
        chain_free(&s->base.out);
    client_end(s, &why, false, false);
}

/* ---- answers ---- */

static uint32_t client_timeout_ms(const struct smtp_client_session *s)
{
    const struct smtp_client_settings *t = s->settings;

    if (s->state == SMTP_CLIENT_STARTTLS)
        return t->starttls_timeout_ms;
    if (s->state != SMTP_CLIENT_READY || s->mails == NULL)
        return t->helo_timeout_ms;
    if (s->reset_asked)
        return t->rset_timeout_ms;
    switch ((enum smtp_client_stage)s->mails->state.stage) {
    case SMTP_CLIENT_CONTENT:
        return t->data_xfer_timeout_ms;
    case SMTP_CLIENT_END:
        return t->data_done_timeout_ms;
    case SMTP_CLIENT_WAITS:
    case SMTP_CLIENT_ENVELOPE:
    case SMTP_CLIENT_DATA:
        break;
    }
    if (s->mails->state.answered == 0)
        return t->mail_timeout_ms;
    return s->mails->state.answered <= s->mails->recipient_count ? t->rcpt_timeout_ms
                                                                 : t->data_init_timeout_ms;
}

/* Which command the reply in hand is for. */
static const char *command_answered(const struct smtp_client_session *s)
{
    const struct smtp_client_mail *m = s->mails;

    if (s->reset_asked)
        return "RSET command";
    if (m->state.answered == 0)
        return "MAIL FROM command";
    if (m->state.answered <= m->recipient_count)
        return "RCPT TO command";
    return m->state.stage == SMTP_CLIENT_DATA  ? "DATA command"
           : m->state.stage == SMTP_CLIENT_END ? "end of DATA command"
                                               : "message content";
}

/* All commands of the envelope have their answers; those that were not asked will not be. */
static bool envelope_is_answered(const struct smtp_client_mail *m)
{
    return m->state.answered == m->state.rcpts_asked + 1;
}

static void ready_answered(struct smtp_client_session *s)
{
    struct smtp_client_mail *m = s->mails;
    struct smtp_client_result why;

    if (s->reply.code == 421) {
        why = smtp_client_said(s, SMTP_CLIENT_OF_HOST, command_answered(s));
        smtp_client_abort(s, &why);
    } else if (s->reset_asked) {
        s->reset_asked = false;
        smtp_client_mail_write(s, m);
    } else if (envelope_is_answered(m)) {
        smtp_client_data_answered(s, m);
    } else {
        smtp_client_mail_answered(s, m);
    }
}

static void client_answered(struct smtp_client_session *s)
{
    static void (*const answered[])(struct smtp_client_session * s) = {
        [SMTP_CLIENT_GREETING] = smtp_client_greeted,
        [SMTP_CLIENT_EHLO] = smtp_client_ehlo_answered,
        [SMTP_CLIENT_HELO] = smtp_client_helo_answered,
        [SMTP_CLIENT_STARTTLS] = smtp_client_starttls_answered,
        [SMTP_CLIENT_AUTH] = smtp_client_auth_answered,
        [SMTP_CLIENT_READY] = ready_answered,
    };

    ensure(s->state < COUNT_OF(answered) && answered[s->state] != NULL);
    answered[s->state](s);
    s->reply_us = 0;
    smtp_reply_begin(&s->reply);
}

/* ---- the session ---- */

static void client_start(struct session *base)
{
    struct smtp_client_session *s = client_of(base);

    s->state = SMTP_CLIENT_GREETING;
    s->base.idle_ms = client_timeout_ms(s);
}

/* A reply that comes in drops must be whole in the time that a whole one has. */
static void client_watch(struct smtp_client_session *s)
{
    int64_t limit_us = (int64_t)client_timeout_ms(s) * 1000;

    if (s->reply_us == 0)
        s->reply_us = s->base.now_us;
    if (s->base.now_us - s->reply_us > limit_us)
        client_lost(s, "4.4.2", "conversation with %s timed out while ");
}

static void client_garbled(struct smtp_client_session *s)
{
    struct smtp_client_result why =
        smtp_client_judged(s, SMTP_CLIENT_OF_HOST, "4.5.0",
                           "malformed reply from host %s: ", smtp_reply_text(&s->reply));

    if (s->sending != NULL)
        chain_free(&s->base.out);
    client_end(s, &why, false, false);
}

static void client_line(struct smtp_client_session *s, struct span line)
{
    switch (smtp_reply_line(&s->reply, line)) {
    case SMTP_REPLY_BAD:
        client_garbled(s);
        return;
    case SMTP_REPLY_LONG:
        client_lost(s, "4.4.2", "reply without end from %s while ");
        return;
    case SMTP_REPLY_MORE:
    case SMTP_REPLY_DONE:
        break;
    }
    if (s->state == SMTP_CLIENT_EHLO && s->reply.code == 250)
        smtp_client_keyword(s, smtp_reply_words(line), s->reply.lines == 1);
    if (line.len > 3 && line.at[3] == '-')
        client_watch(s);
    else
        client_answered(s);
}

/* Whoever sends something behind the answer to STARTTLS wants it taken for what comes under TLS
 * (CVE-2021-38371, HOSTILE R03). */
static void client_check_injection(struct smtp_client_session *s, struct span rest)
{
    if (s->base.want != SESSION_WANT_TLS || rest.len == 0)
        return;
    client_lost(s, "4.7.0", "data behind the answer to STARTTLS from %s while ");
}

static size_t client_input(struct session *base, struct span bytes)
{
    struct smtp_client_session *s = client_of(base);
    const char *lf = memchr(bytes.at, '\n', span_first(bytes, SMTP_REPLY_LINE_MAX).len);
    size_t len;

    if (lf == NULL && bytes.len < SMTP_REPLY_LINE_MAX) {
        client_watch(s);
        return 0;
    }
    if (lf == NULL) {
        client_lost(s, "4.4.2", "reply without end from %s while ");
        return bytes.len;
    }
    len = (size_t)(lf - bytes.at);
    client_line(s, span_first(bytes, len > 0 && lf[-1] == '\r' ? len - 1 : len));
    client_check_injection(s, span_after(bytes, len + 1));
    s->base.idle_ms = client_timeout_ms(s);
    return len + 1;
}

static void client_reply(struct session *base, struct request *answered)
{
    struct smtp_client_session *s = client_of(base);

    s->request = CONTAINER_OF(answered, struct smtp_client_request, base);
    s->mails = s->request->base.status == REQUEST_OK ? s->request->mails : NULL;
    if (s->mails == NULL) {
        s->state = SMTP_CLIENT_OVER;
        s->base.want = SESSION_WANT_CLOSE;
        smtp_client_command(s, "QUIT");
        return;
    }
    s->base.want = SESSION_WANT_INPUT;
    mails_begin(s);
    s->base.idle_ms = client_timeout_ms(s);
}

static void client_room(struct session *base)
{
    struct smtp_client_session *s = client_of(base);

    smtp_client_content_step(s);
    s->base.idle_ms = client_timeout_ms(s);
}

static void client_tls_started(struct session *base, const struct session_tls *tls UNUSED)
{
    struct smtp_client_session *s = client_of(base);

    s->is_tls = true;
    if (s->state != SMTP_CLIENT_SHAKING)
        return;
    s->base.want = SESSION_WANT_INPUT;
    smtp_client_hello(s);
    s->base.idle_ms = client_timeout_ms(s);
}

static void client_hangup(struct session *base, enum session_end why)
{
    struct smtp_client_session *s = client_of(base);
    struct smtp_client_result ours;

    if (s->state == SMTP_CLIENT_OVER) {
        s->base.want = SESSION_WANT_CLOSE;
    } else if (base->trouble != NULL &&
               (s->state == SMTP_CLIENT_SHAKING || s->state == SMTP_CLIENT_NEW)) {
        s->tls_failed = true;
        ours = smtp_client_judged(s, SMTP_CLIENT_OF_HOST, "4.7.5",
                                  "Cannot start TLS: ", span_str(base->trouble));
        client_end(s, &ours, false, false);
    } else if (why == SESSION_PEER_CLOSED) {
        client_lost(s, "4.4.2", "lost connection with %s while ");
    } else if (why == SESSION_TIMED_OUT) {
        client_lost(s, "4.4.2", "conversation with %s timed out while ");
    } else {
        ours = smtp_client_judged(s, SMTP_CLIENT_OF_HOST, "4.3.2",
                                  "conversation with %s ended by this side while ",
                                  span_str(smtp_client_doing(s)));
        client_end(s, &ours, false, true);
    }
}

static size_t client_held(const struct session *base UNUSED)
{
    return sizeof(struct smtp_client_session) + sizeof(struct smtp_client_request);
}

static void client_free(struct session *base)
{
    struct smtp_client_session *s = client_of(base);
    struct smtp_client_end end;

    if (s->state != SMTP_CLIENT_OVER)
        client_hangup(base, SESSION_PEER_CLOSED);
    end = (struct smtp_client_end){
        .was_ready = s->was_ready,
        .tls_failed = s->tls_failed,
        .mails = s->mails_ended,
        .offers = s->offers,
        .trouble = s->has_trouble ? &s->trouble : NULL,
    };
    s->host->ended(s->host, &end);
    smtp_client_result_drop(&s->trouble);
    smtp_content_free(&s->content);
    chain_free(&s->base.out);
    /* A request that was opened and never taken is ours still. */
    free(s->base.request != NULL ? CONTAINER_OF(s->base.request, struct smtp_client_request, base)
                                 : s->request);
    free(s);
}

static const struct session_ops smtp_client_ops = {
    .name = "smtp client",
    .start = client_start,
    .input = client_input,
    .reply = client_reply,
    .tls_started = client_tls_started,
    .room = client_room,
    .hangup = client_hangup,
    .held = client_held,
    .end = client_free,
};

struct session *smtp_client_new(const struct smtp_client_settings *settings,
                                const struct smtp_client_target *target,
                                const struct smtp_client_host *host,
                                const struct session_peer *peer, struct smtp_client_mail *mails)
{
    struct smtp_client_session *s = xcalloc(1, sizeof(*s));

    s->base.ops = &smtp_client_ops;
    s->base.want = SESSION_WANT_INPUT;
    s->settings = settings;
    s->target = target;
    s->host = host;
    s->peer = *peer;
    s->is_tls = peer->is_tls;
    s->mails = mails;
    s->request = xcalloc(1, sizeof(*s->request));
    s->base.idle_ms = client_timeout_ms(s);
    return &s->base;
}
