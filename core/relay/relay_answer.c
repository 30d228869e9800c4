/* relay_answer: what a finished search comes to for one who asked. */

#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/random.h"
#include "core/relay/relay_search.h"
#include "proto/text/ip.h"

enum {
    IPV4_AT = 12, /* in an IPv4-mapped address */
};

void relay_address_write(const unsigned char address[NETWORK_ADDRESS_LEN], char *text)
{
    struct ip ip = {.is_v6 = !network_is_ipv4(address)};

    if (ip.is_v6)
        memcpy(ip.bytes, address, sizeof(ip.bytes));
    else
        memcpy(ip.bytes, address + IPV4_AT, NETWORK_ADDRESS_LEN - IPV4_AT);
    ip_write(&ip, text);
}

/* One block: the answer, its targets, its TLSA records. */
static struct relay_answer *answer_new(unsigned targets, unsigned tlsa,
                                       struct relay_target **target_r, struct relay_tlsa **tlsa_r)
{
    size_t tlsa_at = sizeof(struct relay_answer) + targets * sizeof(struct relay_target);
    char *bytes = xcalloc(1, tlsa_at + tlsa * sizeof(struct relay_tlsa));
    struct relay_answer *answer = (struct relay_answer *)(void *)bytes;

    _Static_assert(sizeof(struct relay_answer) % _Alignof(struct relay_target) == 0, "aligned");
    _Static_assert(sizeof(struct relay_target) % _Alignof(struct relay_tlsa) == 0, "aligned");
    *target_r = (struct relay_target *)(void *)(bytes + sizeof(*answer));
    *tlsa_r = (struct relay_tlsa *)(void *)(bytes + tlsa_at);
    answer->targets = *target_r;
    answer->tlsa = *tlsa_r;
    answer->count = targets;
    answer->tlsa_count = tlsa;
    return answer;
}

struct relay_answer *relay_answer_copy(const struct relay_answer *from)
{
    struct relay_target *targets;
    struct relay_tlsa *tlsa;
    struct relay_answer *copy = answer_new(from->count, from->tlsa_count, &targets, &tlsa);

    if (from->count > 0)
        memcpy(targets, from->targets, from->count * sizeof(*targets));
    if (from->tlsa_count > 0)
        memcpy(tlsa, from->tlsa, from->tlsa_count * sizeof(*tlsa));
    *copy = *from;
    copy->targets = targets;
    copy->tlsa = tlsa;
    return copy;
}

void relay_answer_free(struct relay_answer **answer)
{
    free(*answer);
    *answer = NULL;
}

/* ---- TLS with one host ---- */

static enum relay_tls_level dane_level(const struct relay_host *host)
{
    /* RFC 7672 2.2: records that cannot be used still say that there is TLS. */
    return host->tlsa == RELAY_TLSA_USABLE     ? RELAY_TLS_DANE
           : host->tlsa == RELAY_TLSA_UNUSABLE ? RELAY_TLS_ENCRYPT
                                               : RELAY_TLS_MAY;
}

static void set_tls(const struct relay_search *s, const struct relay_host *host,
                    struct relay_tls *tls)
{
    bool wants_dane = s->rule.level == RELAY_TLS_DANE || s->rule.level == RELAY_TLS_DANE_ONLY;

    tls->level = wants_dane ? dane_level(host) : s->rule.level;
    if (tls->level == RELAY_TLS_DANE) {
        tls->tlsa_first = host->tlsa_first;
        tls->tlsa_count = host->tlsa_count;
        (void)snprintf(tls->match, sizeof(tls->match), "%s", host->tlsa_base);
    } else if (s->sts_mx != NULL) {
        tls->level = RELAY_TLS_SECURE;
        tls->of_sts = true;
        (void)snprintf(tls->match, sizeof(tls->match), "%s", host->name);
    } else if (tls->level == RELAY_TLS_VERIFY || tls->level == RELAY_TLS_SECURE) {
        relay_tls_match(&s->rule, span_str(s->domain[0] != '\0' ? s->domain : host->name),
                        span_str(host->name), tls->match);
    }
}

static void set_target(const struct relay_search *s, const struct relay_mx_address *a,
                       struct relay_target *t)
{
    const struct relay_host *host = &s->hosts[a->host];

    (void)snprintf(t->host, sizeof(t->host), "%s", host->name);
    relay_address_write(a->address, t->address_text);
    memcpy(t->address, a->address, sizeof(t->address));
    t->port = s->hop.port;
    t->preference = a->preference;
    t->is_secure = host->is_secure;
    set_tls(s, host, &t->tls);
}

/* ---- all of it ---- */

static unsigned choose(const struct relay_search *s, struct relay_mx_address *chosen)
{
    const struct relay_resolver_config *config = s->config;
    unsigned max = config->address_limit;

    if (max == 0 || max > RELAY_TARGETS_MAX)
        max = RELAY_TARGETS_MAX;
    if (s->address_count > 0)
        memcpy(chosen, s->addresses, s->address_count * sizeof(*chosen));
    return relay_mx_choose(chosen, s->address_count, max,
                           config->preference == RELAY_FAMILY_IPV4   ? RELAY_MX_PREFER_IPV4
                           : config->preference == RELAY_FAMILY_IPV6 ? RELAY_MX_PREFER_IPV6
                                                                     : RELAY_MX_PREFER_ANY,
                           config->draw != NULL ? config->draw : random_u64);
}

struct relay_answer *relay_answer_make(const struct relay_search *s)
{
    struct relay_mx_address chosen[RELAY_MX_ADDRESSES_MAX];
    bool has_hosts = s->status == RELAY_ANSWER_HOSTS;
    unsigned count = has_hosts ? choose(s, chosen) : 0;
    bool is_unix = has_hosts && s->hop.kind == RELAY_HOP_UNIX;
    struct relay_target *targets;
    struct relay_tlsa *tlsa;
    struct relay_answer *answer = answer_new(is_unix ? 1 : count, s->tlsa_count, &targets, &tlsa);

    answer->status = s->status;
    answer->code = s->code;
    (void)snprintf(answer->enhanced, sizeof(answer->enhanced), "%s", s->enhanced);
    (void)snprintf(answer->text, sizeof(answer->text), "%s", s->text);
    (void)snprintf(answer->site, sizeof(answer->site), "%s", s->site);
    if (s->tlsa_count > 0)
        memcpy(tlsa, s->tlsa, s->tlsa_count * sizeof(*tlsa));
    for (unsigned i = 0; i < count; i++)
        set_target(s, &chosen[i], &targets[i]);
    if (is_unix) {
        size_t len = s->hop.name.len, from = len > RELAY_NAME_MAX ? len - RELAY_NAME_MAX : 0;
        (void)snprintf(answer->unix_path, sizeof(answer->unix_path), "%.*s", (int)len,
                       s->hop.name.at);
        (void)snprintf(targets[0].host, sizeof(targets[0].host), "%.*s", (int)(len - from),
                       s->hop.name.at + from);
    }
    return answer;
}
