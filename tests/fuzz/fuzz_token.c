/*
 * fuzz_token: what a client says in OAUTHBEARER or XOAUTH2, the token in it, and what is said of a
 * token: the same bytes as each of these. No token that the fuzzer makes was signed by us.
 */
#include <string.h>

#include "core/base/ensure.h"
#include "core/service/auth_claims.h"
#include "core/service/auth_jwt.h"
#include "proto/sasl/sasl_bearer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_file.h"

static const char *const scopes[] = {"imap"};
static const struct auth_oauth_settings settings = {
    .username_attribute = "email",
    .active_attribute = "active",
    .active_value = "true",
    .scopes = {scopes, 1}
};

static void play_response(struct span bytes, bool is_xoauth2)
{
    struct sasl_bearer b;

    if (!sasl_bearer_parse(bytes, is_xoauth2, &b))
        return;
    ensure(strlen(b.user) <= AUTH_NAME_MAX);
    ensure(b.token.len <= bytes.len);
    for (size_t i = 0; i < b.token.len; i++)
        ensure(b.token.at[i] > ' ' && b.token.at[i] != '"');
}

static void play_claims(struct span bytes, bool is_own)
{
    struct auth_claims c;
    enum auth_claims_answer answer = auth_claims_check(&settings, bytes, is_own, 1000000, &c);

    ensure((answer == AUTH_CLAIMS_GOOD) == (c.why == NULL));
    if (answer == AUTH_CLAIMS_GOOD)
        ensure(c.name[0] != '\0' && (!is_own || c.until_s != INT64_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct auth_jwt_keys *keys;
    struct span bytes = {(const char *)data, size};
    struct chain payload = {0};
    char text[8];

    if (!keys) {
        const char *path = fuzz_file(0, SPAN("0123456789abcdef0123456789abcdef\n"));
        struct chain why = {0};
        keys = auth_jwt_keys_load(&path, 1, &why);
        ensure(keys != NULL);
    }
    play_response(bytes, false);
    play_response(bytes, true);
    play_claims(bytes, false);
    play_claims(bytes, true);
    if (auth_claims_text(bytes, "alg", text, sizeof(text)))
        ensure(auth_claims_has(bytes, "alg") && strlen(text) < sizeof(text));
    if (auth_jwt_open(keys, bytes, &payload))
        chain_free(&payload);
    return 0;
}
