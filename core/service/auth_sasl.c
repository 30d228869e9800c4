#include "core/service/auth_sasl.h"

#include <gsasl.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/service/auth_exchange.h"

/* ---- who it is ---- */

/* To act for somebody else (RFC 4616's authorization identity) is not offered: it may only be
 * another spelling of oneself. */
static bool is_self(const struct auth_step *step, const char *other, struct span account)
{
    struct span known, unused;

    return !other || other[0] == '\0' ||
           (directory_login(step->directory, span_str(other), &known, &unused) &&
            span_eq(known, account));
}

bool auth_exchange_accept(struct auth_exchange *x, struct span name, const char *other)
{
    struct span account, unused;

    if (!directory_login(x->step->directory, name, &account, &unused) ||
        !is_self(x->step, other, account))
        return false;
    auth_take_account(x->step->request, account);
    x->answer = AUTH_GOOD;
    return true;
}

/* ---- the library's questions ---- */

/* PLAIN and LOGIN: user and password. */
static bool validate_password(struct auth_exchange *x, Gsasl_session *library)
{
    const char *user = gsasl_property_fast(library, GSASL_AUTHID);
    const char *password = gsasl_property_fast(library, GSASL_PASSWORD);
    struct auth_request *r = x->step->request;
    struct span account;

    if (!user || !password)
        return false;
    auth_request_tried(r, span_str(user));
    x->answer = auth_check(x->step->auth, x->step->directory, r->mechanism, span_str(user),
                           span_str(password), &account);
    explicit_bzero((void *)(uintptr_t)password, strlen(password));
    if (x->answer != AUTH_GOOD)
        return false;
    x->answer = AUTH_BAD;
    return auth_exchange_accept(x, account, gsasl_property_fast(library, GSASL_AUTHZID));
}

/* EXTERNAL (RFC 4422 A): whom the client's certificate names. */
static bool validate_external(struct auth_exchange *x, Gsasl_session *library)
{
    const struct session_tls *tls = x->step->request->tls;

    if (!tls || tls->client_name[0] == '\0')
        return false;
    auth_request_tried(x->step->request, span_str(tls->client_name));
    return auth_exchange_accept(x, span_str(tls->client_name),
                                gsasl_property_fast(library, GSASL_AUTHZID));
}

static int on_property(Gsasl *mechanisms, Gsasl_session *library, Gsasl_property property)
{
    struct auth_exchange *x = gsasl_session_hook_get(library);

    (void)mechanisms;
    switch (property) {
    case GSASL_VALIDATE_SIMPLE:
        return validate_password(x, library) ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
    case GSASL_VALIDATE_EXTERNAL:
        return validate_external(x, library) ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
    default:
        return auth_scram_property(x, library, (int)property);
    }
}

/* ---- steps ---- */

/* The library's next word. */
static int library_step(struct auth_exchange *x)
{
    struct auth_request *r = x->step->request;
    struct span response = chain_flat(&r->response);
    char *challenge = NULL;
    size_t len = 0;
    int result;

    gsasl_session_hook_set(x->library, x);
    result = gsasl_step(x->library, response.at ? response.at : "", response.len, &challenge, &len);
    if ((result == GSASL_NEEDS_MORE || result == GSASL_OK) && len > 0)
        chain_add(&r->challenge, (struct span){challenge, len});
    gsasl_free(challenge);
    return result;
}

static enum request_status status_of(const struct auth_exchange *x, int result)
{
    if (result == GSASL_NEEDS_MORE)
        return REQUEST_CONTINUE;
    if (x->answer == AUTH_TROUBLE)
        return REQUEST_TRY_LATER;
    return result == GSASL_OK && x->answer == AUTH_GOOD ? REQUEST_OK : REQUEST_REFUSED;
}

/* The library would end a password at a third NUL. */
static enum request_status step_plain(struct auth_exchange *x)
{
    struct auth_request *r = x->step->request;
    struct auth_plain plain;

    if (!r->has_response)
        return REQUEST_CONTINUE;
    if (!auth_plain_parse(chain_flat(&r->response), &plain))
        return REQUEST_REFUSED;
    return status_of(x, library_step(x));
}

/* The server speaks first, in the words that everybody knows and not the library's. The user's name
 * may come unasked. */
static enum request_status step_login(struct auth_exchange *x)
{
    struct auth_request *r = x->step->request;
    struct chain response = {0};
    enum request_status status = REQUEST_CONTINUE;

    if (!x->has_begun) {
        x->has_begun = true;
        chain_move(&response, &r->response);
        (void)library_step(x); /* asks for the name, whatever it is given */
        chain_move(&r->response, &response);
    }
    if (r->has_response) {
        status = status_of(x, library_step(x));
        x->steps++;
    }
    chain_free(&r->challenge);
    if (status == REQUEST_CONTINUE)
        chain_add(&r->challenge, r->has_response ? SPAN("Password:") : SPAN("Username:"));
    return status;
}

static enum request_status step_external(struct auth_exchange *x)
{
    return x->step->request->has_response ? status_of(x, library_step(x)) : REQUEST_CONTINUE;
}

/* The server has the last word, a proof of its own; the client says nothing to it. */
static enum request_status step_scram(struct auth_exchange *x)
{
    struct auth_request *r = x->step->request;
    const char *name;
    int result;

    if (!r->has_response)
        return REQUEST_CONTINUE;
    if (x->is_right)
        return r->response.len == 0 ? REQUEST_OK : REQUEST_REFUSED;
    x->steps++;
    result = library_step(x);
    if (result != GSASL_OK)
        return status_of(x, result);
    name = gsasl_property_fast(x->library, GSASL_AUTHID);
    x->is_right = name && auth_exchange_accept(x, span_str(name),
                                               gsasl_property_fast(x->library, GSASL_AUTHZID));
    if (!x->is_right)
        chain_free(&r->challenge);
    return x->is_right ? REQUEST_CONTINUE : REQUEST_REFUSED;
}

/* ---- the mechanisms ---- */

static const struct mechanism {
    const char *name;
    enum request_status (*step)(struct auth_exchange *x);
    bool has_library;
} mechanisms[] = {
    {"PLAIN",              step_plain,      true },
    {"LOGIN",              step_login,      true },
    {"SCRAM-SHA-1",        step_scram,      true },
    {"SCRAM-SHA-256",      step_scram,      true },
    {"SCRAM-SHA-1-PLUS",   step_scram,      true },
    {"SCRAM-SHA-256-PLUS", step_scram,      true },
    {"EXTERNAL",           step_external,   true },
    {"OAUTHBEARER",        auth_oauth_step, false},
    {"XOAUTH2",            auth_oauth_step, false},
};

static const struct mechanism *mechanism_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(mechanisms); i++)
        if (strcmp(mechanisms[i].name, name) == 0)
            return &mechanisms[i];
    return NULL;
}

enum {
    EXCHANGE_HELD = 1536, /* bytes of memory between two steps, most of them the library's */
};

static void drop_exchange(void *exchange)
{
    struct auth_exchange *x = exchange;

    if (x->library)
        gsasl_finish(x->library);
    free(x);
}

/* False when the library has not got it. */
static bool begin(const struct auth_step *step, const struct mechanism *m)
{
    struct auth_exchange *x = xcalloc(1, sizeof(*x));
    Gsasl_session *library = NULL;

    if (m->has_library &&
        gsasl_server_start(step->auth->mechanisms, m->name, &library) != GSASL_OK) {
        free(x);
        return false;
    }
    x->library = library;
    x->answer = AUTH_BAD;
    step->request->exchange = x;
    step->request->drop = drop_exchange;
    return true;
}

enum request_status auth_sasl_step(const struct auth_step *step)
{
    struct auth_request *r = step->request;
    const struct mechanism *m = mechanism_find(r->mechanism);
    struct auth_exchange *x;
    enum request_status status;

    if (!m || (!r->exchange && !begin(step, m)))
        return REQUEST_NOT_FOUND;
    x = r->exchange;
    x->step = step;
    status = m->step(x);
    x->step = NULL;
    r->base.held = status == REQUEST_CONTINUE ? EXCHANGE_HELD : 0;
    if (status != REQUEST_CONTINUE) {
        r->drop(r->exchange);
        r->exchange = NULL;
    }
    return status;
}

bool auth_sasl_is_quick(const struct auth_request *r)
{
    const struct auth_exchange *x = r->exchange;

    if (!r->has_response || (x && (x->is_right || x->is_wrong)))
        return true;
    if (strcmp(r->mechanism, "LOGIN") == 0)
        return !x || x->steps == 0;
    return strncmp(r->mechanism, "SCRAM-", 6) == 0 && (!x || x->steps == 0);
}

void *auth_sasl_open(void)
{
    Gsasl *library;

    if (gsasl_init(&library) != GSASL_OK)
        return NULL;
    gsasl_callback_set(library, on_property);
    return library;
}

void auth_sasl_close(void *library)
{
    gsasl_done(library);
}
