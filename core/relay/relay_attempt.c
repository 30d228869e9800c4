#include "core/relay/relay_attempt.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"

/* ---- on the reactor ---- */

static struct session *session_new(void *context, const struct session_peer *peer)
{
    struct relay_attempt *a = context;

    return smtp_client_new(&a->relay->settings->client, &a->client, &a->host, peer, NULL);
}

static bool ask(void *context, struct request *request, struct job *job)
{
    struct relay_attempt *a = context;

    ensure(request->kind == REQUEST_RELAY_NEXT);
    a->request = CONTAINER_OF(request, struct smtp_client_request, base);
    a->asked = job;
    inbox_post(a->next.inbox, &a->next);
    return false;
}

static void failed(void *context, int error)
{
    struct relay_attempt *a = context;

    a->error = error;
}

static void gone(void *context)
{
    struct relay_attempt *a = context;

    inbox_post(a->gone.inbox, &a->gone);
}

static void mail_done(const struct smtp_client_host *h, struct smtp_client_mail *mail)
{
    struct relay_mail *m = mail->context;

    (void)h;
    m->done_us = clock_wall_us();
    inbox_post(m->job.inbox, &m->job);
}

static void ended(const struct smtp_client_host *h, const struct smtp_client_end *end)
{
    struct relay_attempt *a = h->context;

    a->tls_failed = end->tls_failed;
    if (end->trouble == NULL)
        return;
    a->had_trouble = true;
    a->outcome = end->trouble->outcome;
    memcpy(a->status, end->trouble->status, sizeof(a->status));
    (void)snprintf(a->reason, sizeof(a->reason), "%s",
                   end->trouble->reason != NULL ? end->trouble->reason : "");
}

static void dial_home(struct job *job)
{
    struct relay_attempt *a = CONTAINER_OF(job, struct relay_attempt, dial);
    int fd = socket(a->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

    if (fd < 0) {
        failed(a, -errno);
        gone(a);
        return;
    }
    if (a->to.ss_family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    conn_dial(a->conns, &a->service, fd, &a->to, a->relay->settings->connect_timeout_ms);
}

/* ---- asking for mails ---- */

static void answer(struct relay_attempt *a, struct smtp_client_mail *mails)
{
    struct job *asked = a->asked;

    a->request->mails = mails;
    a->request->base.status = mails != NULL ? REQUEST_OK : REQUEST_NOT_FOUND;
    a->request = NULL;
    a->asked = NULL;
    inbox_post(asked->inbox, asked);
}

static void park(struct relay_attempt *a)
{
    struct relay *r = a->relay;

    if (r->drains || r->parked_count >= RELAY_PARKED_MAX) {
        answer(a, NULL);
        return;
    }
    a->parked_us = r->now_us;
    list_add_tail(&r->parked, &a->node);
    list_add_tail(&a->site->parked, &a->parked);
    r->parked_count++;
}

void relay_attempt_resume(struct relay_attempt *a)
{
    list_remove(&a->node);
    list_remove(&a->parked);
    a->relay->parked_count--;
    answer(a, relay_hand_mails(a->relay, a));
}

static void next_home(struct job *job)
{
    struct relay_attempt *a = CONTAINER_OF(job, struct relay_attempt, next);
    struct smtp_client_mail *mails;

    if (!a->is_ready) {
        a->is_ready = true;
        a->ready_us = clock_wall_us();
        a->site->dialling--;
        relay_site_answered(a->site);
        relay_hand_dirty(a->relay, a->site);
    }
    mails = relay_hand_mails(a->relay, a);
    if (mails != NULL)
        answer(a, mails);
    else
        park(a);
}

/* ---- the end ---- */

static void fill_reason(struct relay_attempt *a)
{
    if (a->error != 0) {
        char text[80];

        (void)snprintf(a->reason, sizeof(a->reason), "connect to %s: %s", a->name,
                       strerror_r(-a->error, text, sizeof(text)));
        memcpy(a->status, "4.4.1", sizeof("4.4.1"));
        a->outcome = SMTP_CLIENT_DEFERRED;
        a->had_trouble = true;
    } else if (!a->had_trouble) {
        (void)snprintf(a->reason, sizeof(a->reason), "%s did not take any mail", a->name);
        memcpy(a->status, "4.4.2", sizeof("4.4.2"));
        a->outcome = SMTP_CLIENT_DEFERRED;
    }
}

/* It is us who have no more of something: no host's failure. */
static bool is_ours(int error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS ||
           error == -EADDRNOTAVAIL || error == -ECANCELED;
}

/* Nothing was got through: perhaps without TLS, perhaps another host. */
static void was_in_vain(struct relay_attempt *a)
{
    struct relay *r = a->relay;

    if (a->tls_failed && !a->in_clear && a->client.tls == SMTP_CLIENT_TLS_MAY && !r->drains) {
        relay_attempt_begin(r, a->site, a->target, true);
        return;
    }
    fill_reason(a);
    if (!relay_site_failed(r->sites, a->site, r->now_us))
        relay_hand_give_up(r, a->site, a->outcome, a->status, a->reason);
}

static void gone_home(struct job *job)
{
    struct relay_attempt *a = CONTAINER_OF(job, struct relay_attempt, gone);
    struct relay *r = a->relay;
    struct relay_site *site = a->site;

    ensure(a->away == 0 && a->request == NULL);
    r->attempts--;
    site->attempts--;
    if (!a->is_ready)
        site->dialling--;
    if (is_ours(a->error))
        r->short_until_us = r->now_us + RELAY_SHORT_US;
    else if (!a->is_ready ? !r->drains : a->had_trouble && a->answered == 0)
        was_in_vain(a);
    relay_site_settle(r->sites, site);
    if (site->waiting > 0)
        relay_hand_dirty(r, site);
    free(a);
}

/* ---- the beginning ---- */

static void fill_address(struct relay_attempt *a, const struct relay_answer *answer)
{
    const struct relay_target *t = &a->hop;

    if (answer->unix_path[0] != '\0') {
        struct sockaddr_un *un = (struct sockaddr_un *)(void *)&a->to;

        un->sun_family = AF_UNIX;
        /* A longer path cannot be reached: its beginning is nobody's. */
        (void)snprintf(un->sun_path, sizeof(un->sun_path), "%.107s", answer->unix_path);
        (void)snprintf(a->name, sizeof(a->name), "%.200s[%.107s]", t->host, answer->unix_path);
    } else if (strchr(t->address_text, ':') != NULL) {
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)&a->to;

        *six = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(t->port)};
        memcpy(&six->sin6_addr, t->address, 16);
    } else {
        struct sockaddr_in *four = (struct sockaddr_in *)(void *)&a->to;

        *four = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(t->port)};
        memcpy(&four->sin_addr, t->address + 12, 4);
    }
    if (a->name[0] == '\0')
        (void)snprintf(a->name, sizeof(a->name), "%.253s[%.45s]:%u", t->host, t->address_text,
                       t->port);
}

static void fill_pins(struct relay_attempt *a, const struct relay_answer *answer)
{
    unsigned count = a->hop.tls.tlsa_count;

    if (count > RELAY_TLSA_PER_HOST_MAX)
        count = RELAY_TLSA_PER_HOST_MAX;
    for (unsigned i = 0; i < count; i++) {
        const struct relay_tlsa *tlsa = &answer->tlsa[a->hop.tls.tlsa_first + i];
        struct span digest = relay_tlsa_digest(tlsa);

        memcpy(a->digests[i], digest.at, digest.len);
        a->pins[i] = (struct tls_pin){
            .usage = (uint8_t)tlsa->usage,
            .selector = tlsa->of_key,
            .matching = tlsa->is_512 ? 2 : 1,
            .data = {(const char *)a->digests[i], digest.len}
        };
    }
    a->tls.pins = a->pins;
    a->tls.pin_count = count;
}

static void fill_tls(struct relay_attempt *a, const struct relay_answer *answer)
{
    static const enum smtp_client_tls levels[] = {
        [RELAY_TLS_NONE] = SMTP_CLIENT_TLS_NONE,        [RELAY_TLS_MAY] = SMTP_CLIENT_TLS_MAY,
        [RELAY_TLS_ENCRYPT] = SMTP_CLIENT_TLS_ENCRYPT,  [RELAY_TLS_DANE] = SMTP_CLIENT_TLS_VERIFY,
        [RELAY_TLS_DANE_ONLY] = SMTP_CLIENT_TLS_VERIFY, [RELAY_TLS_VERIFY] = SMTP_CLIENT_TLS_VERIFY,
        [RELAY_TLS_SECURE] = SMTP_CLIENT_TLS_VERIFY,
    };
    enum relay_tls_level level = a->in_clear ? RELAY_TLS_NONE : a->hop.tls.level;

    a->client.tls = levels[level];
    a->tls.name = a->hop.host;
    a->tls.match = a->hop.tls.match;
    a->tls.least = a->client.tls == SMTP_CLIENT_TLS_VERIFY ? TLS_VERIFIED : TLS_UNTRUSTED;
    if (level == RELAY_TLS_DANE || level == RELAY_TLS_DANE_ONLY)
        fill_pins(a, answer);
}

static void fill_service(struct relay_attempt *a)
{
    const struct relay_config *c = &a->relay->config;

    a->service = (struct conn_service){
        .name = "smtp",
        .daemon = "smtp",
        .context = a,
        .session_new = session_new,
        .ask = ask,
        .failed = failed,
        .gone = gone,
        .tls = c->tls_context,
        .tls_target = &a->tls,
        .workers = c->service->workers,
        .handshake_max = 8,
        .stall_ms = a->relay->settings->client.data_xfer_timeout_ms,
    };
}

void relay_attempt_begin(struct relay *r, struct relay_site *site, unsigned target, bool in_clear)
{
    struct relay_attempt *a = xcalloc(1, sizeof(*a));
    const struct relay_reactor *reactor = &r->reactors[r->reactor_next++ % r->reactor_count];
    const struct relay_answer *answer = site->answer;

    a->relay = r;
    a->site = site;
    a->target = target < answer->count ? target : 0;
    a->in_clear = in_clear;
    a->begun_us = r->now_us;
    a->hop = answer->targets[a->target];
    a->conns = reactor->conns;
    list_init(&a->node);
    list_init(&a->parked);
    fill_address(a, answer);
    fill_tls(a, answer);
    fill_service(a);
    a->client.name = a->hop.host;
    a->client.address = a->hop.address_text;
    a->client.is_lmtp = site->is_lmtp;
    a->host = (struct smtp_client_host){.context = a, .done = mail_done, .ended = ended};
    a->dial = (struct job){.home = dial_home, .inbox = reactor->inbox};
    a->next = (struct job){.home = next_home, .inbox = r->inbox};
    a->gone = (struct job){.home = gone_home, .inbox = r->inbox};
    r->attempts++;
    site->attempts++;
    site->dialling++;
    relay_site_settle(r->sites, site);
    inbox_post(a->dial.inbox, &a->dial);
}
