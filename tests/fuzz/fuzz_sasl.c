/* fuzz_sasl: lines of a SASL exchange, as a client of any protocol sends them: a mechanism, a line
 * feed, an initial response, a line feed, a later one. What is taken is what base64 said. */
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "proto/sasl/sasl.h"
#include "proto/text/base64.h"
#include "tests/fuzz/fuzz.h"

static struct span take_line(struct span *at)
{
    const char *lf = at->len == 0 ? NULL : memchr(at->at, '\n', at->len);
    struct span line = span_first(*at, lf == NULL ? at->len : (size_t)(lf - at->at));

    *at = span_after(*at, line.len + 1);
    return line;
}

static void check(struct auth_request *r, struct span text, enum sasl_status status)
{
    char *plain = xmalloc(base64_decoded_max(text.len) + 1);
    size_t len;

    switch (status) {
    case SASL_OK:
        if (base64_decode(text, plain, &len))
            ensure(span_eq(chain_flat(&r->response), (struct span){plain, len}));
        else
            ensure(r->response.len == 0);
        break;
    case SASL_CANCELLED:
        ensure(span_eq(text, SPAN("*")));
        break;
    case SASL_BAD:
        ensure(!base64_decode(text, plain, &len) || text.len == 0);
        break;
    case SASL_TOO_LONG:
        ensure(text.len > AUTH_RESPONSE_MAX);
        break;
    }
    free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span at = {(const char *)data, size}, name = take_line(&at), first = take_line(&at);
    struct auth_request *r = auth_request_new();
    struct chain said = {0};

    if (sasl_mechanism(r, name))
        ensure(strlen(r->mechanism) == name.len);
    check(r, first, sasl_initial(r, first));
    check(r, at, sasl_response(r, at));
    chain_add(&r->challenge, at);
    sasl_challenge(r, &said);
    ensure(r->challenge.len == 0 && said.len == base64_encoded_len(at.len));
    chain_free(&said);
    auth_request_free(&r);
    return 0;
}
