#include "core/relay/relay_route.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/service/lookup.h"
#include "proto/text/scan.h"

struct relay_routes {
    struct lookup_list *transports, *sender_relayhosts;
    char **relay_domains;
    unsigned relay_domain_count;
    char *relayhost, *delimiter;
    char *default_transport, *relay_transport;
};

/* "transport:nexthop" in its halves; either may be empty. */
struct choice {
    struct span transport, nexthop;
};

static struct choice choice_parse(struct span text)
{
    const char *colon = text.len == 0 ? NULL : memchr(text.at, ':', text.len);
    size_t len = colon == NULL ? text.len : (size_t)(colon - text.at);

    return (struct choice){span_first(text, len), span_after(text, len + 1)};
}

static bool transport_find(struct span name, enum relay_transport *transport_r)
{
    static const struct {
        const char *name;
        enum relay_transport transport;
    } rows[] = {
        {"smtp",    RELAY_BY_SMTP   },
        {"relay",   RELAY_BY_SMTP   },
        {"lmtp",    RELAY_BY_LMTP   },
        {"error",   RELAY_BY_ERROR  },
        {"retry",   RELAY_BY_RETRY  },
        {"discard", RELAY_BY_DISCARD},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (span_eq(name, span_str(rows[i].name))) {
            *transport_r = rows[i].transport;
            return true;
        }
    }
    return false;
}

static bool has_hop(enum relay_transport transport)
{
    return transport == RELAY_BY_SMTP || transport == RELAY_BY_LMTP;
}

static bool domain_is(const struct relay_routes *r, struct span domain)
{
    for (unsigned i = 0; i < r->relay_domain_count; i++) {
        struct span ours = span_str(r->relay_domains[i]);
        if (span_eq_nocase(domain, ours) ||
            (domain.len > ours.len && domain.at[domain.len - ours.len - 1] == '.' &&
             span_eq_nocase(span_after(domain, domain.len - ours.len), ours)))
            return true;
    }
    return false;
}

/* ---- opening ---- */

static bool option_is_right(const char *option, const char *text, bool is_hop, struct chain *why)
{
    struct choice choice = choice_parse(span_str(text));
    struct relay_hop hop;
    enum relay_transport transport = RELAY_BY_SMTP;

    if (is_hop) {
        if (text[0] == '\0' || relay_hop_parse(RELAY_BY_SMTP, span_str(text), &hop))
            return true;
        chain_addf(why, "%s: \"%s\" is no host; write [host]:port, [host] or domain\n", option,
                   text);
        return false;
    }
    if (transport_find(choice.transport, &transport) &&
        (!has_hop(transport) || choice.nexthop.len == 0 ||
         relay_hop_parse(transport, choice.nexthop, &hop)))
        return true;
    chain_addf(why,
               "%s: \"%s\" is no transport; write smtp, smtp:[host]:port, lmtp:unix:/path, "
               "error:text, retry:text or discard\n",
               option, text);
    return false;
}

struct relay_routes *relay_routes_open(const struct relay_routes_config *config, struct chain *why)
{
    struct relay_routes *r = xcalloc(1, sizeof(*r));
    bool right = option_is_right("relayhost", config->relayhost, true, why);

    right = option_is_right("default_transport", config->default_transport, false, why) && right;
    right = option_is_right("relay_transport", config->relay_transport, false, why) && right;
    r->relayhost = xstrdup(config->relayhost);
    r->default_transport = xstrdup(config->default_transport);
    r->relay_transport = xstrdup(config->relay_transport);
    r->delimiter = xstrdup(config->recipient_delimiter);
    r->relay_domains = xcalloc(config->relay_domain_count + 1, sizeof(char *));
    for (unsigned i = 0; i < config->relay_domain_count; i++)
        r->relay_domains[r->relay_domain_count++] = xstrdup(config->relay_domains[i]);
    r->transports = lookup_list_open(config->transport_maps, config->transport_count, why);
    r->sender_relayhosts =
        lookup_list_open(config->sender_relayhost_maps, config->sender_relayhost_count, why);
    if (!right || r->transports == NULL || r->sender_relayhosts == NULL)
        relay_routes_close(&r);
    return r;
}

void relay_routes_close(struct relay_routes **routes)
{
    struct relay_routes *r = *routes;

    *routes = NULL;
    if (r == NULL)
        return;
    lookup_list_close(&r->transports);
    lookup_list_close(&r->sender_relayhosts);
    for (unsigned i = 0; i < r->relay_domain_count; i++)
        free(r->relay_domains[i]);
    free(r->relay_domains);
    free(r->relayhost);
    free(r->delimiter);
    free(r->default_transport);
    free(r->relay_transport);
    free(r);
}

bool relay_routes_refresh(struct relay_routes *r, struct chain *why)
{
    bool first = lookup_list_refresh(r->transports, why);

    return lookup_list_refresh(r->sender_relayhosts, why) || first;
}

/* ---- finding ---- */

static void set_nexthop(struct relay_route *route, struct span nexthop)
{
    bool keeps_case =
        !has_hop(route->transport) || (route->transport == RELAY_BY_LMTP &&
                                       span_eq_nocase(span_first(nexthop, 5), SPAN("unix:")));
    size_t len = nexthop.len < RELAY_NEXTHOP_MAX ? nexthop.len : RELAY_NEXTHOP_MAX;

    for (size_t i = 0; i < len; i++) {
        char c = nexthop.at[i];
        route->nexthop[i] = !keeps_case && c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    route->nexthop[len] = '\0';
}

static void give_up(struct relay_route *route, const char *reason)
{
    route->transport = RELAY_BY_RETRY;
    (void)snprintf(route->nexthop, sizeof(route->nexthop), "4.3.5 %s", reason);
}

/* relayhost, or the sender's own. Appends to `hop`; false when there is none. */
static bool find_relayhost(const struct relay_routes *r, struct span sender, struct chain *hop)
{
    struct span key = sender.len == 0 ? SPAN("<>") : sender;

    if (lookup_list_address(r->sender_relayhosts, key, r->delimiter, LOOKUP_AT_DOMAIN, hop, NULL)) {
        if (!span_eq_nocase(chain_flat(hop), SPAN("DUNNO")))
            return true;
        chain_free(hop);
    }
    chain_add(hop, span_str(r->relayhost));
    return hop->len > 0;
}

/* What the options say, before transport_maps. */
static void choose_by_options(const struct relay_routes *r, struct span sender, struct span domain,
                              struct relay_route *route)
{
    bool is_relay_domain = domain_is(r, domain);
    struct choice choice =
        choice_parse(span_str(is_relay_domain ? r->relay_transport : r->default_transport));
    struct chain hop = {0};

    if (!transport_find(choice.transport, &route->transport))
        give_up(route, "mail transport unavailable"); /* refused on opening */
    else if (choice.nexthop.len > 0 || !has_hop(route->transport))
        set_nexthop(route, choice.nexthop);
    else if (find_relayhost(r, sender, &hop))
        set_nexthop(route, chain_flat(&hop));
    else
        set_nexthop(route, domain);
    chain_free(&hop);
}

/* transport(5): "transport:nexthop", either half may be left out: ":" changes nothing, a transport
 * alone goes to the recipient's domain. */
static void choose_by_table(struct span value, struct span domain, struct relay_route *route)
{
    struct choice choice = choice_parse(value);

    if (choice.transport.len > 0) {
        if (!transport_find(choice.transport, &route->transport)) {
            give_up(route, "mail transport unavailable");
            return;
        }
        set_nexthop(route, has_hop(route->transport) ? domain : SPAN(""));
    }
    if (choice.nexthop.len > 0)
        set_nexthop(route, choice.nexthop);
}

void relay_route_find(const struct relay_routes *r, struct span sender, struct span recipient,
                      struct relay_route *route_r)
{
    const char *at = recipient.len == 0 ? NULL : memrchr(recipient.at, '@', recipient.len);
    struct span domain =
        at == NULL ? SPAN("") : span_after(recipient, (size_t)(at - recipient.at) + 1);
    struct chain value = {0};
    struct relay_hop hop;

    *route_r = (struct relay_route){0};
    if (domain.len > 0 && domain.at[domain.len - 1] == '.')
        domain.len--;
    choose_by_options(r, sender, domain, route_r);
    if (lookup_list_address(r->transports, recipient, r->delimiter,
                            LOOKUP_DOMAIN | LOOKUP_PARENTS | LOOKUP_DEFAULT, &value, NULL))
        choose_by_table(chain_flat(&value), domain, route_r);
    chain_free(&value);
    if (has_hop(route_r->transport) &&
        !relay_hop_parse(route_r->transport, span_str(route_r->nexthop), &hop))
        give_up(route_r, "the next hop is no host, address or domain");
}

/* ---- what error: and retry: say ---- */

static bool take_code(struct span *at, char class)
{
    struct span rest = *at;
    uint64_t subject, detail;

    if (!scan_byte(&rest, class) || !scan_byte(&rest, '.') || !scan_number(&rest, 999, &subject) ||
        !scan_byte(&rest, '.') || !scan_number(&rest, 999, &detail) ||
        (rest.len > 0 && rest.at[0] != ' '))
        return false;
    *at = rest;
    return true;
}

void relay_route_reason(const struct relay_route *route, struct span *enhanced_r,
                        struct span *text_r)
{
    bool is_final = route->transport == RELAY_BY_ERROR;
    struct span all = span_str(route->nexthop), at = all;

    *enhanced_r = is_final ? SPAN("5.0.0") : SPAN("4.0.0");
    if (take_code(&at, is_final ? '5' : '4')) {
        *enhanced_r = span_first(all, all.len - at.len);
        scan_blanks(&at);
    }
    *text_r = at.len > 0 ? at
              : is_final ? SPAN("Address is undeliverable")
                         : SPAN("Address is temporarily undeliverable");
}
