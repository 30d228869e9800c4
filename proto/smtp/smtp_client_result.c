/* smtp_client_result: words for what became of a recipient. They are Postfix's, for operators look
 * for them. */
#include <stdlib.h>

#include "core/base/alloc.h"
#include "proto/smtp/smtp_client_private.h"
#include "proto/text/buffer.h"

static void add_host(const struct smtp_client_session *s, struct buffer *b)
{
    buffer_add(b, span_str(s->target->name));
    buffer_add_byte(b, '[');
    buffer_add(b, span_str(s->target->address));
    buffer_add_byte(b, ']');
}

/* The text as one allocation with its NUL. */
static char *reason_take(struct buffer *b)
{
    if (b->len > SMTP_CLIENT_REASON_MAX)
        b->len = SMTP_CLIENT_REASON_MAX;
    buffer_add_byte(b, '\0');
    return b->at;
}

static void status_set(struct smtp_client_result *r, struct span status)
{
    status = span_first(status, sizeof(r->status) - 1);
    memcpy(r->status, status.at, status.len);
    r->status[status.len] = '\0';
}

static enum smtp_client_outcome outcome_of(char class)
{
    return class == '2'   ? SMTP_CLIENT_DELIVERED
           : class == '5' ? SMTP_CLIENT_FAILED
                          : SMTP_CLIENT_DEFERRED;
}

/* A code that is neither yes nor no to this command is a server out of its mind, which may be well
 * again tomorrow. */
static void outcome_set(struct smtp_client_result *r, const struct smtp_reply *reply)
{
    char class = (char)('0' + reply->code / 100);
    char plain[] = "0.0.0";

    plain[0] = class;
    if (class == '3')
        status_set(r, SPAN("4.5.0"));
    else
        status_set(r, reply->status[0] == '\0' ? span_str(plain) : span_str(reply->status));
    r->outcome = outcome_of(r->status[0]);
}

struct smtp_client_result smtp_client_said(const struct smtp_client_session *s,
                                           enum smtp_client_blame blame, const char *command)
{
    struct smtp_client_result r = {.blame = blame, .code = s->reply.code};
    struct span text = smtp_reply_text(&s->reply);
    struct buffer b = {0};
    size_t at;

    outcome_set(&r, &s->reply);
    if (r.outcome != SMTP_CLIENT_DELIVERED) {
        buffer_add(&b, SPAN("host "));
        add_host(s, &b);
        buffer_add(&b, command == NULL ? SPAN(" refused to talk to me: ") : SPAN(" said: "));
    }
    at = b.len;
    buffer_add(&b, text);
    if (r.outcome != SMTP_CLIENT_DELIVERED && command != NULL) {
        buffer_add(&b, SPAN(" (in reply to "));
        buffer_add(&b, span_str(command));
        buffer_add_byte(&b, ')');
    }
    r.reason = reason_take(&b);
    r.reply = (struct span){r.reason + at, text.len};
    return r;
}

struct smtp_client_result smtp_client_judged(const struct smtp_client_session *s,
                                             enum smtp_client_blame blame, const char *status,
                                             const char *reason, struct span detail)
{
    struct smtp_client_result r = {.blame = blame};
    const char *mark = strstr(reason, "%s");
    size_t len = mark == NULL ? strlen(reason) : (size_t)(mark - reason);
    struct buffer b = {0};

    status_set(&r, span_str(status));
    r.outcome = outcome_of(status[0]);
    buffer_add(&b, (struct span){reason, len});
    if (mark != NULL) {
        add_host(s, &b);
        buffer_add(&b, span_str(mark + 2));
    }
    buffer_add(&b, detail);
    r.reason = reason_take(&b);
    return r;
}

struct smtp_client_result smtp_client_result_copy(const struct smtp_client_result *r)
{
    struct smtp_client_result copy = *r;

    if (r->reason != NULL)
        copy.reason = xstrdup(r->reason);
    if (r->reply.len > 0)
        copy.reply.at = copy.reason + (r->reply.at - r->reason);
    return copy;
}

void smtp_client_result_drop(struct smtp_client_result *r)
{
    free(r->reason);
    *r = (struct smtp_client_result){0};
}

void smtp_client_settle(struct smtp_client_mail *m, struct smtp_client_result *r)
{
    for (unsigned i = 0; i < m->recipient_count; i++) {
        if (m->recipients[i].result.outcome == SMTP_CLIENT_UNTRIED)
            m->recipients[i].result = smtp_client_result_copy(r);
    }
    smtp_client_result_drop(r);
}

static const char *doing_mail(const struct smtp_client_mail *m)
{
    if (m->state.stage == SMTP_CLIENT_CONTENT)
        return "sending message body";
    if (m->state.stage == SMTP_CLIENT_END)
        return "sending end of data -- message may be sent more than once";
    if (m->state.answered == 0)
        return "sending MAIL FROM";
    return m->state.answered <= m->recipient_count ? "sending RCPT TO" : "sending DATA command";
}

const char *smtp_client_doing(const struct smtp_client_session *s)
{
    static const char *const doing[] = {
        [SMTP_CLIENT_NEW] = "connecting",
        [SMTP_CLIENT_GREETING] = "receiving the initial server greeting",
        [SMTP_CLIENT_EHLO] = "performing the EHLO handshake",
        [SMTP_CLIENT_HELO] = "performing the HELO handshake",
        [SMTP_CLIENT_STARTTLS] = "performing the STARTTLS handshake",
        [SMTP_CLIENT_SHAKING] = "performing the TLS handshake",
        [SMTP_CLIENT_AUTH] = "performing SASL authentication",
        [SMTP_CLIENT_READY] = "waiting for mail",
        [SMTP_CLIENT_OVER] = "sending QUIT",
    };

    if (s->state == SMTP_CLIENT_EHLO && s->target->is_lmtp)
        return "performing the LHLO handshake";
    if (s->state != SMTP_CLIENT_READY || s->mails == NULL)
        return doing[s->state];
    return s->reset_asked ? "sending RSET" : doing_mail(s->mails);
}
