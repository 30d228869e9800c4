/*
 * auth_run: REQUEST_AUTH: user and password as they are, or a step of a mechanism.
 *
 * What costs little is answered on the reactor: a login that is remembered, a step without a hash,
 * a refusal of who is blocked. The rest waits for one of auth's threads, and not in any length.
 */

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "core/base/log.h"
#include "core/base/metric.h"
#include "core/base/network.h"
#include "core/service/auth_exchange.h"
#include "core/service/auth_sasl.h"
#include "core/service/service_settings.h"
#include "core/work/inbox.h"

/* What one step works with: the snapshots are held for it. */
struct hand {
    struct service *service;
    struct auth_request *request;
    struct shared_item *settings_item, *directory_item;
    const struct service_settings *settings;
    struct auth_step step;
};

static void hand_open(struct hand *h, struct service *s, struct auth_request *r)
{
    h->service = s;
    h->request = r;
    h->settings_item = shared_take(s->settings);
    h->directory_item = shared_take(s->directory);
    h->settings = shared_get(h->settings_item);
    h->step = (struct auth_step){s->auth, shared_get(h->directory_item), &h->settings->auth, r};
}

static void hand_close(struct hand *h)
{
    shared_give(&h->directory_item);
    shared_give(&h->settings_item);
}

/* ---- failures ---- */

/* The account's name where there is one, so that its spellings are counted together. */
static struct span counted_name(const struct hand *h)
{
    struct span tried = span_str(h->request->tried), account, unused;

    return directory_login(h->step.directory, tried, &account, &unused) ? account : tried;
}

/* Of what was tried, as far as it is known; 0 else. */
static uint64_t secret_of(const struct hand *h)
{
    struct auth_request *r = h->request;
    const struct span parts[] = {span_str(r->tried), chain_flat(&r->password),
                                 chain_flat(&r->response)};
    unsigned char digest[AUTH_DIGEST_SIZE];
    uint64_t secret;

    if (strcmp(r->mechanism, "PLAIN") != 0 && r->mechanism[0] != '\0' && !auth_oauth_is_it(r))
        return 0;
    auth_keyed(h->service->auth, parts, COUNT_OF(parts), digest);
    memcpy(&secret, digest, sizeof(secret));
    return secret;
}

static void count_failure(const struct hand *h)
{
    const struct auth_settings *set = &h->settings->auth;
    struct auth_request *r = h->request;
    struct auth_penalty_try try = {
        .address = r->remote_address,
        .is_trusted = network_any_has(set->sasl.trusted, set->sasl.trusted_count,
                                      span_str(r->remote_address)),
        .name = counted_name(h),
        .secret = secret_of(h),
    };
    struct auth_penalty_outcome outcome =
        auth_penalty_failed(h->service->auth->penalty, set, &try, clock_monotonic_ns());

    metric_add(METRIC_LOGIN_FAILURES, 1);
    metric_add(METRIC_LOGIN_BLOCKS, outcome.blocks);
    r->delay_ms = outcome.delay_ms;
    if (outcome.blocks)
        log_say(LOG_WARNING, "auth",
                "%s: blocked for %u seconds after %u failed logins in %u seconds",
                r->remote_address, set->block_ms / 1000, set->failure_limit,
                set->failure_window_ms / 1000);
}

/* ---- the last answer ---- */

/* Whoever logs in again and again without leaving is asked to wait. */
static enum request_status take_seat(const struct hand *h)
{
    struct auth_request *r = h->request;
    unsigned max = h->settings->mail_max_userip_connections;
    char daemon[16];

    if (!r->wants_seat)
        return REQUEST_OK;
    r->seat = auth_session_seat(h->service->auth, span_str(r->account), r->remote_address, max);
    if (r->seat)
        return REQUEST_OK;
    (void)snprintf(daemon, sizeof(daemon), "%s-login", r->protocol);
    log_say(LOG_WARNING, daemon,
            "Maximum number of connections from user+IP exceeded "
            "(mail_max_userip_connections=%u): user=<%s>, rip=%s",
            max, r->account, r->remote_address);
    return REQUEST_TRY_LATER;
}

static enum request_status check_login(struct hand *h)
{
    struct auth_request *r = h->request;
    struct span name = chain_flat(&r->user), account;

    auth_request_tried(r, name);
    switch (auth_check(h->service->auth, h->step.directory, "", name, chain_flat(&r->password),
                       &account)) {
    case AUTH_GOOD:
        auth_take_account(r, account);
        return REQUEST_OK;
    case AUTH_TROUBLE:
        return REQUEST_TRY_LATER;
    case AUTH_BAD:
        break;
    }
    return REQUEST_REFUSED;
}

static void judge(struct hand *h)
{
    struct auth_request *r = h->request;

    r->base.status = r->mechanism[0] == '\0' ? check_login(h) : auth_sasl_step(&h->step);
    if (r->base.status == REQUEST_REFUSED) {
        count_failure(h);
    } else if (r->base.status == REQUEST_OK) {
        auth_penalty_succeeded(h->service->auth->penalty, span_str(r->account));
        metric_add(METRIC_LOGINS, 1);
        r->base.status = take_seat(h);
    }
}

/* ---- where it is judged ---- */

static bool is_blocked(const struct hand *h)
{
    return auth_penalty_is_blocked(h->service->auth->penalty, h->request->remote_address,
                                   clock_monotonic_ns());
}

static bool is_quick(const struct hand *h)
{
    struct auth_request *r = h->request;
    struct auth *a = h->service->auth;
    struct auth_plain plain;

    if (r->mechanism[0] == '\0')
        return auth_remembers(a, h->step.directory, "", chain_flat(&r->user),
                              chain_flat(&r->password));
    if (auth_sasl_is_quick(r))
        return true;
    return strcmp(r->mechanism, "PLAIN") == 0 &&
           auth_plain_parse(chain_flat(&r->response), &plain) &&
           auth_remembers(a, h->step.directory, r->mechanism, plain.name, plain.password);
}

/* A request on its way to one of auth's threads. The asker's job only comes home. */
struct auth_errand {
    struct job job;
    struct service *service;
    struct request *request;
    struct job *home;
};

static void errand_run(struct job *job)
{
    struct auth_errand *e = CONTAINER_OF(job, struct auth_errand, job);
    struct job *home = e->home;
    struct hand h;

    hand_open(&h, e->service, CONTAINER_OF(e->request, struct auth_request, base));
    judge(&h);
    hand_close(&h);
    free(e);
    inbox_post(home->inbox, home);
}

/* Who waits for a provider keeps no password waiting. */
static struct worker_pool *threads_for(const struct hand *h)
{
    struct auth *a = h->service->auth;

    return a->token_threads && auth_oauth_is_it(h->request) ? a->token_threads : a->threads;
}

static enum service_outcome send(const struct hand *h, struct job *home)
{
    struct worker_pool *threads = threads_for(h);
    struct auth_errand *e;

    if (worker_pool_waiting(threads) >= h->settings->auth.queue_limit) {
        h->request->base.status = REQUEST_TRY_LATER;
        return SERVICE_ANSWERED;
    }
    e = xmalloc(sizeof(*e));
    *e = (struct auth_errand){{.run = errand_run}, h->service, &h->request->base, home};
    worker_pool_submit(threads, &e->job, WORK_SOON);
    return SERVICE_LATER;
}

enum service_outcome auth_run(struct service *s, struct request *r, struct job *job)
{
    enum service_outcome outcome = SERVICE_ANSWERED;
    struct hand h;

    ensure(r->kind == REQUEST_AUTH);
    hand_open(&h, s, CONTAINER_OF(r, struct auth_request, base));
    if (is_blocked(&h)) {
        r->status = REQUEST_REFUSED;
        h.request->delay_ms = h.settings->auth.failure_delay_max_ms;
    } else if (!s->auth->threads || is_quick(&h)) {
        judge(&h);
    } else {
        outcome = send(&h, job);
    }
    hand_close(&h);
    return outcome;
}
