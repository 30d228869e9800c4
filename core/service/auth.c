#include "core/service/auth.h"

#include <gsasl.h>
#include <limits.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "core/base/log.h"
#include "core/base/map.h"
#include "core/base/random.h"
#include "core/service/auth_cache.h"
#include "core/service/auth_hash.h"
#include "core/service/auth_sasl.h"
#include "core/service/directory.h"
#include "core/work/tally.h"

struct auth {
    void *mechanisms; /* auth_sasl_open() */
    struct auth_cache *cache;
    struct tally *sessions; /* by account and address */
    char secret[65];        /* of this process, in hex */
};

struct auth *auth_open(const struct auth_config *config)
{
    static const char digits[] = "0123456789abcdef";
    struct auth *a = xcalloc(1, sizeof(*a));
    unsigned char bytes[32];

    a->mechanisms = auth_sasl_open();
    if (!a->mechanisms) {
        free(a);
        return NULL;
    }
    random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        a->secret[2 * i] = digits[bytes[i] >> 4];
        a->secret[2 * i + 1] = digits[bytes[i] & 15];
    }
    a->cache = auth_cache_open(config->cache_size, config->cache_ms);
    a->sessions = tally_open(UINT_MAX);
    return a;
}

void auth_close(struct auth **auth)
{
    struct auth *a = *auth;

    *auth = NULL;
    if (!a)
        return;
    auth_cache_close(&a->cache);
    tally_close(&a->sessions);
    auth_sasl_close(a->mechanisms);
    explicit_bzero(a->secret, sizeof(a->secret));
    free(a);
}

/* ---- sessions ---- */

static uint64_t session_key(struct span account, const char *address)
{
    char text[AUTH_NAME_MAX + 64];
    size_t len = account.len < AUTH_NAME_MAX ? account.len : AUTH_NAME_MAX;
    size_t address_len = strnlen(address, 46);

    memcpy(text, account.at, len);
    text[len++] = '\0';
    memcpy(text + len, address, address_len);
    return map_hash((struct span){text, len + address_len});
}

void auth_session_began(struct auth *a, struct span account, const char *address)
{
    bool counted = tally_add(a->sessions, session_key(account, address), UINT_MAX);
    ensure(counted); /* there are no more sessions than numbers */
}

void auth_session_ended(struct auth *a, struct span account, const char *address)
{
    tally_remove(a->sessions, session_key(account, address));
}

bool auth_session_fits(struct auth *a, struct span account, const char *address, unsigned max)
{
    uint64_t key = session_key(account, address);
    bool fits = tally_add(a->sessions, key, max);

    if (fits) /* it begins when its session says so */
        tally_remove(a->sessions, key);
    return fits;
}

/* ---- passwords ---- */

void *auth_mechanisms(struct auth *a)
{
    return a->mechanisms;
}

void auth_take_account(struct auth_request *r, struct span account)
{
    ensure(account.len < sizeof(r->account));
    memcpy(r->account, account.at, account.len);
    r->account[account.len] = '\0';
}

/* HMAC-SHA256 under the secret of account, hash and password, each with its length in front. The
 * library offers it as PBKDF2 with one round: HMAC(secret, text || 00000001). */
static bool digest_of(const struct auth *a, struct span account, struct span field,
                      struct span password, unsigned char digest[AUTH_DIGEST_SIZE])
{
    const struct span parts[] = {account, field, password};
    size_t size = 3 * sizeof(uint64_t) + account.len + field.len + password.len, len = 0;
    char *text = xmalloc(size), unused[3][GSASL_HASH_MAX_SIZE];
    int failed;

    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        uint64_t part_len = parts[i].len;
        memcpy(text + len, &part_len, sizeof(part_len));
        len += sizeof(part_len);
        if (part_len > 0)
            memcpy(text + len, parts[i].at, part_len);
        len += part_len;
    }
    ensure(len == size);
    failed = gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, a->secret, 1, text, len,
                                               (char *)digest, unused[0], unused[1], unused[2]);
    explicit_bzero(text, size);
    explicit_bzero(unused, sizeof(unused));
    free(text);
    return failed == GSASL_OK;
}

/* A name that nobody has is checked against somebody's hash, always the same one, so that the time
 * an answer takes does not tell which names exist. */
static void check_nobody(const struct directory *d, struct span name, struct span password)
{
    unsigned count = directory_user_count(d);
    struct span account, field;

    if (count > 0 && directory_user_at(d, (unsigned)(map_hash(name) % count), &account, &field) &&
        auth_hash_check(field, password) == AUTH_HASH_MATCH)
        return; /* somebody else's password: it opens nothing */
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

/* The one place where a login is judged: what delays or blocks after failures will stand here. */
enum auth_answer auth_check(struct auth *a, const struct directory *d, struct span name,
                            struct span password, struct span *account_r)
{
    unsigned char digest[AUTH_DIGEST_SIZE];
    struct span account, field;
    enum auth_hash_answer answer;
    uint64_t now_ns = clock_monotonic_ns();
    bool has_digest;

    if (password.len > AUTH_PASSWORD_MAX || name.len > AUTH_NAME_MAX)
        return AUTH_BAD;
    if (!directory_login(d, name, &account, &field)) {
        check_nobody(d, name, password);
        return AUTH_BAD;
    }
    has_digest = digest_of(a, account, field, password, digest);
    *account_r = account;
    if (has_digest && auth_cache_has(a->cache, digest, now_ns))
        return AUTH_GOOD;
    answer = auth_hash_check(field, password);
    if (answer == AUTH_HASH_MATCH && has_digest)
        auth_cache_add(a->cache, digest, now_ns);
    if (answer == AUTH_HASH_UNKNOWN || answer == AUTH_HASH_BROKEN) {
        say_trouble(account, answer);
        return AUTH_TROUBLE;
    }
    return answer == AUTH_HASH_MATCH ? AUTH_GOOD : AUTH_BAD;
}
