/*
 * fuzz_auth_field: a password field of the users file, then a NUL and a password; and the same
 * bytes as lines of a SASL exchange. Whatever the field is, looking at it must agree with checking
 * it. Schemes that are slow by design are only looked at.
 */

#include "core/base/ensure.h"
#include "core/service/auth_hash.h"
#include "proto/sasl/sasl.h"
#include "tests/fuzz/fuzz.h"

static bool is_slow(struct span field)
{
    return field.len == 0 || field.at[0] != '{' ||
           span_eq_nocase(span_first(field, 6), SPAN("{CRYPT")) ||
           memmem(field.at, field.len, "$", 1) != NULL ||
           memmem(field.at, field.len, ",", 1) != NULL ||
           memmem(field.at, field.len, "-C", 2) != NULL ||
           memmem(field.at, field.len, "-c", 2) != NULL;
}

static void play_field(struct span field, struct span password)
{
    enum auth_hash_answer look = auth_hash_look(field), check;
    struct auth_scram scram;

    for (int hash = AUTH_SCRAM_SHA1; hash <= AUTH_SCRAM_SHA256; hash++) {
        if (auth_hash_scram_secrets(field, (enum auth_scram_hash)hash, &scram))
            ensure(scram.rounds > 0 && (scram.password[0] != '\0' || scram.stored_key[0] != '\0'));
        else
            ensure(!auth_hash_serves_scram(field, (enum auth_scram_hash)hash) ||
                   scram.password[0] == '\0');
    }
    if (is_slow(field))
        return;
    check = auth_hash_check(field, password);
    ensure((look == AUTH_HASH_MATCH) == (check == AUTH_HASH_MATCH || check == AUTH_HASH_DIFFERENT));
}

static void play_lines(struct span bytes)
{
    struct auth_request *r = auth_request_new();
    struct chain out = {0};

    while (bytes.len > 0) {
        const char *lf = memchr(bytes.at, '\n', bytes.len);
        struct span line = span_first(bytes, lf == NULL ? bytes.len : (size_t)(lf - bytes.at));

        ensure(!sasl_mechanism(r, line) || r->mechanism[0] != 0);
        if (sasl_initial(r, line) == SASL_OK) {
            ensure(r->has_response && r->response.len <= AUTH_RESPONSE_MAX);
            chain_move(&r->challenge, &r->response);
            sasl_challenge(r, &out);
            ensure(span_eq(chain_flat(&out), line) || span_eq(line, SPAN("=")));
            chain_free(&out);
        }
        bytes = span_after(bytes, line.len + 1);
    }
    auth_request_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = {(const char *)data, size};
    const char *nul = size > 0 ? memchr(data, '\0', size) : NULL;
    struct span field = span_first(bytes, nul == NULL ? size : (size_t)(nul - bytes.at));

    play_field(field, span_after(bytes, field.len + 1));
    play_lines(bytes);
    return 0;
}
