#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/map.h"
#include "proto/pop3/pop3_private.h"
#include "proto/sasl/sasl.h"
#include "proto/sasl/sasl_offer.h"
#include "proto/text/scan.h"

/* ---- what is allowed ---- */

static struct sasl_client sasl_client(const struct pop3_session *s)
{
    return (struct sasl_client){s->peer.address, s->peer.local_address, s->tls};
}

unsigned pop3_auth_write(const struct pop3_session *s, struct span before, struct chain *out)
{
    return sasl_offer_write(&s->settings->sasl, sasl_client(s), before, out);
}

bool pop3_auth_allows_clear(const struct pop3_session *s)
{
    return sasl_takes_passwords(&s->settings->sasl, sasl_client(s));
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
    r->response_max = sasl_response_max(&s->settings->sasl);
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
static void auth_note_user(struct pop3_session *s, const struct auth_request *r)
{
    if (r->tried[0] == '\0')
        return;
    free(s->tried);
    s->tried = xstrdup(r->tried);
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
    } else if (!scan_is_utf8(args)) { /* a MUST of RFC 6856 2.2 */
        pop3_bad(s, SPAN("The username is not UTF-8."));
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
    if (!scan_is_utf8(args)) {
        pop3_bad(s, SPAN("The password is not UTF-8."));
        return;
    }
    auth_begin(s, SPAN(""));
    auth_request_tried(s->auth, span_str(s->user));
    chain_add(&s->auth->user, span_str(s->user));
    chain_add(&s->auth->password, args);
    free(s->user);
    s->user = NULL;
    auth_ask(s);
}

/* ---- AUTH (RFC 5034) ---- */

/* A response was taken in, or was none. */
static void auth_respond(struct pop3_session *s, enum sasl_status status)
{
    switch (status) {
    case SASL_OK:
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
    struct chain words = {0};

    pop3_ok(s, SPAN(""));
    if (pop3_auth_write(s, SPAN("\r\n"), &words) > 0) {
        chain_drop(&words, 2);
        chain_move(&s->base.out, &words);
        pop3_add(s, SPAN("\r\n"));
    }
    pop3_add(s, SPAN(".\r\n"));
}

void pop3_auth_cmd(struct pop3_session *s, struct span args)
{
    struct span mechanism;

    if (!scan_word(&args, &mechanism)) {
        auth_list(s);
    } else if (!sasl_offers(&s->settings->sasl, sasl_client(s), mechanism)) {
        if (s->tls == NULL && sasl_offers_with_tls(&s->settings->sasl, mechanism))
            needs_tls(s);
        else
            pop3_bad(s, SPAN("[AUTH] Unsupported authentication mechanism."));
    } else {
        auth_begin(s, mechanism);
        scan_blanks(&args);
        if (args.len > 0)
            auth_respond(s, sasl_initial(s->auth, args));
        else if (sasl_client_first(s->auth))
            auth_challenge(s); /* the server's first word is empty */
        else
            auth_ask(s);
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
        s->base.user = map_hash(span_str(account));
        s->has_lock = true;
        r = pop3_request_new(REQUEST_POP3_OPEN, sizeof(*r));
        pop3_ask(s, &r->pop3);
    }
}

static void auth_judged(struct pop3_session *s, struct auth_request *r)
{
    s->auth = r;
    auth_note_user(s, r);
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
    default: /* the answer waits: guessing is to take time */
        s->failed_logins++;
        s->base.delay_ms = r->delay_ms;
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
