#include "core/service/auth.h"

#include <limits.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "core/base/log.h"
#include "core/base/map.h"
#include "core/base/random.h"
#include "core/service/auth_digest.h"
#include "core/service/auth_hash.h"
#include "core/service/auth_introspect.h"
#include "core/service/auth_private.h"
#include "core/service/auth_sasl.h"

struct auth *auth_open(const struct auth_config *config)
{
    struct auth *a = xcalloc(1, sizeof(*a));

    random_bytes(a->secret, sizeof(a->secret));
    a->cache = auth_cache_open(config->cache_size, config->cache_ms);
    a->penalty = auth_penalty_open();
    a->sessions = tally_open(UINT_MAX);
    a->mechanisms = auth_sasl_open();
    a->tokens_known = auth_cache_open(config->token_cache_ms > 0 ? config->cache_size : 0,
                                      config->token_cache_ms);
    a->introspects = config->introspects;
    if (config->threads > 0)
        a->threads = worker_pool_open_named(config->threads, "auth");
    if (config->introspects && config->token_threads > 0)
        a->token_threads = worker_pool_open_named(config->token_threads, "token");
    if (!a->mechanisms || (config->threads > 0 && !a->threads) ||
        (config->introspects && config->token_threads > 0 && !a->token_threads) ||
        (config->introspects && !auth_introspect_begin()))
        auth_close(&a);
    return a;
}

void auth_stop(struct auth *a)
{
    a->is_stopping = true;
    if (a->threads)
        worker_pool_close(&a->threads);
    if (a->token_threads)
        worker_pool_close(&a->token_threads);
}

void auth_close(struct auth **auth)
{
    struct auth *a = *auth;

    *auth = NULL;
    if (!a)
        return;
    auth_stop(a);
    auth_cache_close(&a->cache);
    auth_cache_close(&a->tokens_known);
    auth_penalty_close(&a->penalty);
    tally_close(&a->sessions);
    if (a->mechanisms)
        auth_sasl_close(a->mechanisms);
    explicit_bzero(a->secret, sizeof(a->secret));
    free(a);
}

void auth_numbers(struct auth *a, struct worker_pool_numbers *numbers_r)
{
    *numbers_r = (struct worker_pool_numbers){0};
    if (a->threads)
        worker_pool_numbers(a->threads, numbers_r);
}

void auth_take_account(struct auth_request *r, struct span account)
{
    ensure(account.len < sizeof(r->account));
    memcpy(r->account, account.at, account.len);
    r->account[account.len] = '\0';
}

bool auth_plain_parse(struct span response, struct auth_plain *p_r)
{
    struct span *parts[] = {&p_r->other, &p_r->name, &p_r->password};

    for (unsigned i = 0; i < COUNT_OF(parts); i++) {
        const char *nul = response.len > 0 ? memchr(response.at, '\0', response.len) : NULL;
        if ((nul == NULL) != (i + 1 == COUNT_OF(parts)))
            return false;
        *parts[i] = span_first(response, nul ? (size_t)(nul - response.at) : response.len);
        response = span_after(response, parts[i]->len + 1);
    }
    return true;
}

/* ---- the memory of logins ---- */

enum {
    KEYED_PARTS_MAX = 4
};

void auth_keyed(const struct auth *a, const struct span *parts, unsigned count,
                unsigned char digest[AUTH_DIGEST_SIZE])
{
    uint64_t lens[KEYED_PARTS_MAX];
    struct span all[2 * KEYED_PARTS_MAX];

    ensure(count <= KEYED_PARTS_MAX);
    for (unsigned i = 0; i < count; i++) {
        lens[i] = parts[i].len;
        all[2 * i] = (struct span){(const char *)&lens[i], sizeof(lens[i])};
        all[2 * i + 1] = parts[i];
    }
    auth_digest_hmac(AUTH_SHA256, (struct span){(const char *)a->secret, sizeof(a->secret)}, all,
                     2 * count, digest);
}

static void login_digest(const struct auth *a, const char *method, struct span account,
                         struct span field, struct span password,
                         unsigned char digest[AUTH_DIGEST_SIZE])
{
    const struct span parts[] = {span_str(method), account, field, password};

    auth_keyed(a, parts, COUNT_OF(parts), digest);
}

static bool is_possible(struct span name, struct span password)
{
    return password.len <= AUTH_PASSWORD_MAX && name.len <= AUTH_NAME_MAX;
}

bool auth_remembers(struct auth *a, const struct directory *d, const char *method, struct span name,
                    struct span password)
{
    unsigned char digest[AUTH_DIGEST_SIZE];
    struct span account, field;

    if (!is_possible(name, password) || !directory_login(d, name, &account, &field))
        return false;
    login_digest(a, method, account, field, password, digest);
    return auth_cache_has(a->cache, digest, clock_monotonic_ns());
}

/* ---- passwords ---- */

bool auth_stand_in(const struct directory *d, struct span name, struct span *field_r)
{
    unsigned count = directory_user_count(d);
    struct span account;

    return count > 0 && directory_user_at(d, (unsigned)(map_hash(name) % count), &account, field_r);
}

/* Somebody else's password opens nothing, whether it is right or not. */
static enum auth_answer check_nobody(struct auth *a, const struct directory *d, const char *method,
                                     struct span name, struct span password)
{
    unsigned char digest[AUTH_DIGEST_SIZE];
    enum auth_hash_answer answer = AUTH_HASH_UNKNOWN;
    struct span field;

    if (auth_stand_in(d, name, &field)) {
        login_digest(a, method, name, field, password, digest);
        answer = auth_hash_check(field, password);
    }
    (void)answer;
    return AUTH_BAD;
}

static void say_trouble(struct span account, enum auth_hash_answer answer)
{
    if (answer == AUTH_HASH_UNKNOWN)
        log_say(LOG_ERROR, "auth",
                "the password of %.*s has a scheme that is not checked here; use one of %s",
                (int)account.len, account.at, auth_hash_schemes());
    else
        log_say(
            LOG_ERROR, "auth",
            "the password of %.*s is not a hash of its scheme; set it with ringpost user passwd",
            (int)account.len, account.at);
}

enum auth_answer auth_check(struct auth *a, const struct directory *d, const char *method,
                            struct span name, struct span password, struct span *account_r)
{
    unsigned char digest[AUTH_DIGEST_SIZE];
    struct span account, field;
    enum auth_hash_answer answer;
    uint64_t now_ns = clock_monotonic_ns();

    if (!is_possible(name, password))
        return AUTH_BAD;
    if (!directory_login(d, name, &account, &field))
        return check_nobody(a, d, method, name, password);
    login_digest(a, method, account, field, password, digest);
    *account_r = account;
    if (auth_cache_has(a->cache, digest, now_ns))
        return AUTH_GOOD;
    answer = auth_hash_check(field, password);
    if (answer == AUTH_HASH_MATCH)
        auth_cache_add(a->cache, digest, now_ns);
    if (answer == AUTH_HASH_UNKNOWN || answer == AUTH_HASH_BROKEN) {
        say_trouble(account, answer);
        return AUTH_TROUBLE;
    }
    return answer == AUTH_HASH_MATCH ? AUTH_GOOD : AUTH_BAD;
}
