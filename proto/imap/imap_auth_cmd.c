#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "proto/imap/imap_private.h"
#include "proto/imap/imap_token.h"
#include "proto/text/base64.h"
#include "proto/text/scan.h"

static void auth_drop(struct imap_session *s)
{
    if (s->auth != NULL)
        auth_request_free(&s->auth);
}

static void auth_begin(struct imap_session *s, const char *mechanism)
{
    struct auth_request *r = auth_request_new();

    ensure(strlen(mechanism) < sizeof(r->mechanism));
    memcpy(r->mechanism, mechanism, strlen(mechanism));
    memcpy(r->protocol, "imap", 5);
    memcpy(r->remote_address, s->peer.address, sizeof(r->remote_address));
    r->is_tls = s->peer.is_tls;
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
    auth_begin(s, "");
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

/* Hands one response of the client's on; `text` is base64. */
static void auth_respond(struct imap_session *s, struct span text)
{
    char *bytes = xmalloc(base64_decoded_max(text.len) + 1);
    size_t len;

    if (!base64_decode(text, bytes, &len)) {
        auth_drop(s);
        imap_bad(s, "Invalid base64 data.");
    } else {
        auth_note_plain(s, (struct span){bytes, len});
        s->auth->has_response = true;
        chain_free(&s->auth->response);
        chain_add(&s->auth->response, (struct span){bytes, len});
        auth_ask(s);
    }
    free(bytes);
}

static void auth_challenge(struct imap_session *s, struct span challenge)
{
    struct chain *out = &s->base.out;
    size_t room = base64_encoded_len(challenge.len);

    /* "+ " even when nothing follows: some clients wait for the blank (RFC 3501 7.5). */
    chain_add(out, SPAN("+ "));
    if (room > 0)
        chain_added(out, base64_encode(challenge, chain_reserve(out, room)));
    chain_add(out, SPAN("\r\n"));
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
    auth_begin(s, "PLAIN");
    if (scan_end(&args)) {
        auth_challenge(s, SPAN(""));
    } else if (!imap_token_space(&args) || scan_end(&args)) {
        auth_drop(s);
        imap_bad(s, NULL);
    } else {
        /* RFC 4959: "=" is a response that is empty. */
        auth_respond(s, span_eq(args, SPAN("=")) ? SPAN("") : args);
    }
}

size_t imap_auth_line(struct imap_session *s, struct span bytes)
{
    const char *lf = memchr(bytes.at, '\n', bytes.len);
    struct span line = span_first(bytes, lf == NULL ? bytes.len : (size_t)(lf - bytes.at));

    if (line.len > AUTH_RESPONSE_MAX) {
        auth_drop(s);
        imap_bad(s, "Authentication response is too long.");
        if (s->base.want != SESSION_WANT_CLOSE) {
            chain_add(&s->base.out, SPAN("* BYE Authentication response is too long.\r\n"));
            imap_close(s, "Authentication response is too long");
        }
        return 0;
    }
    if (lf == NULL)
        return 0;
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    if (span_eq(line, SPAN("*"))) {
        auth_drop(s);
        imap_bad(s, "Authentication aborted by client.");
    } else {
        auth_respond(s, line);
    }
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
    if (s->host->note != NULL)
        s->host->note(s->host->context, &note);
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
        auth_challenge(s, chain_flat(&r->base.out));
        chain_free(&r->base.out);
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
