#include "proto/session.h"

#include "core/base/ensure.h"

size_t session_feed(struct session *s, struct span bytes)
{
    size_t eaten = 0;

    while (s->want == SESSION_WANT_INPUT && eaten < bytes.len) {
        size_t n = s->ops->input(s, span_after(bytes, eaten));
        ensure(n <= bytes.len - eaten);
        if (n == 0)
            break;
        eaten += n;
    }
    return eaten;
}

struct request *session_take_request(struct session *s)
{
    struct request *r = s->request;

    ensure(s->want == SESSION_WANT_REPLY);
    ensure(r != NULL);
    s->request = NULL;
    return r;
}
