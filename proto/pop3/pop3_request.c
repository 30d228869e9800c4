#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "proto/pop3/pop3_requests.h"

void *pop3_request_new(enum request_kind kind, size_t size)
{
    struct pop3_request *r;

    ensure(size >= sizeof(*r));
    r = xcalloc(1, size);
    r->base.kind = kind;
    return r;
}

void pop3_request_free(struct request **request)
{
    if (*request == NULL)
        return;
    chain_free(&(*request)->out);
    free(*request);
    *request = NULL;
}
