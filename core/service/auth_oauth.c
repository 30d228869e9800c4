/*
 * auth_oauth: OAUTHBEARER (RFC 7628) and XOAUTH2: logins by a token that somebody else has given
 * out. A token that one of the keys has signed says itself whose it is; of others the provider is
 * asked, and what he said is remembered for a while.
 */

#include <jansson.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/service/auth_claims.h"
#include "core/service/auth_exchange.h"
#include "core/service/auth_introspect.h"
#include "core/service/auth_jwt.h"
#include "proto/sasl/sasl_bearer.h"

static bool is_xoauth2(const struct auth_exchange *x)
{
    return strcmp(x->step->request->mechanism, "XOAUTH2") == 0;
}

/* ---- what a token is worth ---- */

static int64_t now_s(void)
{
    return clock_wall_us() / 1000000;
}

static void remembered_as(const struct auth_exchange *x, struct span token, const char *name,
                          unsigned char digest[AUTH_DIGEST_SIZE])
{
    const struct span parts[] = {SPAN("token"), span_str(x->step->settings->oauth.url), token,
                                 span_str(name)};

    auth_keyed(x->step->auth, parts, COUNT_OF(parts), digest);
}

/* Only of a name that the client gave: what is remembered is a yes, and no name. */
static bool remembers(const struct auth_exchange *x, const struct sasl_bearer *b)
{
    unsigned char digest[AUTH_DIGEST_SIZE];

    remembered_as(x, b->token, b->user, digest);
    return b->user[0] != '\0' &&
           auth_cache_has(x->step->auth->tokens_known, digest, clock_monotonic_ns());
}

static void remember(const struct auth_exchange *x, const struct sasl_bearer *b, int64_t until_s)
{
    unsigned char digest[AUTH_DIGEST_SIZE];
    int64_t left_s = until_s == INT64_MAX ? INT64_MAX : until_s - now_s();

    if (b->user[0] == '\0' || left_s <= 0)
        return;
    remembered_as(x, b->token, b->user, digest);
    auth_cache_add_until(x->step->auth->tokens_known, digest, clock_monotonic_ns(),
                         left_s < INT32_MAX ? (uint64_t)left_s * 1000 : UINT64_MAX);
}

/* What was said may be somebody's fault whom the user does not know. */
static enum auth_answer judge(const struct auth_exchange *x, enum auth_claims_answer answer,
                              const struct auth_claims *c)
{
    if (answer == AUTH_CLAIMS_GOOD)
        return AUTH_GOOD;
    log_say(LOG_INFO, "auth", "%s: %s: the token is refused: %s", x->step->request->remote_address,
            x->step->request->mechanism, c->why);
    return AUTH_BAD;
}

static enum auth_answer ask(struct auth_exchange *x, struct span token, struct auth_claims *c_r)
{
    const struct auth_oauth_settings *set = &x->step->settings->oauth;
    struct chain json = {0}, why = {0};
    enum auth_answer answer = AUTH_BAD;

    switch (auth_introspect(set, token, &json, &why)) {
    case AUTH_INTROSPECT_TOLD: {
        enum auth_claims_answer said =
            auth_claims_check(set, chain_flat(&json), false, now_s(), c_r);
        answer = judge(x, said, c_r);
        if (said == AUTH_CLAIMS_BROKEN)
            answer = AUTH_TROUBLE;
        break;
    }
    case AUTH_INTROSPECT_REFUSED:
        *c_r = (struct auth_claims){.why = "the provider does not take it"};
        answer = judge(x, AUTH_CLAIMS_BAD, c_r);
        break;
    case AUTH_INTROSPECT_TROUBLE: {
        struct span text = chain_flat(&why);
        log_say(LOG_ERROR, "auth", "oauth2_introspection_url: %.*s", (int)text.len, text.at);
        answer = AUTH_TROUBLE;
        break;
    }
    }
    chain_free(&json);
    chain_free(&why);
    return answer;
}

/* AUTH_GOOD: the name that the token is for is in `c_r`. */
static enum auth_answer check(struct auth_exchange *x, const struct sasl_bearer *b,
                              struct auth_claims *c_r)
{
    const struct auth_oauth_settings *set = &x->step->settings->oauth;
    struct chain payload = {0};
    enum auth_answer answer = AUTH_BAD;

    if (set->keys && auth_jwt_open(set->keys, b->token, &payload)) {
        answer = judge(x, auth_claims_check(set, chain_flat(&payload), true, now_s(), c_r), c_r);
    } else if (set->url[0] == '\0') {
        *c_r = (struct auth_claims){.why = "none of oauth2_key_files has signed it"};
        answer = judge(x, AUTH_CLAIMS_BAD, c_r);
    } else if (!x->step->auth->introspects || x->step->auth->is_stopping) {
        answer = AUTH_TROUBLE; /* oauth2_introspection_url is new since the start, or it is the end
                                */
    } else if (remembers(x, b)) {
        memcpy(c_r->name, b->user, sizeof(c_r->name));
        return AUTH_GOOD;
    } else {
        answer = ask(x, b->token, c_r);
        if (answer == AUTH_GOOD && strcmp(c_r->name, b->user) == 0)
            remember(x, b, c_r->until_s);
    }
    chain_free(&payload);
    return answer;
}

/* ---- the exchange ---- */

/* What was wrong is said in JSON; the client answers with something empty, and then it is over
 * (RFC 7628 3.2.2). */
static void say_wrong(struct auth_exchange *x)
{
    const struct auth_oauth_settings *set = &x->step->settings->oauth;
    struct chain *challenge = &x->step->request->challenge, scopes = {0};
    json_t *said = json_object();
    struct span list;
    char *text;

    for (unsigned i = 0; i < set->scopes.count; i++)
        chain_addf(&scopes, "%s%s", i > 0 ? " " : "", set->scopes.at[i]);
    list = chain_flat(&scopes);
    (void)json_object_set_new(said, "status", json_string(is_xoauth2(x) ? "401" : "invalid_token"));
    if (is_xoauth2(x))
        (void)json_object_set_new(said, "schemes", json_string("bearer"));
    if (list.len > 0)
        (void)json_object_set_new(said, "scope", json_stringn(list.at, list.len));
    if (set->configuration_url[0] != '\0' && !is_xoauth2(x))
        (void)json_object_set_new(said, "openid-configuration",
                                  json_string(set->configuration_url));
    text = json_dumps(said, JSON_COMPACT);
    if (text)
        chain_add(challenge, span_str(text));
    free(text);
    json_decref(said);
    chain_free(&scopes);
}

/* The last answer counts one failure for one token, however often it comes: a phone whose token has
 * expired is no guesser. */
static void note_secret(struct auth_exchange *x, struct span token)
{
    unsigned char digest[AUTH_DIGEST_SIZE];

    auth_keyed(x->step->auth, &token, 1, digest);
    chain_free(&x->step->request->password);
    chain_add(&x->step->request->password, (struct span){(const char *)digest, sizeof(digest)});
}

static enum request_status first_step(struct auth_exchange *x)
{
    struct auth_request *r = x->step->request;
    struct sasl_bearer bearer;
    struct auth_claims claims = {0};
    enum auth_answer answer = AUTH_BAD;

    if (!sasl_bearer_parse(chain_flat(&r->response), is_xoauth2(x), &bearer))
        return REQUEST_REFUSED;
    auth_request_tried(r, span_str(bearer.user));
    if (bearer.token.len > 0)
        answer = check(x, &bearer, &claims);
    if (answer == AUTH_TROUBLE)
        return REQUEST_TRY_LATER;
    if (answer == AUTH_GOOD) {
        if (bearer.user[0] == '\0')
            auth_request_tried(r, span_str(claims.name));
        if (auth_exchange_accept(x, span_str(claims.name), bearer.user))
            return REQUEST_OK;
    }
    note_secret(x, bearer.token);
    say_wrong(x);
    x->is_wrong = true;
    return REQUEST_CONTINUE;
}

enum request_status auth_oauth_step(struct auth_exchange *x)
{
    if (x->is_wrong)
        return REQUEST_REFUSED;
    return x->step->request->has_response ? first_step(x) : REQUEST_CONTINUE;
}

bool auth_oauth_is_it(const struct auth_request *r)
{
    return strcmp(r->mechanism, "OAUTHBEARER") == 0 || strcmp(r->mechanism, "XOAUTH2") == 0;
}
