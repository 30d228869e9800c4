#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "proto/imap/imap_private.h"
#include "proto/imap/imap_token.h"
#include "proto/sasl/sasl.h"
#include "proto/text/scan.h"

static void auth_drop(struct imap_session *s)
{
    if (s->auth != NULL)
        auth_request_free(&s->auth);
}

static void auth_begin(struct imap_session *s, struct span mechanism)
{
    struct auth_request *r = auth_request_new();

    ensure(mechanism.len == 0 || sasl_mechanism(r, mechanism));
    memcpy(r->protocol, "imap", 5);
    memcpy(r->remote_address, s->peer.address, sizeof(r->remote_address));
    r->tls = s->tls;
    r->base.kind = REQUEST_AUTH;
    s->auth = r;
    s->method = "PLAIN";
}

static void auth_ask(struct imap_session *s)
{
    struct auth_request *r = s->auth;

    s->auth = NULL;
    s->mode = IMAP_MODE_COMMAND;
    imap_ask_auth(s, r);
}

/* Keeps the name for the log, whatever becomes of the login. */
static void auth_note_user(struct imap_session *s, struct span user)
{
    user = span_first(user, AUTH_NAME_MAX);
    free(s->tried);
    s->tried = xcalloc(1, user.len + 1);
    if (user.len > 0)
        memcpy(s->tried, user.at, user.len);
}

void imap_login_cmd(struct imap_session *s, struct span args)
{
    struct span user, password;

    if (!imap_token_space(&args) || !imap_token_astring(&args, &user) || !imap_token_space(&args) ||
        !imap_token_astring(&args, &password) || !scan_end(&args)) {
        imap_bad(s, NULL);
        return;
    }
    auth_note_user(s, user);
    auth_begin(s, SPAN(""));
    chain_add(&s->auth->user, user);
    chain_add(&s->auth->password, password);
    auth_ask(s);
}

/* RFC 4616: authzid NUL authcid NUL passwd. */
static void auth_note_plain(struct imap_session *s, struct span response)
{
    const char *nul = memchr(response.at, '\0', response.len);
    struct span user =
        span_after(response, nul == NULL ? response.len : (size_t)(nul - response.at) + 1);

    nul = memchr(user.at, '\0', user.len);
    auth_note_user(s, span_first(user, nul == NULL ? user.len : (size_t)(nul - user.at)));
}

/* A response was taken in, or was none. */
static void auth_respond(struct imap_session *s, enum sasl_status status)
{
    switch (status) {
    case SASL_OK:
        auth_note_plain(s, chain_flat(&s->auth->response));
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

void imap_authenticate_cmd(struct imap_session *s, struct span args)
{
    struct span mechanism;

    if (!imap_token_space(&args) || !imap_token_atom(&args, &mechanism)) {
        imap_bad(s, NULL);
        return;
    }
    if (!span_eq_nocase(mechanism, SPAN("PLAIN"))) {
        imap_no(s, SPAN("[CANNOT] Unsupported authentication mechanism."));
        return;
    }
    auth_begin(s, mechanism);
    if (scan_end(&args)) {
        auth_challenge(s); /* PLAIN: the server's first word is empty */
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

    if (line.len > AUTH_RESPONSE_MAX) {
        auth_respond(s, SASL_TOO_LONG);
        s->reader.skips = true; /* the rest of the line is no command */
        return 0;
    }
    if (lf == NULL)
        return 0;
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    auth_respond(s, sasl_response(s->auth, line));
    return (size_t)(lf - bytes.at) + 1;
}

static void auth_succeed(struct imap_session *s, const struct auth_request *r)
{
    struct imap_note note = {.kind = IMAP_NOTE_LOGIN, .peer = &s->peer, .method = s->method};
    struct chain text = {0};

    s->account.name = span_str(xstrdup(r->account));
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
    default:
        s->failed_logins++;
        imap_no(s, SPAN("[AUTHENTICATIONFAILED] Authentication failed."));
        break;
    }
    s->out_bytes += s->base.out.len - before;
    auth_drop(s);
}
