#include "proto/smtp/smtp_session.h"

#include <stddef.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/number.h"
#include "proto/sasl/sasl.h"
#include "proto/smtp/smtp_private.h"
#include "proto/text/scan.h"

static struct smtp_session *smtp_of(struct session *base)
{
    return CONTAINER_OF(base, struct smtp_session, base);
}

static struct smtp_store_request *smtp_mail_of(struct request *request)
{
    return CONTAINER_OF(request, struct smtp_store_request, base);
}

void smtp_state_set(struct smtp_session *s, enum smtp_state state)
{
    ensure(s->base.want != SESSION_WANT_REPLY);
    ensure((state >= SMTP_MAIL) <= (s->mail != NULL));
    s->state = state;
}

void smtp_mail_drop(struct smtp_session *s)
{
    smtp_body_drop(&s->body);
    smtp_store_request_free(&s->mail);
    s->trouble = SMTP_ANSWER_NONE;
    if (s->state != SMTP_NEW)
        s->state = SMTP_READY;
}

void smtp_close(struct smtp_session *s)
{
    s->base.want = SESSION_WANT_CLOSE;
}

void smtp_client_set(struct smtp_session *s, const char *address)
{
    bool may_xclient = s->client.may_xclient;
    size_t len = strlen(address);

    ensure(len < sizeof(s->client_address));
    memcpy(s->client_address, address, len + 1);
    s->host->client(s->host, s->settings, s->client_address, &s->client);
    s->client.may_xclient |= may_xclient; /* the connection's right, whoever it speaks for */
}

/* What is a promise about the way behind us. */
static unsigned smtp_offers_of_relay(const struct smtp_session *s)
{
    const struct smtp_settings *set = s->settings;

    return (set->offers_requiretls && s->tls != NULL ? (unsigned)SMTP_EXT_REQUIRETLS : 0u) |
           (set->offers_mt_priority ? (unsigned)SMTP_EXT_MT_PRIORITY : 0u) |
           (set->offers_deliverby ? (unsigned)SMTP_EXT_DELIVERBY : 0u) |
           (set->offers_futurerelease ? (unsigned)SMTP_EXT_FUTURERELEASE : 0u) |
           (set->offers_xverp ? (unsigned)SMTP_EXT_XVERP : 0u);
}

unsigned smtp_offers(const struct smtp_session *s)
{
    unsigned offers = ~(s->settings->smtpd_discard_ehlo_keywords | s->client.discard);

    if (!smtp_tls_is_possible(s))
        offers &= ~(unsigned)SMTP_EXT_STARTTLS;
    if (!smtp_auth_is_enabled(s))
        offers &= ~(unsigned)SMTP_EXT_AUTH;
    if (!s->client.may_xclient)
        offers &= ~(unsigned)SMTP_EXT_XCLIENT;
    if (!s->settings->smtputf8_enable)
        offers &= ~(unsigned)SMTP_EXT_SMTPUTF8;
    if (s->settings->disable_vrfy_command)
        offers &= ~(unsigned)SMTP_EXT_VRFY;
    offers &= smtp_offers_of_relay(s) | ~(unsigned)SMTP_EXT_OF_RELAY;
    if (!(offers & SMTP_EXT_CHUNKING))
        offers &= ~(unsigned)SMTP_EXT_BINARYMIME;
    return offers;
}

void smtp_greet(struct smtp_session *s)
{
    const struct smtp_settings *set = s->settings;
    struct chain *out = &s->base.out;

    chain_add(out, SPAN("220 "));
    if (set->smtpd_banner[0] != '\0') {
        chain_add(out, span_str(set->smtpd_banner));
    } else {
        chain_add(out, span_str(set->myhostname));
        chain_add(out, s->host->is_lmtp ? SPAN(" LMTP ") : SPAN(" ESMTP "));
        chain_add(out, span_str(set->mail_name));
    }
    chain_add(out, SPAN("\r\n"));
}

void smtp_connected(struct smtp_session *s)
{
    if (!s->started)
        smtp_note(s, SMTP_NOTE_CONNECT, (struct span){NULL, 0});
    s->started = true;
}

static void smtp_start(struct session *base)
{
    struct smtp_session *s = smtp_of(base);

    smtp_connected(s);
    smtp_greet(s);
}

/* After each answer, as the client may be one that only makes errors. */
static void smtp_check_errors(struct smtp_session *s)
{
    if (s->base.want != SESSION_WANT_INPUT || s->reading != SMTP_READS_COMMANDS ||
        s->errors < smtp_limit_errors(s))
        return;
    smtp_note(s, SMTP_NOTE_ERRORS, (struct span){NULL, 0});
    smtp_say(s, SMTP_TOO_MANY_ERRORS);
}

/* Controls in a command are nobody's typing: terminal codes, TLS, NULs that end C strings. */
static bool smtp_line_is_text(struct span line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (((unsigned char)line.at[i] < ' ' && line.at[i] != '\t') || line.at[i] == 0x7f)
            return false;
    }
    return true;
}

static void smtp_line(struct smtp_session *s, struct span line, struct span waits)
{
    while (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    if (smtp_line_is_text(line))
        smtp_command(s, line, waits);
    else
        smtp_say(s, SMTP_BAD_LINE);
}

/* AUTH has a response in it, which is longer than any other command (RFC 4954 4). */
static size_t smtp_line_max(const struct smtp_session *s, struct span bytes)
{
    size_t max = s->settings->line_length_limit, auth_max = sasl_response_max(&s->settings->sasl);

    return max < auth_max && scan_nocase(&bytes, SPAN("AUTH ")) ? auth_max : max;
}

static size_t smtp_command_input(struct smtp_session *s, struct span bytes)
{
    size_t max = smtp_line_max(s, bytes);
    struct span at = span_first(bytes, max);
    const char *lf = memchr(at.at, '\n', at.len);
    size_t len;

    if (lf == NULL && at.len < max)
        return 0;
    if (lf == NULL) {
        s->reading = SMTP_READS_LINE_REST;
        s->skipped = 0;
        smtp_say(s, SMTP_LINE_TOO_LONG);
        return max;
    }
    len = (size_t)(lf - at.at);
    smtp_line(s, span_first(at, len), span_after(bytes, len + 1));
    return len + 1;
}

/* The rest of a line that was too long; one without end is an attack (HOSTILE S15). */
static size_t smtp_line_skip(struct smtp_session *s, struct span bytes)
{
    struct span at = span_first(bytes, SMTP_SKIP_LINE_MAX - s->skipped);
    const char *lf = memchr(at.at, '\n', at.len);

    s->base.bulk = lf == NULL; /* it may not take its time for that */
    if (lf != NULL) {
        s->reading = SMTP_READS_COMMANDS;
        return (size_t)(lf - at.at) + 1;
    }
    s->skipped += (uint32_t)at.len;
    if (s->skipped == SMTP_SKIP_LINE_MAX) {
        smtp_note(s, SMTP_NOTE_ERRORS, (struct span){NULL, 0});
        smtp_say(s, SMTP_TOO_MANY_ERRORS);
    }
    return at.len;
}

static size_t smtp_input(struct session *base, struct span bytes)
{
    struct smtp_session *s = smtp_of(base);
    size_t eaten = 0;

    ensure(bytes.len > 0);
    switch (s->reading) {
    case SMTP_READS_COMMANDS:
        eaten = smtp_command_input(s, bytes);
        break;
    case SMTP_READS_AUTH:
        eaten = smtp_auth_input(s, bytes);
        break;
    case SMTP_READS_LINE_REST:
        eaten = smtp_line_skip(s, bytes);
        break;
    case SMTP_READS_DATA:
        eaten = smtp_data_input(s, bytes);
        break;
    case SMTP_READS_CHUNK:
        eaten = smtp_chunk_input(s, bytes);
        break;
    case SMTP_READS_CHUNK_REFUSED:
        eaten = smtp_chunk_skip(s, bytes);
        break;
    }
    smtp_check_errors(s);
    smtp_limit_set(s);
    return eaten;
}

static struct auth_request *smtp_auth_of(struct request *request)
{
    return CONTAINER_OF(request, struct auth_request, base);
}

static void smtp_mail_reply(struct smtp_session *s, struct request *answered)
{
    struct smtp_store_request *mail = smtp_mail_of(answered);

    ensure(s->mail == NULL);
    smtp_body_move(&s->body, &mail->facts, &mail->body);
    if (answered->kind == REQUEST_SMTP_BODY)
        smtp_body_reply(s, mail);
    else
        smtp_store_reply(s, mail);
}

static void smtp_reply(struct session *base, struct request *answered)
{
    struct smtp_session *s = smtp_of(base);

    ensure(answered->status != REQUEST_OPEN);
    if (answered->kind == REQUEST_AUTH)
        smtp_auth_reply(s, smtp_auth_of(answered));
    else
        smtp_mail_reply(s, answered);
    smtp_check_errors(s);
    smtp_limit_set(s);
}

/* How much of a body had come when the client was lost, for the log. */
static struct span smtp_body_progress(const struct smtp_session *s, char text[NUMBER_TEXT_MAX])
{
    if (s->mail == NULL || (s->reading != SMTP_READS_DATA && s->reading != SMTP_READS_CHUNK))
        return (struct span){NULL, 0};
    return (struct span){text, number_write(text, s->mail->facts.bytes)};
}

static void smtp_hangup(struct session *base, enum session_end why)
{
    struct smtp_session *s = smtp_of(base);
    char text[NUMBER_TEXT_MAX];
    struct span progress = smtp_body_progress(s, text);

    if (base->trouble != NULL) {
        smtp_connected(s);
        smtp_note(s, SMTP_NOTE_TLS_FAILED, span_str(base->trouble));
    }
    switch (why) {
    case SESSION_PEER_CLOSED:
        smtp_note(s, SMTP_NOTE_LOST, progress);
        break;
    case SESSION_TIMED_OUT:
        smtp_note(s, SMTP_NOTE_TIMEOUT, progress);
        smtp_say(s, SMTP_TIMED_OUT);
        break;
    case SESSION_SHUTDOWN:
        smtp_note(s, SMTP_NOTE_SHUTDOWN, progress);
        smtp_say(s, SMTP_SHUTTING_DOWN);
        break;
    case SESSION_OVERLOADED:
        smtp_note(s, SMTP_NOTE_OVERLOADED, progress);
        smtp_say(s, SMTP_OVERLOADED);
        break;
    case SESSION_CROWDED:
        smtp_note(s, SMTP_NOTE_CROWDED, progress);
        smtp_say_crowded(s);
        break;
    }
    smtp_close(s);
}

static void smtp_statistics_add(struct chain *out, const char *name, struct smtp_count count)
{
    chain_add(out, span_str(name));
    chain_add_byte(out, '=');
    chain_add_number(out, count.ok);
    if (count.ok != count.all) {
        chain_add_byte(out, '/');
        chain_add_number(out, count.all);
    }
}

/* "ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4" */
static void smtp_statistics(const struct smtp_session *s, struct chain *out)
{
    struct smtp_count sum = s->unknown;

    for (size_t i = 0; i < SMTP_VERBS; i++) {
        if (s->counts[i].all > 0) {
            smtp_statistics_add(out, smtp_verbs[i].shown, s->counts[i]);
            chain_add_byte(out, ' ');
        }
        sum.ok += s->counts[i].ok;
        sum.all += s->counts[i].all;
    }
    if (s->unknown.all > 0) {
        smtp_statistics_add(out, "unknown", s->unknown);
        chain_add_byte(out, ' ');
    }
    smtp_statistics_add(out, "commands", sum);
}

static void smtp_end(struct session *base)
{
    struct smtp_session *s = smtp_of(base);
    struct chain words = {0};

    if (base->request != NULL && base->request->kind == REQUEST_AUTH) /* nobody took it */
        s->auth = smtp_auth_of(base->request);
    else if (base->request != NULL)
        s->mail = smtp_mail_of(base->request);
    smtp_mail_drop(s);
    smtp_auth_drop(s);
    if (s->started) {
        smtp_statistics(s, &words);
        smtp_note(s, SMTP_NOTE_DISCONNECT, chain_flat(&words));
    }
    chain_free(&words);
    smtp_login_drop(s);
    s->host->settings_done(s->host, s->hold);
    chain_free(&s->base.out);
    free(s);
}

static const struct session_ops smtp_session_ops = {
    .name = "smtp",
    .start = smtp_start,
    .input = smtp_input,
    .reply = smtp_reply,
    .tls_started = smtp_tls_started,
    .hangup = smtp_hangup,
    .held = smtp_limit_held,
    .end = smtp_end,
};

struct session *smtp_session_new(const struct smtp_host *host, const struct session_peer *peer)
{
    struct smtp_session *s = xcalloc(1, sizeof(*s));

    s->base.ops = &smtp_session_ops;
    s->base.want = SESSION_WANT_INPUT;
    s->host = host;
    s->settings = host->settings(host, &s->hold);
    s->base.idle_ms = s->settings->smtpd_timeout_ms;
    s->peer = *peer;
    s->state = SMTP_NEW;
    s->command = "CONNECT";
    smtp_client_set(s, peer->address);
    return &s->base;
}
