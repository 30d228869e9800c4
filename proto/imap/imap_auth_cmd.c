#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/map.h"
#include "proto/imap/imap_private.h"
#include "proto/imap/imap_token.h"
#include "proto/sasl/sasl.h"
#include "proto/sasl/sasl_offer.h"
#include "proto/text/scan.h"

static void auth_drop(struct imap_session *s)
{
    if (s->auth != NULL)
        auth_request_free(&s->auth);
}

struct sasl_client imap_sasl_client(const struct imap_session *s)
{
    return (struct sasl_client){s->peer.address, s->peer.local_address, s->tls};
}

/* The mechanism is "" for LOGIN, which is logged as what it comes to. */
static void auth_begin(struct imap_session *s, struct auth_request *r)
{
    const char *method = r->mechanism[0] != '\0' ? r->mechanism : "PLAIN";

    memcpy(r->protocol, "imap", 5);
    memcpy(r->remote_address, s->peer.address, sizeof(r->remote_address));
    r->tls = s->tls;
    r->response_max = sasl_response_max(&imap_settings_of(s)->sasl);
    r->wants_seat = true;
    memcpy(s->method, method, strlen(method) + 1);
    s->auth = r;
}

static void auth_ask(struct imap_session *s)
{
    struct auth_request *r = s->auth;

    s->auth = NULL;
    s->mode = IMAP_MODE_COMMAND;
    imap_ask_auth(s, r);
}

/* Keeps the name for the log, whatever becomes of the login. */
static void auth_note_user(struct imap_session *s, const struct auth_request *r)
{
    if (r->tried[0] == '\0')
        return;
    free(s->tried);
    s->tried = xstrdup(r->tried);
}

/* RFC 3501 6.2.3, RFC 5530 3. */
static void auth_refuse_clear(struct imap_session *s)
{
    imap_no(s, SPAN("[PRIVACYREQUIRED] Cleartext authentication disallowed on non-secure "
                    "(SSL/TLS) connections."));
}

void imap_login_cmd(struct imap_session *s, struct span args)
{
    struct span user, password;

    if (!imap_token_space(&args) || !imap_token_astring(&args, &user) || !imap_token_space(&args) ||
        !imap_token_astring(&args, &password) || !scan_end(&args)) {
        imap_bad(s, NULL);
        return;
    }
    if (!sasl_takes_passwords(&imap_settings_of(s)->sasl, imap_sasl_client(s))) {
        auth_refuse_clear(s);
        return;
    }
    auth_begin(s, auth_request_new());
    auth_request_tried(s->auth, user);
    chain_add(&s->auth->user, user);
    chain_add(&s->auth->password, password);
    auth_ask(s);
}

/* A response was taken in, or was none. */
static void auth_respond(struct imap_session *s, enum sasl_status status)
{
    switch (status) {
    case SASL_OK:
        auth_ask(s);
        break;
    case SASL_CANCELLED:
        auth_drop(s);
        imap_bad(s, "Authentication aborted by client.");
        break;
    case SASL_TOO_LONG:
        auth_drop(s);
        imap_bad(s, "Authentication response is too long.");
        break;
    case SASL_BAD:
        auth_drop(s);
        imap_bad(s, "Invalid base64 data.");
        break;
    }
}

static void auth_challenge(struct imap_session *s)
{
    /* "+ " even when nothing follows: some clients wait for the blank (RFC 3501 7.5). */
    chain_add(&s->base.out, SPAN("+ "));
    sasl_challenge(s->auth, &s->base.out);
    chain_add(&s->base.out, SPAN("\r\n"));
    s->mode = IMAP_MODE_SASL;
}

/* Why this mechanism is not taken. */
static void auth_refuse_mechanism(struct imap_session *s, struct span mechanism)
{
    if (sasl_offers_with_tls(&imap_settings_of(s)->sasl, mechanism) && s->tls == NULL)
        auth_refuse_clear(s);
    else
        imap_no(s, SPAN("[CANNOT] Unsupported authentication mechanism."));
}

/* Without an initial response. */
static void auth_first_word(struct imap_session *s)
{
    if (sasl_client_first(s->auth))
        auth_challenge(s);
    else
        auth_ask(s);
}

void imap_authenticate_cmd(struct imap_session *s, struct span args)
{
    struct auth_request *r;
    struct span mechanism;

    if (!imap_token_space(&args) || !imap_token_atom(&args, &mechanism)) {
        imap_bad(s, NULL);
        return;
    }
    r = auth_request_new();
    if (!sasl_mechanism(r, mechanism) ||
        !sasl_offers(&imap_settings_of(s)->sasl, imap_sasl_client(s), mechanism)) {
        auth_request_free(&r);
        auth_refuse_mechanism(s, mechanism);
        return;
    }
    auth_begin(s, r);
    if (scan_end(&args)) {
        auth_first_word(s);
    } else if (!imap_token_space(&args) || scan_end(&args)) {
        auth_drop(s);
        imap_bad(s, NULL);
    } else {
        auth_respond(s, sasl_initial(s->auth, args));
    }
}

size_t imap_auth_line(struct imap_session *s, struct span bytes)
{
    const char *lf = memchr(bytes.at, '\n', bytes.len);
    struct span line = span_first(bytes, lf == NULL ? bytes.len : (size_t)(lf - bytes.at));

    if (line.len > s->auth->response_max + 1) { /* one more is a CR */
        auth_respond(s, SASL_TOO_LONG);
        s->reader.skips = true; /* the rest of the line is no command */
        return line.len;
    }
    if (lf == NULL)
        return 0;
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    auth_respond(s, sasl_response(s->auth, line));
    return (size_t)(lf - bytes.at) + 1;
}

static void auth_succeed(struct imap_session *s, struct auth_request *r)
{
    struct imap_note note = {
        .kind = IMAP_NOTE_LOGIN, .peer = &s->peer, .tls = s->tls, .method = s->method};
    struct chain text = {0};

    s->account.name = span_str(xstrdup(r->account));
    s->base.user = map_hash(s->account.name);
    s->seat = r->seat;
    r->seat = NULL;
    s->state = IMAP_LOGGED_IN;
    note.user = s->account.name;
    note.attempts = s->failed_logins;
    s->host->note(s->host, &note);
    free(s->tried);
    s->tried = NULL;
    chain_add_byte(&text, '[');
    imap_capability_write(s, &text);
    chain_add(&text, SPAN("] Logged in"));
    imap_ok_text(s, chain_flat(&text));
    chain_free(&text);
}

void imap_auth_answered(struct imap_session *s, struct request *answered)
{
    struct auth_request *r = (struct auth_request *)answered;
    size_t before = s->base.out.len;

    s->auth = r;
    auth_note_user(s, r);
    switch (r->base.status) {
    case REQUEST_OK:
        auth_succeed(s, r);
        break;
    case REQUEST_CONTINUE:
        auth_challenge(s);
        s->out_bytes += s->base.out.len - before;
        return;
    case REQUEST_TRY_LATER:
        imap_no(s, SPAN("[UNAVAILABLE] Temporary authentication failure."));
        break;
    default: /* the answer waits: guessing is to take time */
        s->failed_logins++;
        s->base.delay_ms = r->delay_ms;
        imap_no(s, SPAN("[AUTHENTICATIONFAILED] Authentication failed."));
        break;
    }
    s->out_bytes += s->base.out.len - before;
    auth_drop(s);
}
