#include "proto/sasl/auth_request.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "proto/sasl/sasl.h"

struct auth_request *auth_request_new(void)
{
    struct auth_request *r = xcalloc(1, sizeof(*r));

    r->base.kind = REQUEST_AUTH;
    return r;
}

void auth_request_free(struct auth_request **request)
{
    struct auth_request *r = *request;

    *request = NULL;
    if (!r)
        return;
    if (r->exchange)
        r->drop(r->exchange);
    sasl_wipe(&r->response);
    sasl_wipe(&r->challenge);
    sasl_wipe(&r->user);
    sasl_wipe(&r->password);
    chain_free(&r->base.out);
    free(r);
}
