#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "proto/pop3/pop3_private.h"
#include "proto/sasl/sasl.h"
#include "proto/text/scan.h"

/* ---- what is allowed ---- */

const char *pop3_auth_mechanisms(const struct pop3_session *s)
{
    const struct sasl_settings *sasl = &s->settings->sasl;

    return s->tls != NULL ? sasl->mechanisms_tls : sasl->mechanisms_clear;
}

bool pop3_auth_allows_clear(const struct pop3_session *s)
{
    return s->tls != NULL || s->settings->sasl.allow_clear;
}

/* Is the mechanism one of these, which are divided by blanks? */
static bool list_has(const char *list, struct span mechanism)
{
    struct span rest = span_str(list), word;

    while (scan_blanks(&rest), scan_word(&rest, &word)) {
        if (span_eq_nocase(word, mechanism))
            return true;
    }
    return false;
}

static void needs_tls(struct pop3_session *s)
{
    pop3_err(s, SPAN("[AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) "
                     "connections."));
}

/* ---- the request ---- */

void pop3_auth_drop(struct pop3_session *s)
{
    s->in_sasl = false;
    if (s->auth != NULL)
        auth_request_free(&s->auth);
}

static void auth_begin(struct pop3_session *s, struct span mechanism)
{
    struct auth_request *r = auth_request_new();
    struct span method = mechanism.len == 0 ? SPAN("PLAIN") : mechanism;

    ensure(mechanism.len == 0 || sasl_mechanism(r, mechanism));
    memcpy(r->protocol, "pop3", 5);
    memcpy(r->remote_address, s->peer.address, sizeof(r->remote_address));
    r->tls = s->tls;
    s->auth = r;
    ensure(method.len < sizeof(s->method));
    memcpy(s->method, mechanism.len == 0 ? method.at : r->mechanism, method.len);
    s->method[method.len] = '\0';
}

static void auth_ask(struct pop3_session *s)
{
    struct auth_request *r = s->auth;

    s->auth = NULL;
    s->in_sasl = false;
    pop3_ask_auth(s, r);
}

/* Keeps the name for the log, whatever becomes of the login. */
static void auth_note_user(struct pop3_session *s, struct span user)
{
    user = span_first(user, AUTH_NAME_MAX);
    free(s->tried);
    s->tried = xcalloc(1, user.len + 1);
    if (user.len > 0)
        memcpy(s->tried, user.at, user.len);
}

/* ---- USER and PASS ---- */

void pop3_user_cmd(struct pop3_session *s, struct span args)
{
    free(s->user);
    s->user = NULL;
    if (!pop3_auth_allows_clear(s)) {
        needs_tls(s);
    } else if (args.len == 0) {
        pop3_bad(s, SPAN("No username given."));
    } else if (args.len > AUTH_NAME_MAX) {
        pop3_bad(s, SPAN("The username is too long."));
    } else {
        s->user = xcalloc(1, args.len + 1);
        memcpy(s->user, args.at, args.len);
        pop3_ok(s, SPAN(""));
    }
}

/* All that follows the blank is the password: it may have blanks, in front and behind too. */
void pop3_pass_cmd(struct pop3_session *s, struct span args)
{
    if (s->user == NULL) {
        pop3_bad(s, SPAN("No username given."));
        return;
    }
    auth_note_user(s, span_str(s->user));
    auth_begin(s, SPAN(""));
    chain_add(&s->auth->user, span_str(s->user));
    chain_add(&s->auth->password, args);
    free(s->user);
    s->user = NULL;
    auth_ask(s);
}

/* ---- AUTH (RFC 5034) ---- */

/* RFC 4616: authzid NUL authcid NUL passwd. */
static void auth_note_plain(struct pop3_session *s, struct span response)
{
    const char *nul = memchr(response.at, '\0', response.len);
    struct span user =
        span_after(response, nul == NULL ? response.len : (size_t)(nul - response.at) + 1);

    nul = memchr(user.at, '\0', user.len);
    auth_note_user(s, span_first(user, nul == NULL ? user.len : (size_t)(nul - user.at)));
}

/* A response was taken in, or was none. */
static void auth_respond(struct pop3_session *s, enum sasl_status status)
{
    switch (status) {
    case SASL_OK:
        if (strcmp(s->auth->mechanism, "PLAIN") == 0)
            auth_note_plain(s, chain_flat(&s->auth->response));
        auth_ask(s);
        break;
    case SASL_CANCELLED:
        pop3_auth_drop(s);
        pop3_bad(s, SPAN("Authentication aborted by client."));
        break;
    case SASL_TOO_LONG:
        pop3_auth_drop(s);
        pop3_bad(s, SPAN("Authentication response is too long."));
        break;
    case SASL_BAD:
        pop3_auth_drop(s);
        pop3_bad(s, SPAN("Invalid base64 data in the authentication response."));
        break;
    }
}

static void auth_challenge(struct pop3_session *s)
{
    pop3_add(s, SPAN("+ ")); /* with its blank even when nothing follows */
    sasl_challenge(s->auth, &s->base.out);
    pop3_add(s, SPAN("\r\n"));
    s->in_sasl = true;
}

/* AUTH alone lists the mechanisms: how clients asked before there was CAPA. */
static void auth_list(struct pop3_session *s)
{
    struct span rest = span_str(pop3_auth_mechanisms(s)), word;

    pop3_ok(s, SPAN(""));
    while (scan_blanks(&rest), scan_word(&rest, &word)) {
        pop3_add(s, word);
        pop3_add(s, SPAN("\r\n"));
    }
    pop3_add(s, SPAN(".\r\n"));
}

void pop3_auth_cmd(struct pop3_session *s, struct span args)
{
    struct span mechanism;

    if (!scan_word(&args, &mechanism)) {
        auth_list(s);
    } else if (!list_has(pop3_auth_mechanisms(s), mechanism)) {
        if (s->tls == NULL && list_has(s->settings->sasl.mechanisms_tls, mechanism))
            needs_tls(s);
        else
            pop3_bad(s, SPAN("[AUTH] Unsupported authentication mechanism."));
    } else {
        auth_begin(s, mechanism);
        scan_blanks(&args);
        if (args.len > 0)
            auth_respond(s, sasl_initial(s->auth, args));
        else if (strcmp(s->auth->mechanism, "PLAIN") == 0)
            auth_challenge(s); /* the server's first word is empty */
        else
            auth_ask(s); /* the mechanism says whose word is first */
    }
}

void pop3_auth_line(struct pop3_session *s, struct span line)
{
    auth_respond(s, sasl_response(s->auth, line));
}

/* ---- answers ---- */

/* The name and password were right: now the maildrop is needed. */
static void auth_open(struct pop3_session *s, const char *account)
{
    struct pop3_open_request *r;
    enum pop3_lock lock;

    lock = s->host->lock(s->host, s->settings, span_str(account));
    if (lock == POP3_LOCK_HELD) {
        pop3_err(s, SPAN("[IN-USE] Another POP3 session has this mailbox open."));
    } else if (lock == POP3_LOCK_TOO_SOON) {
        pop3_err(s, SPAN("[LOGIN-DELAY] The last login was too short a time ago."));
    } else {
        s->account = xstrdup(account);
        s->has_lock = true;
        r = pop3_request_new(REQUEST_POP3_OPEN, sizeof(*r));
        pop3_ask(s, &r->pop3);
    }
}

static void auth_judged(struct pop3_session *s, struct auth_request *r)
{
    s->auth = r;
    switch (r->base.status) {
    case REQUEST_OK:
        auth_open(s, r->account);
        break;
    case REQUEST_CONTINUE:
        auth_challenge(s);
        return;
    case REQUEST_TRY_LATER:
        pop3_err(s, SPAN("[SYS/TEMP] Temporary authentication failure."));
        break;
    default:
        s->failed_logins++;
        pop3_err(s, SPAN("[AUTH] Authentication failed."));
        break;
    }
    pop3_auth_drop(s);
}

static void auth_opened(struct pop3_session *s, const struct request *r)
{
    struct pop3_note note = {
        .kind = POP3_NOTE_LOGIN, .peer = &s->peer, .tls = s->tls, .method = s->method};

    if (s->drop.uids == NULL) {
        pop3_leave(s);
        pop3_trouble(s, r->status != REQUEST_OK ? r->status : REQUEST_TRY_LATER);
        return;
    }
    s->state = POP3_TRANSACTION;
    note.user = span_str(s->account);
    note.attempts = s->failed_logins;
    s->host->note(s->host, &note);
    free(s->tried);
    s->tried = NULL;
    pop3_ok(s, SPAN("Logged in."));
}

void pop3_auth_answered(struct pop3_session *s, struct request *r)
{
    if (r->kind == REQUEST_AUTH)
        auth_judged(s, (struct auth_request *)r);
    else
        auth_opened(s, r);
}
