#include "proto/sasl/auth_request.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/alloc_size.h"
#include "proto/sasl/sasl.h"

struct auth_request *auth_request_new(void)
{
    struct auth_request *r = xcalloc(1, sizeof(*r));

    r->base.kind = REQUEST_AUTH;
    r->response_max = AUTH_RESPONSE_MAX;
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
    auth_seat_leave(&r->seat);
    sasl_wipe(&r->response);
    sasl_wipe(&r->challenge);
    sasl_wipe(&r->user);
    sasl_wipe(&r->password);
    chain_free(&r->base.out);
    free(r);
}

size_t auth_request_held(const struct auth_request *r)
{
    return alloc_size(sizeof(*r)) + r->base.held + r->response.held + r->challenge.held +
           r->user.held + r->password.held;
}

void auth_request_tried(struct auth_request *r, struct span name)
{
    name.len = name.len > 0 ? strnlen(name.at, name.len) : 0;
    name = span_first(name, AUTH_NAME_MAX);
    if (name.len > 0)
        memcpy(r->tried, name.at, name.len);
    r->tried[name.len] = '\0';
}

void auth_seat_leave(struct auth_seat **seat)
{
    struct auth_seat *left = *seat;

    *seat = NULL;
    if (left)
        left->leave(left);
}
