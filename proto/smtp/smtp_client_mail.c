/* smtp_client_mail: a sender and recipients on their way (RFC 5321 4.1.1.2, 4.1.1.3), with the
 * parameters that the host understands, and what becomes of those it does not. */
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/attr.h"
#include "proto/smtp/smtp_client_private.h"
#include "proto/text/scan.h"
#include "proto/text/xtext.h"

struct smtp_client_mail *smtp_client_mail_new(unsigned recipient_count)
{
    struct smtp_client_mail *m = xcalloc(1, sizeof(*m));

    m->recipients = xcalloc(recipient_count, sizeof(*m->recipients));
    m->recipient_count = recipient_count;
    return m;
}

void smtp_client_mail_free(struct smtp_client_mail **mail)
{
    struct smtp_client_mail *m = *mail;

    *mail = NULL;
    if (m == NULL)
        return;
    for (unsigned i = 0; i < m->recipient_count; i++)
        smtp_client_result_drop(&m->recipients[i].result);
    chain_free(&m->body);
    free(m->recipients);
    free(m);
}

/* Where the header ends in `text`: behind its blank line; text.len when that is not there. */
static size_t header_end(struct span text)
{
    const char *at = text.at, *end = text.at + text.len, *lf;

    while (at < end && (lf = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        size_t len = (size_t)(lf - at);

        at = lf + 1;
        if (len == 0 || (len == 1 && lf[-1] == '\r'))
            break;
    }
    return at < end && at > text.at && at[-1] == '\n' ? (size_t)(at - text.at) : text.len;
}

void smtp_client_mail_scan(struct smtp_client_mail *mail)
{
    struct span text = chain_flat(&mail->body);
    size_t end = header_end(text);

    mail->has_utf8_header = !scan_is_ascii(span_first(text, end));
    mail->has_8bit = !scan_is_ascii(span_after(text, end));
}

/* ---- does it fit? ---- */

static bool needs_utf8(const struct smtp_client_mail *m)
{
    if (!scan_is_ascii(m->sender) || (m->is_utf8 && m->has_utf8_header))
        return true;
    for (unsigned i = 0; i < m->recipient_count; i++) {
        if (!scan_is_ascii(m->recipients[i].address))
            return true;
    }
    return false;
}

static bool is_printable(const struct smtp_client_mail *m)
{
    if (!scan_is_printable(m->sender))
        return false;
    for (unsigned i = 0; i < m->recipient_count; i++) {
        if (!scan_is_printable(m->recipients[i].address))
            return false;
    }
    return true;
}

static int64_t by_left_s(const struct smtp_client_session *s, const struct smtp_client_mail *m)
{
    return (m->by.until_us - s->base.now_us) / 1000000;
}

/* Why not: a status and a text; NULL: it fits. */
static const char *misfit_of(const struct smtp_client_session *s, const struct smtp_client_mail *m,
                             const char **status_r)
{
    bool returns = m->by.until_us != 0 && m->by.returns;

    *status_r = "5.1.3";
    if (!is_printable(m))
        return "address with control characters, not sent to host %s";
    *status_r = "5.6.7";
    if (needs_utf8(m) && !(s->offers & SMTP_EXT_SMTPUTF8))
        return "SMTPUTF8 is required, but was not offered by host %s";
    *status_r = "5.7.30";
    if (m->requires_tls && !(s->is_tls && s->target->tls >= SMTP_CLIENT_TLS_VERIFY &&
                             (s->offers & SMTP_EXT_REQUIRETLS)))
        return "REQUIRETLS is required, but was not offered by host %s";
    *status_r = "5.3.4";
    if (s->size_max > 0 && m->body.len > s->size_max)
        return "message size exceeds size limit of server %s";
    *status_r = "5.4.7";
    if (returns && by_left_s(s, m) <= 0)
        return "delivery time expired before host %s could be asked";
    *status_r = "5.3.3";
    if (returns && (!(s->offers & SMTP_EXT_DELIVERBY) || by_left_s(s, m) < (int64_t)s->by_min_s))
        return "delivery in time is required, but was not offered by host %s";
    return NULL;
}

/* Another host may offer what this one lacks; a size that is too large here is a matter of the
 * message, as its time is. */
static enum smtp_client_blame blame_of(const char *status)
{
    static const char *const hosts[] = {"5.6.7", "5.7.30", "5.3.3"};

    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        if (strcmp(status, hosts[i]) == 0)
            return SMTP_CLIENT_OF_HOST;
    }
    return SMTP_CLIENT_OF_MESSAGE;
}

bool smtp_client_mail_may(const struct smtp_client_session *s, const struct smtp_client_mail *m)
{
    const char *status;

    return misfit_of(s, m, &status) == NULL;
}

bool smtp_client_mail_fits(struct smtp_client_session *s, struct smtp_client_mail *m)
{
    const char *status, *misfit = misfit_of(s, m, &status);
    struct smtp_client_result why;

    if (misfit == NULL)
        return true;
    why = smtp_client_judged(s, blame_of(status), status, misfit, SPAN(""));
    smtp_client_settle(m, &why);
    return false;
}

/* ---- MAIL ---- */

static void add_xtext(struct chain *out, struct span text)
{
    char *at = chain_reserve(out, 3 * text.len);

    chain_added(out, xtext_encode(text, at));
}

static bool is_binary(const struct smtp_client_session *s, const struct smtp_client_mail *m)
{
    return m->encoding == SMTP_BODY_BINARYMIME && (s->offers & SMTP_EXT_BINARYMIME) &&
           (s->offers & SMTP_EXT_CHUNKING);
}

/* What the body is, and what it will have to be made. */
static void mail_body(struct smtp_client_session *s, struct smtp_client_mail *m)
{
    struct chain *out = &s->base.out;

    if (is_binary(s, m)) {
        chain_add(out, SPAN(" BODY=BINARYMIME"));
        return;
    }
    if (!m->has_8bit && m->encoding != SMTP_BODY_BINARYMIME)
        return;
    if (m->encoding != SMTP_BODY_BINARYMIME && (s->offers & SMTP_EXT_8BITMIME))
        chain_add(out, SPAN(" BODY=8BITMIME"));
    else
        m->state.is_downgraded = true;
}

static void mail_by(struct smtp_client_session *s, const struct smtp_client_mail *m)
{
    if (m->by.until_us == 0 || !(s->offers & SMTP_EXT_DELIVERBY))
        return;
    chain_addf(&s->base.out, " BY=%lld;%c%s", (long long)by_left_s(s, m), m->by.returns ? 'R' : 'N',
               m->by.traces ? "T" : "");
}

static void mail_dsn(struct smtp_client_session *s, const struct smtp_client_mail *m)
{
    struct chain *out = &s->base.out;

    if (!(s->offers & SMTP_EXT_DSN))
        return;
    if (m->ret != SMTP_RET_UNSAID)
        chain_add(out, m->ret == SMTP_RET_FULL ? SPAN(" RET=FULL") : SPAN(" RET=HDRS"));
    if (m->envid.len > 0) {
        chain_add(out, SPAN(" ENVID="));
        add_xtext(out, m->envid);
    }
}

static void mail_ask(struct smtp_client_session *s, struct smtp_client_mail *m)
{
    struct chain *out = &s->base.out;

    chain_add(out, SPAN("MAIL FROM:<"));
    chain_add(out, m->sender);
    chain_add_byte(out, '>');
    if (s->offers & SMTP_EXT_SIZE)
        chain_addf(out, " SIZE=%llu", (unsigned long long)m->body.len);
    mail_body(s, m);
    if (needs_utf8(m) || (m->is_utf8 && (s->offers & SMTP_EXT_SMTPUTF8)))
        chain_add(out, SPAN(" SMTPUTF8"));
    mail_dsn(s, m);
    if (s->is_logged_in)
        chain_add(out, SPAN(" AUTH=<>"));
    if (m->requires_tls)
        chain_add(out, SPAN(" REQUIRETLS"));
    if (m->has_priority && (s->offers & SMTP_EXT_MT_PRIORITY))
        chain_addf(out, " MT-PRIORITY=%d", m->priority);
    mail_by(s, m);
    chain_add(out, SPAN("\r\n"));
}

/* ---- RCPT ---- */

static void rcpt_notify(struct chain *out, unsigned notify)
{
    static const struct {
        enum smtp_notify bit;
        const char *word;
    } words[] = {
        {SMTP_NOTIFY_NEVER,   "NEVER"  },
        {SMTP_NOTIFY_SUCCESS, "SUCCESS"},
        {SMTP_NOTIFY_FAILURE, "FAILURE"},
        {SMTP_NOTIFY_DELAY,   "DELAY"  },
    };
    char before = '=';

    if (notify == 0)
        return;
    chain_add(out, SPAN(" NOTIFY"));
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (!(notify & words[i].bit))
            continue;
        chain_add_byte(out, before);
        chain_add(out, span_str(words[i].word));
        before = ',';
    }
}

/* RFC 6533 3: what a utf-8 address may not hold as it is, as \x{HEX}. Without SMTPUTF8 it cannot be
 * told. */
static void rcpt_orcpt_utf8(struct chain *out, struct span address)
{
    for (size_t i = 0; i < address.len; i++) {
        if (address.at[i] == '+' || address.at[i] == '=' || address.at[i] == ' ')
            chain_addf(out, "\\x{%02X}", (unsigned)(unsigned char)address.at[i]);
        else
            chain_add_byte(out, address.at[i]);
    }
}

static void rcpt_orcpt(struct chain *out, struct span orcpt, bool utf8)
{
    const char *semicolon = orcpt.len == 0 ? NULL : memchr(orcpt.at, ';', orcpt.len);
    size_t len = semicolon == NULL ? 0 : (size_t)(semicolon - orcpt.at) + 1;
    struct span type = span_first(orcpt, len), address = span_after(orcpt, len);
    bool is_utf8 = span_eq_nocase(type, SPAN("utf-8;"));

    if (len == 0 || (is_utf8 && !utf8 && !scan_is_ascii(address)))
        return;
    chain_add(out, SPAN(" ORCPT="));
    chain_add(out, type);
    if (is_utf8)
        rcpt_orcpt_utf8(out, address);
    else
        add_xtext(out, address);
}

static void rcpt_ask(struct smtp_client_session *s, const struct smtp_client_mail *m,
                     const struct smtp_client_recipient *r)
{
    struct chain *out = &s->base.out;

    chain_add(out, SPAN("RCPT TO:<"));
    chain_add(out, r->address);
    chain_add_byte(out, '>');
    if (s->offers & SMTP_EXT_DSN) {
        rcpt_notify(out, r->notify);
        rcpt_orcpt(out, r->orcpt, needs_utf8(m) || (m->is_utf8 && (s->offers & SMTP_EXT_SMTPUTF8)));
    }
    chain_add(out, SPAN("\r\n"));
}

/* ---- what is said next ---- */

/* DATA, or the first chunk: when it is known that somebody is to have it, or with RFC 2920 before.
 */
static bool content_is_due(const struct smtp_client_session *s, const struct smtp_client_mail *m)
{
    if (m->state.answered == m->recipient_count + 1)
        return m->state.accepted > 0;
    return smtp_client_can_pipeline(s) && smtp_client_data_hurries(s, m);
}

void smtp_client_mail_write(struct smtp_client_session *s, struct smtp_client_mail *m)
{
    bool at_once = smtp_client_can_pipeline(s);

    if (s->needs_reset && m->state.stage == SMTP_CLIENT_WAITS) {
        smtp_client_command(s, "RSET");
        s->needs_reset = false;
        s->reset_asked = true;
    }
    if (s->reset_asked && !at_once)
        return;
    if (m->state.stage == SMTP_CLIENT_WAITS) {
        m->state.stage = SMTP_CLIENT_ENVELOPE;
        m->state.is_chunked =
            (s->offers & SMTP_EXT_CHUNKING) && (!s->settings->skips_chunking || is_binary(s, m));
        mail_ask(s, m);
    }
    while (!m->state.is_failed && m->state.rcpts_asked < m->recipient_count &&
           (at_once || m->state.answered == m->state.rcpts_asked + 1))
        rcpt_ask(s, m, &m->recipients[m->state.rcpts_asked++]);
    if (m->state.stage == SMTP_CLIENT_ENVELOPE && !m->state.is_failed &&
        m->state.rcpts_asked == m->recipient_count && content_is_due(s, m))
        smtp_client_data_write(s, m);
}

/* ---- what is answered ---- */

static void mail_said(struct smtp_client_session *s, struct smtp_client_mail *m)
{
    struct smtp_client_result why;

    if (s->reply.code / 100 == 2) {
        s->needs_reset = true; /* until the message is through */
        return;
    }
    why = smtp_client_said(s, SMTP_CLIENT_OF_MESSAGE, "MAIL FROM command");
    smtp_client_settle(m, &why);
    m->state.is_failed = true;
}

static void rcpt_said(struct smtp_client_session *s, struct smtp_client_mail *m,
                      struct smtp_client_recipient *r)
{
    if (m->state.is_failed)
        return;
    if (s->reply.code / 100 == 2)
        m->state.accepted++;
    else
        r->result = smtp_client_said(s, SMTP_CLIENT_OF_RECIPIENT, "RCPT TO command");
}

void smtp_client_mail_answered(struct smtp_client_session *s, struct smtp_client_mail *m)
{
    unsigned answered = m->state.answered++;

    if (answered == 0)
        mail_said(s, m);
    else
        rcpt_said(s, m, &m->recipients[answered - 1]);
    smtp_client_mail_write(s, m);
    if (m->state.stage == SMTP_CLIENT_ENVELOPE && m->state.answered == m->state.rcpts_asked + 1 &&
        (m->state.is_failed || m->state.rcpts_asked == m->recipient_count))
        smtp_client_next(s);
}
