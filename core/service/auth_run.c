/* auth_run: REQUEST_AUTH, on a worker: user and password as they are, or a step of a mechanism. */

#include "core/base/ensure.h"
#include "core/base/log.h"
#include "core/service/auth.h"
#include "core/service/auth_sasl.h"
#include "core/service/directory.h"
#include "core/service/service_settings.h"

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

/* Whoever logs in again and again without leaving is asked to wait. */
static enum request_status check_sessions(struct service *s, const struct auth_request *r)
{
    struct shared_item *item = shared_take(s->settings);
    const struct service_settings *settings = shared_get(item);
    unsigned max = settings->mail_max_userip_connections;
    bool fits = auth_session_fits(s->auth, span_str(r->account), r->remote_address, max);

    shared_give(&item);
    if (!fits)
        log_say(LOG_WARNING, "imap-login",
                "Maximum number of connections from user+IP exceeded "
                "(mail_max_userip_connections=%u): user=<%s>, rip=%s",
                max, r->account, r->remote_address);
    return fits ? REQUEST_OK : REQUEST_TRY_LATER;
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
    if (r->status == REQUEST_OK && strcmp(ar->protocol, "imap") == 0)
        r->status = check_sessions(s, ar);
    return SERVICE_ANSWERED;
}
