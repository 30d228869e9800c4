/* relay_decide: from all that the DNS said of a next hop to the hosts that may be tried, or to why
 * there are none. */

#include <stdio.h>

#include "core/relay/relay_search.h"

/* Why hosts or addresses were left out, to say it when none is left. */
struct lost {
    bool to_tlsa;    /* DANE: what is asked of the host is not known, or cannot be met */
    bool to_policy;  /* MTA-STS: the policy does not name the host */
    bool to_blocked; /* an address that is nobody's on the Internet */
    bool to_loop;    /* it is this host, or worse than it */
    const char *host;
};

/* ---- hosts ---- */

static void leave_out(struct relay_host *host, bool *why, struct lost *lost)
{
    host->is_left_out = true;
    *why = true;
    lost->host = host->name;
}

static void check_rules(struct relay_search *s, struct lost *lost)
{
    bool dane_only = s->rule.level == RELAY_TLS_DANE_ONLY;

    for (unsigned i = 0; i < s->host_count; i++) {
        struct relay_host *host = &s->hosts[i];

        if (host->tlsa == RELAY_TLSA_FAILED || (dane_only && host->tlsa != RELAY_TLSA_USABLE))
            leave_out(host, &lost->to_tlsa, lost);
        else if (s->sts_mx != NULL && host->tlsa != RELAY_TLSA_USABLE &&
                 !relay_sts_policy_has(s->sts_mx, host->name))
            leave_out(host, &lost->to_policy, lost);
    }
}

/* ---- this host among them: RFC 5321 5.1 ---- */

static bool is_own_name(const struct relay_resolver_config *config, const char *name)
{
    for (unsigned i = 0; i < config->own_name_count; i++)
        if (strcasecmp(config->own_names[i], name) == 0)
            return true;
    return false;
}

static bool is_own_address(const struct relay_search *s, const struct relay_mx_address *a)
{
    const struct relay_resolver_config *config = s->config;

    /* Who runs this host may name a loopback address; the DNS may not. */
    if (relay_mx_address_kind(a->address) == RELAY_ADDRESS_LOOPBACK)
        return s->hop.kind == RELAY_HOP_DOMAIN && !config->local_allowed;
    for (unsigned i = 0; i < config->own_network_count; i++)
        if (network_has(&config->own_networks[i], a->address))
            return true;
    return false;
}

/* The best preference at which this host stands; UINT32_MAX: it is none of them. Where another port
 * is named there is another server. */
static uint32_t find_self(const struct relay_search *s)
{
    uint32_t best = UINT32_MAX;

    if (s->route.transport != RELAY_BY_SMTP || s->hop.port != 25)
        return best;
    for (unsigned i = 0; i < s->host_count; i++)
        if (s->has_mx && is_own_name(s->config, s->hosts[i].name) && s->hosts[i].preference < best)
            best = s->hosts[i].preference;
    for (unsigned i = 0; i < s->address_count; i++)
        if (is_own_address(s, &s->addresses[i]) && s->addresses[i].preference < best)
            best = s->addresses[i].preference;
    return best;
}

/* ---- addresses ---- */

static bool is_blocked(const struct relay_search *s, const struct relay_mx_address *a)
{
    return s->hop.kind == RELAY_HOP_DOMAIN && !s->config->local_allowed &&
           relay_mx_address_kind(a->address) != RELAY_ADDRESS_PUBLIC;
}

static void keep_usable(struct relay_search *s, struct lost *lost)
{
    uint32_t self = find_self(s);
    unsigned kept = 0;

    for (unsigned i = 0; i < s->address_count; i++) {
        const struct relay_mx_address a = s->addresses[i];

        if (a.preference >= self)
            lost->to_loop = true;
        else if (is_blocked(s, &a))
            lost->to_blocked = true;
        else if (!s->hosts[a.host].is_left_out)
            s->addresses[kept++] = a;
    }
    s->address_count = kept;
}

/* ---- nothing left ---- */

static void say_absent(struct relay_search *s)
{
    const char *name = s->host_count > 0 ? s->hosts[0].name : s->domain;
    bool later = s->has_mx && s->config->defer_if_no_mx_address;

    relay_search_fail(s, later ? RELAY_ANSWER_LATER : RELAY_ANSWER_NEVER, later ? 451 : 550,
                      later ? "4.4.4" : "5.4.4",
                      "Host or domain name not found. Name service error for name=%s type=%s: Host "
                      "not found",
                      name, s->config->families == RELAY_FAMILY_IPV6 ? "AAAA" : "A");
}

static void say_why(struct relay_search *s, const struct lost *lost)
{
    if (lost->to_tlsa)
        relay_search_fail(s, RELAY_ANSWER_LATER, 451, "4.7.5",
                          "TLSA lookup error for %s:%u, or none of its records can be used",
                          lost->host, s->hop.port);
    else if (lost->to_policy)
        relay_search_fail(s, RELAY_ANSWER_LATER, 451, "4.7.5",
                          "MTA-STS: the policy of %s names none of its mail exchangers (%s)",
                          s->domain, lost->host);
    else if (s->has_failed_host)
        relay_search_fail(s, RELAY_ANSWER_LATER, 451, "4.4.3",
                          "Host or domain name not found. Name service error for name=%s: Host not "
                          "found, try again",
                          s->hosts[0].name);
    else if (lost->to_loop)
        relay_search_fail(s, RELAY_ANSWER_NEVER, 554, "5.4.6", "mail for %s loops back to myself",
                          s->domain[0] != '\0' ? s->domain : s->hosts[0].name);
    else if (lost->to_blocked)
        relay_search_fail(s, RELAY_ANSWER_NEVER, 550, "5.4.4",
                          "mail exchangers of %s have no address on the Internet", s->domain);
    else
        say_absent(s);
}

/* ---- the site ---- */

/* What is not the default makes another site: connections are shared within one. */
static void complete_site(struct relay_search *s)
{
    size_t len = strlen(s->site);

    if (s->hop.kind == RELAY_HOP_UNIX)
        return;
    if (s->hop.port != 25)
        len += (size_t)snprintf(s->site + len, sizeof(s->site) - len, ":%u", s->hop.port);
    if (s->route.transport == RELAY_BY_LMTP && len < sizeof(s->site))
        len += (size_t)snprintf(s->site + len, sizeof(s->site) - len, " lmtp");
    if (s->rule.level != RELAY_TLS_MAY && len < sizeof(s->site))
        len += (size_t)snprintf(s->site + len, sizeof(s->site) - len, " tls=%s %s",
                                relay_tls_level_name(s->rule.level), s->rule.match);
    if (strstr(s->rule.match, "nexthop") != NULL && len < sizeof(s->site))
        len += (size_t)snprintf(s->site + len, sizeof(s->site) - len, " %s", s->domain);
    if (s->sts_mx != NULL && len < sizeof(s->site))
        (void)snprintf(s->site + len, sizeof(s->site) - len, " sts");
}

void relay_search_decide(struct relay_search *s)
{
    struct lost lost = {0};

    s->status = RELAY_ANSWER_HOSTS;
    for (unsigned i = 0; i < s->host_count; i++)
        s->has_failed_host = s->has_failed_host || s->hosts[i].failed;
    check_rules(s, &lost);
    keep_usable(s, &lost);
    complete_site(s);
    if (s->hop.kind != RELAY_HOP_UNIX && s->address_count == 0)
        say_why(s, &lost);
}
