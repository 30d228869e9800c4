#include "core/service/auth_sasl.h"

#include <gsasl.h>

#include "core/service/directory.h"

static const char *const offered[] = {"PLAIN"};

/* What the callback needs during one step. */
struct step {
    struct auth *auth;
    const struct directory *directory;
    struct auth_request *request;
    enum auth_answer answer;
};

static void drop_exchange(void *exchange)
{
    gsasl_finish(exchange);
}

/* To act for somebody else (RFC 4616's authorization identity) is not offered: it may only be
 * another spelling of oneself. */
static bool is_self(const struct step *step, const char *other, struct span account)
{
    struct span known, unused;

    return !other || other[0] == '\0' ||
           (directory_login(step->directory, span_str(other), &known, &unused) &&
            span_eq(known, account));
}

static int validate(struct step *step, Gsasl_session *session)
{
    const char *other = gsasl_property_fast(session, GSASL_AUTHZID);
    const char *user = gsasl_property_fast(session, GSASL_AUTHID);
    const char *password = gsasl_property_fast(session, GSASL_PASSWORD);
    struct span account;

    if (!user || !password)
        return GSASL_AUTHENTICATION_ERROR;
    step->answer =
        auth_check(step->auth, step->directory, span_str(user), span_str(password), &account);
    explicit_bzero((void *)(uintptr_t)password, strlen(password));
    if (step->answer == AUTH_GOOD && !is_self(step, other, account))
        step->answer = AUTH_BAD;
    if (step->answer != AUTH_GOOD)
        return GSASL_AUTHENTICATION_ERROR;
    auth_take_account(step->request, account);
    return GSASL_OK;
}

static int on_property(Gsasl *mechanisms, Gsasl_session *session, Gsasl_property property)
{
    (void)mechanisms;
    if (property == GSASL_VALIDATE_SIMPLE)
        return validate(gsasl_session_hook_get(session), session);
    return GSASL_NO_CALLBACK;
}

static bool is_offered(const char *mechanism)
{
    for (size_t i = 0; i < COUNT_OF(offered); i++)
        if (strcmp(offered[i], mechanism) == 0)
            return true;
    return false;
}

/* authzid NUL authcid NUL passwd (RFC 4616): the library would end a password at a third NUL. */
static bool has_two_nuls(struct span response)
{
    unsigned count = 0;

    for (size_t i = 0; i < response.len; i++)
        count += response.at[i] == '\0';
    return count == 2;
}

static enum request_status take_step(struct step *step)
{
    struct auth_request *r = step->request;
    struct span response = chain_flat(&r->response);
    char *challenge = NULL;
    size_t len = 0;
    int result;

    if (response.len > 0 && !has_two_nuls(response))
        return REQUEST_REFUSED;
    gsasl_session_hook_set(r->exchange, step);
    result = gsasl_step(r->exchange, response.at, response.len, &challenge, &len);
    if (result == GSASL_NEEDS_MORE && len > 0)
        chain_add(&r->challenge, (struct span){challenge, len});
    gsasl_free(challenge);
    if (result == GSASL_NEEDS_MORE)
        return REQUEST_CONTINUE;
    if (step->answer == AUTH_TROUBLE)
        return REQUEST_TRY_LATER;
    return result == GSASL_OK ? REQUEST_OK : REQUEST_REFUSED;
}

enum request_status auth_sasl_step(struct auth *a, const struct directory *d,
                                   struct auth_request *r)
{
    struct step step = {.auth = a, .directory = d, .request = r, .answer = AUTH_BAD};
    Gsasl *mechanisms = auth_mechanisms(a);
    Gsasl_session *session;
    enum request_status status;

    if (!r->exchange) {
        if (!is_offered(r->mechanism) ||
            gsasl_server_start(mechanisms, r->mechanism, &session) != GSASL_OK)
            return REQUEST_NOT_FOUND;
        r->exchange = session;
        r->drop = drop_exchange;
        if (!r->has_response)
            return REQUEST_CONTINUE; /* the client speaks first in all that we offer */
    }
    status = take_step(&step);
    if (status != REQUEST_CONTINUE) {
        r->drop(r->exchange);
        r->exchange = NULL;
    }
    return status;
}

void *auth_sasl_open(void)
{
    Gsasl *mechanisms;

    if (gsasl_init(&mechanisms) != GSASL_OK)
        return NULL;
    gsasl_callback_set(mechanisms, on_property);
    return mechanisms;
}

void auth_sasl_close(void *mechanisms)
{
    gsasl_done(mechanisms);
}
