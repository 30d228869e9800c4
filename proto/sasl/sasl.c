#include "proto/sasl/sasl.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "proto/text/base64.h"

enum {
    MECHANISM_MAX = 20, /* bytes, RFC 4422 3.1 */
};

bool sasl_mechanism(struct auth_request *r, struct span name)
{
    if (name.len == 0 || name.len > MECHANISM_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
        r->mechanism[i] = c;
    }
    r->mechanism[name.len] = '\0';
    return true;
}

uint32_t sasl_response_max(const struct sasl_settings *set)
{
    return set->response_max > 0 ? set->response_max : AUTH_RESPONSE_MAX;
}

static enum sasl_status take(struct auth_request *r, struct span text)
{
    enum sasl_status status = SASL_BAD;
    size_t size = base64_decoded_max(text.len), len;
    char *bytes;

    if (text.len > r->response_max)
        return SASL_TOO_LONG;
    bytes = xmalloc(size + 1);
    if (base64_decode(text, bytes, &len)) {
        sasl_wipe(&r->response);
        chain_add(&r->response, (struct span){bytes, len});
        r->has_response = true;
        status = SASL_OK;
    }
    explicit_bzero(bytes, size);
    free(bytes);
    return status;
}

enum sasl_status sasl_initial(struct auth_request *r, struct span text)
{
    return take(r, span_eq(text, SPAN("=")) ? SPAN("") : text);
}

enum sasl_status sasl_response(struct auth_request *r, struct span text)
{
    return span_eq(text, SPAN("*")) ? SASL_CANCELLED : take(r, text);
}

bool sasl_client_first(const struct auth_request *r)
{
    return strcmp(r->mechanism, "LOGIN") != 0;
}

void sasl_challenge(struct auth_request *r, struct chain *out)
{
    struct span raw = chain_flat(&r->challenge);
    size_t size = base64_encoded_len(raw.len);

    if (size > 0)
        chain_added(out, base64_encode(raw, chain_reserve(out, size)));
    chain_free(&r->challenge);
}

void sasl_wipe(struct chain *secret)
{
    while (secret->len > 0) {
        struct span bytes = chain_first(secret);
        explicit_bzero((void *)(uintptr_t)bytes.at, bytes.len);
        chain_drop(secret, bytes.len);
    }
    chain_free(secret);
}
