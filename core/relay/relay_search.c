/* relay_search: the questions of one next hop, in their order. What they come to is decided in
 * relay_decide.c. */

#include "core/relay/relay_search.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/random.h"
#include "core/relay/relay_idn.h"
#include "proto/text/ip.h"

enum {
    A_LEN = 4,
    AAAA_LEN = 16,
};

/* One question that is out, for a host or for the domain. */
struct question {
    struct list link; /* of the search */
    struct relay_search *search;
    unsigned host;
    bool is_second; /* of TLSA: the host's own name, its canonical one had none */
};

void relay_search_fail(struct relay_search *s, enum relay_answer_status status, uint16_t code,
                       const char *enhanced, const char *format, ...)
{
    va_list parts;

    s->status = status;
    s->code = code;
    (void)snprintf(s->enhanced, sizeof(s->enhanced), "%s", enhanced);
    va_start(parts, format);
    (void)vsnprintf(s->text, sizeof(s->text), format, parts);
    va_end(parts);
}

/* ---- counting what is out ---- */

static void arrived(struct relay_search *s)
{
    ensure(s->pending > 0);
    if (--s->pending > 0)
        return;
    if (s->code == 0)
        relay_search_decide(s);
    s->is_done = true;
    relay_search_ended(s);
}

static void ask(struct relay_search *s, const char *name, enum relay_dns_type type, unsigned host,
                bool is_second, relay_dns_fn done)
{
    struct question *q = xmalloc(sizeof(*q));

    *q = (struct question){.search = s, .host = host, .is_second = is_second};
    list_add_tail(&s->questions, &q->link);
    s->pending++;
    s->config->dns->ask(s->config->dns->self, name, type, done, q);
}

static void note_ttl(struct relay_search *s, const struct relay_dns_answer *answer)
{
    if (answer->status != RELAY_DNS_FAILED && answer->ttl_s < s->ttl_s)
        s->ttl_s = answer->ttl_s;
}

static struct relay_search *take_question(void *context, unsigned *host_r, bool *second_r)
{
    struct question *q = context;
    struct relay_search *s = q->search;

    *host_r = q->host;
    *second_r = q->is_second;
    list_remove(&q->link);
    free(q);
    return s;
}

/* ---- TLSA: RFC 7672 2.2 ---- */

static void take_tlsa(struct relay_search *s, struct relay_host *host,
                      const struct relay_dns_answer *answer)
{
    host->tlsa_first = s->tlsa_count;
    for (unsigned i = 0; i < answer->count && i < RELAY_TLSA_PER_HOST_MAX; i++) {
        struct relay_tlsa tlsa;

        if (!relay_tlsa_parse(answer->records[i], &tlsa))
            continue;
        s->tlsa = xrealloc(s->tlsa, (s->tlsa_count + 1) * sizeof(*s->tlsa));
        s->tlsa[s->tlsa_count++] = tlsa;
        host->tlsa_count++;
    }
    host->tlsa = host->tlsa_count > 0 ? RELAY_TLSA_USABLE : RELAY_TLSA_UNUSABLE;
}

static void tlsa_came(void *context, const struct relay_dns_answer *answer);

static void ask_tlsa(struct relay_search *s, unsigned index, bool is_second)
{
    struct relay_host *host = &s->hosts[index];
    const char *base = is_second || host->canonical[0] == '\0' ? host->name : host->canonical;
    char name[RELAY_NAME_MAX + 16];

    (void)snprintf(host->tlsa_base, sizeof(host->tlsa_base), "%s", base);
    (void)snprintf(name, sizeof(name), "_%u._tcp.%s", s->hop.port, base);
    if (strlen(name) <= RELAY_NAME_MAX)
        ask(s, name, RELAY_DNS_TLSA, index, is_second, tlsa_came);
}

static void tlsa_came(void *context, const struct relay_dns_answer *answer)
{
    unsigned index;
    bool is_second;
    struct relay_search *s = take_question(context, &index, &is_second);
    struct relay_host *host = &s->hosts[index];

    note_ttl(s, answer);
    if (answer->status == RELAY_DNS_FAILED)
        host->tlsa = RELAY_TLSA_FAILED;
    else if (answer->status == RELAY_DNS_OK && answer->is_secure)
        take_tlsa(s, host, answer);
    else if (!is_second && host->canonical[0] != '\0')
        ask_tlsa(s, index, true);
    arrived(s);
}

static bool wants_dane(const struct relay_search *s)
{
    return s->rule.level == RELAY_TLS_DANE || s->rule.level == RELAY_TLS_DANE_ONLY;
}

/* All addresses of all hosts are there: before that nobody can say which hosts are secure. */
static void addresses_are_there(struct relay_search *s)
{
    if (!wants_dane(s))
        return;
    for (unsigned i = 0; i < s->host_count; i++) {
        /* Who can make one of the questions fail must not switch DANE off: RFC 7672 2.2. */
        if (s->hosts[i].is_secure && s->hosts[i].failed)
            s->hosts[i].tlsa = RELAY_TLSA_FAILED;
        else if (s->hosts[i].is_secure)
            ask_tlsa(s, i, false);
    }
}

/* ---- addresses ---- */

static void take_address(struct relay_search *s, unsigned index, struct span rdata)
{
    struct relay_mx_address address = {.host = (uint8_t)index,
                                       .preference = s->hosts[index].preference};
    char text[16];

    if (s->address_count == RELAY_MX_ADDRESSES_MAX)
        return;
    address.is_v6 = rdata.len == AAAA_LEN;
    if (address.is_v6) {
        memcpy(address.address, rdata.at, AAAA_LEN);
    } else {
        const unsigned char *b = (const unsigned char *)rdata.at;
        int len = snprintf(text, sizeof(text), "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
        if (!network_address((struct span){text, (size_t)len}, address.address))
            return;
    }
    /* An IPv4 address in an AAAA record is IPv4 all the same. */
    address.is_v6 = !network_is_ipv4(address.address);
    s->addresses = xrealloc(s->addresses, (s->address_count + 1) * sizeof(*s->addresses));
    s->addresses[s->address_count++] = address;
}

static void address_came(struct relay_search *s, unsigned index, size_t len,
                         const struct relay_dns_answer *answer)
{
    struct relay_host *host = &s->hosts[index];

    note_ttl(s, answer);
    host->failed = host->failed || answer->status == RELAY_DNS_FAILED;
    if (!answer->is_secure && answer->status != RELAY_DNS_FAILED)
        host->is_secure = false;
    if (answer->status != RELAY_DNS_OK)
        return;
    if (answer->is_secure && answer->canonical[0] != '\0')
        (void)snprintf(host->canonical, sizeof(host->canonical), "%s", answer->canonical);
    for (unsigned i = 0; i < answer->count && i < RELAY_MX_PER_HOST_MAX; i++)
        if (answer->records[i].len == len)
            take_address(s, index, answer->records[i]);
}

static void last_address(struct relay_search *s)
{
    /* The one that counts down to the last of these is still out itself; MTA-STS may be too. */
    ensure(s->addresses_out > 0);
    if (--s->addresses_out == 0)
        addresses_are_there(s);
}

static void a_came(void *context, const struct relay_dns_answer *answer)
{
    unsigned index;
    bool is_second;
    struct relay_search *s = take_question(context, &index, &is_second);

    address_came(s, index, A_LEN, answer);
    last_address(s);
    arrived(s);
}

static void aaaa_came(void *context, const struct relay_dns_answer *answer)
{
    unsigned index;
    bool is_second;
    struct relay_search *s = take_question(context, &index, &is_second);

    address_came(s, index, AAAA_LEN, answer);
    last_address(s);
    arrived(s);
}

static void ask_addresses(struct relay_search *s)
{
    enum relay_families families = s->config->families;

    s->addresses_out = 1; /* so that answers at once do not end it before all is asked */
    for (unsigned i = 0; i < s->host_count; i++) {
        if (families != RELAY_FAMILY_IPV6) {
            s->addresses_out++;
            ask(s, s->hosts[i].name, RELAY_DNS_A, i, false, a_came);
        }
        if (families != RELAY_FAMILY_IPV4) {
            s->addresses_out++;
            ask(s, s->hosts[i].name, RELAY_DNS_AAAA, i, false, aaaa_came);
        }
    }
    last_address(s);
}

static void add_host(struct relay_search *s, const char *name, uint16_t preference, bool is_secure)
{
    struct relay_host *host;

    s->hosts = xrealloc(s->hosts, (s->host_count + 1) * sizeof(*s->hosts));
    host = &s->hosts[s->host_count++];
    *host = (struct relay_host){.preference = preference, .is_secure = is_secure};
    (void)snprintf(host->name, sizeof(host->name), "%s", name);
}

/* ---- mail exchangers: RFC 5321 5.1, RFC 7505 ---- */

static void take_exchangers(struct relay_search *s, const struct relay_dns_answer *answer)
{
    struct relay_mx mx[RELAY_DNS_RECORDS_MAX];
    unsigned count = 0;

    for (unsigned i = 0; i < answer->count; i++)
        count += relay_mx_parse(answer->records[i], &mx[count]);
    if (relay_mx_is_null(mx, count)) {
        relay_search_fail(s, RELAY_ANSWER_NEVER, 556, "5.1.10",
                          "Domain %s does not accept mail (nullMX)", s->domain);
        return;
    }
    count = relay_mx_order(mx, count, s->config->draw != NULL ? s->config->draw : random_u64);
    if (count == 0) {
        relay_search_fail(s, RELAY_ANSWER_LATER, 451, "4.4.3",
                          "Name service error for name=%s type=MX: Malformed or unexpected name "
                          "server reply",
                          s->domain);
        return;
    }
    if (count > RELAY_MX_HOSTS_MAX)
        count = RELAY_MX_HOSTS_MAX;
    s->has_mx = true;
    relay_mx_site(mx, count, s->site, sizeof(s->site));
    for (unsigned i = 0; i < count; i++)
        add_host(s, mx[i].host, mx[i].preference, answer->is_secure);
    ask_addresses(s);
}

/* A domain without exchangers is its own. */
static void take_implicit(struct relay_search *s, bool is_secure)
{
    (void)snprintf(s->site, sizeof(s->site), "%s", s->domain);
    add_host(s, s->domain, 0, is_secure);
    ask_addresses(s);
}

static void mx_came(void *context, const struct relay_dns_answer *answer)
{
    unsigned index;
    bool is_second;
    struct relay_search *s = take_question(context, &index, &is_second);

    note_ttl(s, answer);
    switch (answer->status) {
    case RELAY_DNS_OK:
        take_exchangers(s, answer);
        break;
    case RELAY_DNS_EMPTY:
        take_implicit(s, answer->is_secure);
        break;
    case RELAY_DNS_NO_NAME:
        relay_search_fail(s, RELAY_ANSWER_NEVER, 550, "5.1.2",
                          "Host or domain name not found. Name service error for name=%s type=MX: "
                          "Host not found",
                          s->domain);
        break;
    case RELAY_DNS_FAILED:
        relay_search_fail(s, RELAY_ANSWER_LATER, 451, "4.4.3",
                          "Host or domain name not found. Name service error for name=%s type=MX: "
                          "Host not found, try again (%s)",
                          s->domain, answer->why);
        break;
    }
    arrived(s);
}

/* ---- MTA-STS ---- */

static void sts_came(void *context, const struct relay_sts_policy *policy)
{
    struct relay_search *s = context;

    if (policy != NULL && policy->mode == RELAY_STS_ENFORCE) {
        s->sts_mx = xstrdup(policy->mx);
        if (policy->max_age_s < s->ttl_s)
            s->ttl_s = policy->max_age_s;
    }
    arrived(s);
}

/* Where the rule is stricter, or says that there is no TLS, it stays. */
static bool wants_sts(const struct relay_search *s)
{
    return s->config->sts != NULL &&
           (s->rule.level == RELAY_TLS_MAY || s->rule.level == RELAY_TLS_ENCRYPT ||
            s->rule.level == RELAY_TLS_DANE);
}

/* ---- beginning ---- */

static bool find_rule(struct relay_search *s)
{
    struct chain why = {0};
    bool found = relay_tls_rule_find(s->config->tls, span_str(s->route.nexthop),
                                     s->domain[0] != '\0' ? span_str(s->domain) : s->hop.name,
                                     &s->rule, &why);

    if (!found)
        relay_search_fail(s, RELAY_ANSWER_LATER, 451, "4.7.5", "%.*s", (int)why.len,
                          chain_flat(&why).at);
    chain_free(&why);
    return found;
}

static void take_literal(struct relay_search *s)
{
    struct relay_mx_address address = {.is_v6 = !network_is_ipv4(s->hop.address)};
    char name[IP_TEXT_MAX];

    memcpy(address.address, s->hop.address, sizeof(address.address));
    relay_address_write(address.address, name);
    add_host(s, name, 0, false);
    s->addresses = xmalloc(sizeof(*s->addresses));
    s->addresses[s->address_count++] = address;
    (void)snprintf(s->site, sizeof(s->site), "[%s]", name);
}

static void begin_by_name(struct relay_search *s)
{
    if (!relay_idn_ascii(s->hop.name, s->domain)) {
        relay_search_fail(s, RELAY_ANSWER_NEVER, 550, "5.1.2", "\"%.*s\" is no domain name",
                          (int)s->hop.name.len, s->hop.name.at);
        return;
    }
    if (!find_rule(s))
        return;
    if (s->hop.kind == RELAY_HOP_HOST) {
        /* Named by whoever runs this host: as safe as DNSSEC, as RFC 7672 2.1 has it. */
        (void)snprintf(s->site, sizeof(s->site), "[%s]", s->domain);
        add_host(s, s->domain, 0, true);
        ask_addresses(s);
        return;
    }
    if (wants_sts(s)) {
        s->pending++;
        s->config->sts->find(s->config->sts->self, s->domain, sts_came, s);
    }
    ask(s, s->domain, RELAY_DNS_MX, 0, false, mx_came);
}

void relay_search_begin(struct relay_search *s)
{
    bool right =
        relay_hop_parse(s->route.transport, span_str(s->route.nexthop), &s->hop); /* into route */

    list_init(&s->questions);
    s->ttl_s = UINT32_MAX; /* no record has said one */
    s->pending = 1;
    if (!right)
        relay_search_fail(s, RELAY_ANSWER_LATER, 451, "4.3.5", "\"%s\" is no next hop",
                          s->route.nexthop);
    else if (s->hop.kind == RELAY_HOP_UNIX)
        (void)snprintf(s->site, sizeof(s->site), "%s", s->route.nexthop);
    else if (s->hop.kind != RELAY_HOP_ADDRESS)
        begin_by_name(s);
    else if (find_rule(s))
        take_literal(s);
    arrived(s);
}

void relay_search_free(struct relay_search **search)
{
    struct relay_search *s = *search;

    *search = NULL;
    list_each (node, &s->questions)
        free(CONTAINER_OF(node, struct question, link));
    free(s->hosts);
    free(s->addresses);
    free(s->tlsa);
    free(s->sts_mx);
    free(s);
}
