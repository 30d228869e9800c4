/* smtp_client_data: the message on its way, after DATA (RFC 5321 4.1.1.4) or in chunks (RFC 3030),
 * and what the host says to it; in LMTP once for each recipient (RFC 2033 4.2). */
#include "proto/smtp/smtp_client_private.h"

bool smtp_client_data_hurries(const struct smtp_client_session *s, const struct smtp_client_mail *m)
{
    (void)s;
    return !m->state.is_chunked || m->body.len <= SMTP_CLIENT_HURRY_MAX;
}

void smtp_client_content_drop(struct smtp_client_session *s)
{
    smtp_content_free(&s->content);
    s->sending = NULL;
    s->base.more = false;
}

/* Nothing more will be said of this message: its transaction ends with the answer. */
static void content_out(struct smtp_client_session *s, struct smtp_client_mail *m)
{
    smtp_client_content_drop(s);
    m->state.stage = SMTP_CLIENT_END;
    s->needs_reset = false;
    smtp_client_ahead(s);
}

static void chunk_write(struct smtp_client_session *s, struct smtp_client_mail *m)
{
    struct chain chunk = {0};
    bool more = smtp_content_write(s->content, &chunk, SMTP_CLIENT_STEP);

    chain_addf(&s->base.out, "BDAT %zu%s\r\n", chunk.len, more ? "" : " LAST");
    chain_move(&s->base.out, &chunk);
    m->state.chunks_asked++;
    s->base.more = more && smtp_client_can_pipeline(s);
    if (!more)
        content_out(s, m);
}

static void content_write(struct smtp_client_session *s)
{
    struct smtp_client_mail *m = s->sending;

    if (m->state.is_chunked) {
        chunk_write(s, m);
        return;
    }
    s->base.more = smtp_content_write(s->content, &s->base.out, SMTP_CLIENT_STEP);
    if (!s->base.more)
        content_out(s, m);
}

void smtp_client_content_step(struct smtp_client_session *s)
{
    if (s->sending != NULL)
        content_write(s);
}

static void content_begin(struct smtp_client_session *s, struct smtp_client_mail *m)
{
    bool is_binary = m->encoding == SMTP_BODY_BINARYMIME && !m->state.is_downgraded;
    enum smtp_content_form form = m->state.is_chunked ? SMTP_CONTENT_CHUNKS : SMTP_CONTENT_DATA;

    m->state.stage = SMTP_CLIENT_CONTENT;
    s->sending = m;
    s->content = smtp_content_new(&m->body, is_binary ? SMTP_CONTENT_BINARY : form,
                                  s->settings->line_length_limit, m->state.is_downgraded);
    content_write(s);
}

void smtp_client_data_write(struct smtp_client_session *s, struct smtp_client_mail *m)
{
    if (m->state.is_chunked) {
        content_begin(s, m);
        return;
    }
    m->state.stage = SMTP_CLIENT_DATA;
    smtp_client_command(s, "DATA");
}

/* ---- answers ---- */

static void settle_said(struct smtp_client_session *s, struct smtp_client_mail *m,
                        const char *command)
{
    struct smtp_client_result said = smtp_client_said(s, SMTP_CLIENT_OF_MESSAGE, command);

    smtp_client_settle(m, &said);
}

static void data_said(struct smtp_client_session *s, struct smtp_client_mail *m)
{
    struct smtp_client_result why;

    if (s->reply.code == 354 && m->state.accepted > 0) {
        content_begin(s, m);
    } else if (s->reply.code == 354) { /* RFC 2920 3.1: it is waiting for something all the same */
        chain_add(&s->base.out, SPAN(".\r\n"));
        content_out(s, m);
    } else if (s->reply.code / 100 > 3) {
        settle_said(s, m, "DATA command");
        smtp_client_next(s);
    } else {
        why = smtp_client_said(s, SMTP_CLIENT_OF_HOST, "DATA command");
        smtp_client_abort(s, &why);
    }
}

/* The next one that RCPT accepted and that has no answer yet. */
static void recipient_said(struct smtp_client_session *s, struct smtp_client_mail *m,
                           const char *command)
{
    unsigned i = m->state.recipient;

    while (i < m->recipient_count && m->recipients[i].result.outcome != SMTP_CLIENT_UNTRIED)
        i++;
    if (i < m->recipient_count)
        m->recipients[i].result = smtp_client_said(s, SMTP_CLIENT_OF_RECIPIENT, command);
    m->state.recipient = i;
}

static void end_said(struct smtp_client_session *s, struct smtp_client_mail *m, const char *command)
{
    bool each = s->target->is_lmtp && !m->state.is_failed && m->state.accepted > 0;

    if (each)
        recipient_said(s, m, command);
    else
        settle_said(s, m, command);
    if (each && ++m->state.ends_answered < m->state.accepted)
        return;
    s->mails_ended++;
    smtp_client_next(s);
}

/* One chunk was refused, so all of the message is: no more of it goes out. */
static void chunk_refused(struct smtp_client_session *s, struct smtp_client_mail *m)
{
    settle_said(s, m, "BDAT command");
    m->state.is_failed = true;
    if (s->sending == m)
        smtp_client_content_drop(s);
    s->needs_reset = m->next == NULL || m->next->state.stage == SMTP_CLIENT_WAITS;
    m->state.stage = SMTP_CLIENT_END;
    if (m->state.chunks_answered == m->state.chunks_asked)
        smtp_client_next(s);
}

static void chunk_said(struct smtp_client_session *s, struct smtp_client_mail *m)
{
    if (m->state.stage == SMTP_CLIENT_END &&
        m->state.chunks_answered + 1 >= m->state.chunks_asked) {
        if (s->reply.code / 100 != 2)
            s->needs_reset = m->next == NULL || m->next->state.stage == SMTP_CLIENT_WAITS;
        end_said(s, m, "end of DATA command");
        return;
    }
    m->state.chunks_answered++;
    if (s->reply.code / 100 != 2)
        chunk_refused(s, m);
    else if (s->sending == m && !s->base.more)
        content_write(s);
}

/* A host that has heard enough before the end: RFC 5321 has no word for going on, so that was the
 * conversation. */
static void said_too_early(struct smtp_client_session *s)
{
    struct smtp_client_result why = smtp_client_said(s, SMTP_CLIENT_OF_MESSAGE, "message content");

    if (why.outcome == SMTP_CLIENT_DELIVERED) {
        why.outcome = SMTP_CLIENT_DEFERRED;
        memcpy(why.status, "4.5.0", sizeof("4.5.0"));
    }
    smtp_client_abort(s, &why);
}

void smtp_client_data_answered(struct smtp_client_session *s, struct smtp_client_mail *m)
{
    if (m->state.is_chunked)
        chunk_said(s, m);
    else if (m->state.stage == SMTP_CLIENT_DATA)
        data_said(s, m);
    else if (m->state.stage == SMTP_CLIENT_CONTENT)
        said_too_early(s);
    else
        end_said(s, m, "end of DATA command");
}
