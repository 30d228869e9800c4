/* auth_run: REQUEST_AUTH, on a worker: user and password as they are, or a step of a mechanism. */

#include "core/base/ensure.h"
#include "core/service/auth.h"
#include "core/service/auth_sasl.h"
#include "core/service/directory.h"

static enum request_status status_of(enum auth_answer answer)
{
    switch (answer) {
    case AUTH_GOOD:
        return REQUEST_OK;
    case AUTH_BAD:
        return REQUEST_REFUSED;
    case AUTH_TROUBLE:
        return REQUEST_TRY_LATER;
    }
    return REQUEST_REFUSED;
}

static enum request_status check_login(struct auth *a, const struct directory *d,
                                       struct auth_request *r)
{
    struct span account;
    enum auth_answer answer =
        auth_check(a, d, chain_flat(&r->user), chain_flat(&r->password), &account);

    if (answer == AUTH_GOOD)
        auth_take_account(r, account);
    return status_of(answer);
}

enum service_outcome auth_run(struct service *s, struct request *r, struct job *job)
{
    struct auth_request *ar = (struct auth_request *)r; /* base is its first member */
    struct shared_item *item = shared_take(s->directory);
    const struct directory *d = shared_get(item);

    (void)job;
    ensure(r->kind == REQUEST_AUTH);
    r->status =
        ar->mechanism[0] == '\0' ? check_login(s->auth, d, ar) : auth_sasl_step(s->auth, d, ar);
    shared_give(&item);
    return SERVICE_ANSWERED;
}
