/* smtp_auth_cmd: AUTH (RFC 4954): who the client is, so that it may send to others through us. */
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/map.h"
#include "proto/sasl/sasl.h"
#include "proto/sasl/sasl_offer.h"
#include "proto/smtp/smtp_private.h"
#include "proto/text/scan.h"

/* ---- what is offered ---- */

struct sasl_client smtp_sasl_client(const struct smtp_session *s)
{
    return (struct sasl_client){s->client_address, s->peer.local_address, s->tls};
}

bool smtp_auth_is_enabled(const struct smtp_session *s)
{
    const struct smtp_settings *set = s->settings;

    return !s->host->is_lmtp && (set->smtpd_sasl_auth_enable || s->host->is_submission) &&
           !((set->smtpd_discard_ehlo_keywords | s->client.discard) & SMTP_EXT_AUTH);
}

/* smtpd_tls_auth_only: nothing at all before TLS, not even to this host's own. */
static bool auth_waits_for_tls(const struct smtp_session *s)
{
    return s->settings->smtpd_tls_auth_only && s->tls == NULL;
}

bool smtp_auth_write(const struct smtp_session *s, struct chain *list)
{
    if (!smtp_auth_is_enabled(s) || auth_waits_for_tls(s))
        return false;
    return sasl_offer_write(&s->settings->sasl, smtp_sasl_client(s), SPAN(" "), list) > 0;
}

/* ---- who is logged in ---- */

void smtp_login_drop(struct smtp_session *s)
{
    free(s->login);
    s->login = NULL;
    s->base.user = 0;
}

void smtp_login_set(struct smtp_session *s, const char *method, struct span name)
{
    struct smtp_login *login = xcalloc(1, sizeof(*login));

    ensure(strlen(method) < sizeof(login->method) && name.len < sizeof(login->name));
    memcpy(login->method, method, strlen(method) + 1);
    memcpy(login->name, name.at, name.len);
    smtp_login_drop(s);
    s->login = login;
    s->base.user = map_hash(name);
}

/* ---- the exchange ---- */

void smtp_auth_drop(struct smtp_session *s)
{
    if (s->auth != NULL)
        auth_request_free(&s->auth);
    if (s->reading == SMTP_READS_AUTH)
        s->reading = SMTP_READS_COMMANDS;
}

static void auth_begin(struct smtp_session *s, struct auth_request *r)
{
    memcpy(r->protocol, "smtp", 5);
    memcpy(r->remote_address, s->client_address, sizeof(r->remote_address));
    r->tls = s->tls;
    r->response_max = sasl_response_max(&s->settings->sasl);
    s->auth = r;
    s->failed = true; /* it counts as done when it has succeeded */
}

static void auth_ask(struct smtp_session *s)
{
    struct auth_request *r = s->auth;

    s->auth = NULL;
    s->reading = SMTP_READS_COMMANDS;
    r->base.status = REQUEST_OPEN;
    r->base.session = &s->base;
    r->base.connection = s->peer.connection;
    s->base.request = &r->base;
    s->base.want = SESSION_WANT_REPLY;
}

static void auth_challenge(struct smtp_session *s)
{
    chain_add(&s->base.out, SPAN("334 "));
    sasl_challenge(s->auth, &s->base.out);
    chain_add(&s->base.out, SPAN("\r\n"));
    s->reading = SMTP_READS_AUTH;
}

/* The exchange is over without anybody having been asked. */
static void auth_refuse(struct smtp_session *s, enum smtp_answer answer)
{
    smtp_auth_drop(s);
    smtp_say(s, answer);
}

/* A response was taken in, or was none. */
static void auth_respond(struct smtp_session *s, enum sasl_status status)
{
    switch (status) {
    case SASL_OK:
        auth_ask(s);
        break;
    case SASL_CANCELLED:
        auth_refuse(s, SMTP_AUTH_ABORTED);
        break;
    case SASL_BAD:
        auth_refuse(s, SMTP_AUTH_BASE64);
        break;
    case SASL_TOO_LONG:
        auth_refuse(s, SMTP_AUTH_TOO_LONG);
        break;
    }
}

/* Why the mechanism is not taken, if it is not. */
static enum smtp_answer auth_refusal(const struct smtp_session *s, struct span mechanism)
{
    const struct sasl_settings *set = &s->settings->sasl;

    if (auth_waits_for_tls(s))
        return SMTP_AUTH_NEEDS_TLS;
    if (sasl_offers(set, smtp_sasl_client(s), mechanism))
        return SMTP_ANSWER_NONE;
    return s->tls == NULL && sasl_offers_with_tls(set, mechanism) ? SMTP_AUTH_NEEDS_TLS
                                                                  : SMTP_AUTH_UNKNOWN;
}

static void auth_first_word(struct smtp_session *s)
{
    if (sasl_client_first(s->auth))
        auth_challenge(s);
    else
        auth_ask(s);
}

/* With a mechanism that is offered; `args` is the initial response. */
static void auth_start(struct smtp_session *s, struct span mechanism, struct span args)
{
    struct auth_request *r = auth_request_new();

    if (!sasl_mechanism(r, mechanism)) {
        auth_request_free(&r);
        smtp_say(s, SMTP_AUTH_UNKNOWN);
        return;
    }
    auth_begin(s, r);
    if (scan_end(&args))
        auth_first_word(s);
    else
        auth_respond(s, sasl_initial(r, args));
}

void smtp_auth_cmd(struct smtp_session *s, struct span args)
{
    struct span mechanism = {NULL, 0}, response = {NULL, 0};
    enum smtp_answer refusal = SMTP_ANSWER_NONE;

    scan_word(&args, &mechanism);
    scan_blanks(&args);
    scan_word(&args, &response);
    if (!smtp_auth_is_enabled(s))
        refusal = SMTP_NO_AUTH;
    else if (s->login != NULL)
        refusal = SMTP_AUTH_TWICE;
    else if (mechanism.len == 0 || !scan_end(&args))
        refusal = SMTP_SYNTAX_AUTH;
    else
        refusal = auth_refusal(s, mechanism);
    if (refusal != SMTP_ANSWER_NONE)
        smtp_say(s, refusal);
    else if (smtp_limit_rate(s, SMTP_RATE_AUTH))
        auth_start(s, mechanism, response);
}

size_t smtp_auth_input(struct smtp_session *s, struct span bytes)
{
    const char *lf = memchr(bytes.at, '\n', bytes.len);
    struct span line = span_first(bytes, lf == NULL ? bytes.len : (size_t)(lf - bytes.at));

    if (line.len > s->auth->response_max + 1) { /* one more is a CR */
        auth_refuse(s, SMTP_AUTH_TOO_LONG);
        s->reading = SMTP_READS_LINE_REST;
        s->skipped = 0;
        return line.len;
    }
    if (lf == NULL)
        return 0;
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    auth_respond(s, sasl_response(s->auth, line));
    return (size_t)(lf - bytes.at) + 1;
}

/* ---- the answer ---- */

static void auth_succeed(struct smtp_session *s)
{
    smtp_login_set(s, s->auth->mechanism, span_str(s->auth->account));
    s->counts[s->verb - smtp_verbs].ok++;
    smtp_say(s, SMTP_AUTH_DONE);
}

/* The answer waits: guessing is to take time. */
static void auth_fail(struct smtp_session *s, enum smtp_answer answer)
{
    smtp_note_auth(s, s->auth,
                   answer == SMTP_AUTH_LATER ? "temporary failure" : "authentication failure");
    smtp_say(s, answer);
    if (s->base.delay_ms < s->auth->delay_ms)
        s->base.delay_ms = s->auth->delay_ms;
}

void smtp_auth_reply(struct smtp_session *s, struct auth_request *answered)
{
    s->auth = answered;
    s->base.want = SESSION_WANT_INPUT;
    switch (answered->base.status) {
    case REQUEST_CONTINUE:
        auth_challenge(s);
        return;
    case REQUEST_OK:
        auth_succeed(s);
        break;
    case REQUEST_TRY_LATER:
        auth_fail(s, SMTP_AUTH_LATER);
        break;
    case REQUEST_NOT_FOUND:
        smtp_say(s, SMTP_AUTH_UNKNOWN);
        break;
    default:
        auth_fail(s, SMTP_AUTH_FAILED);
        break;
    }
    smtp_auth_drop(s);
}
