/* relay_hop: a next hop as people write it, in its parts (relay_route.h). */

#include <stddef.h>

#include "core/base/network.h"
#include "core/base/number.h"
#include "core/relay/relay_route.h"
#include "proto/text/address.h"
#include "proto/text/scan.h"

static bool port_parse(struct span text, uint16_t *port_r)
{
    static const struct {
        const char *name;
        uint16_t port;
    } names[] = {
        {"smtp",        25 },
        {"submission",  587},
        {"submissions", 465},
        {"smtps",       465},
        {"lmtp",        24 },
    };
    uint64_t number;

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (span_eq_nocase(text, span_str(names[i].name))) {
            *port_r = names[i].port;
            return true;
        }
    }
    if (!number_parse(text, UINT16_MAX, &number) || number == 0)
        return false;
    *port_r = (uint16_t)number;
    return true;
}

/* "[inside]" or "name" up to a colon. */
static bool take_name(struct span *at, struct span *name_r, bool *bracketed_r)
{
    const char *end;

    *bracketed_r = at->len > 0 && at->at[0] == '[';
    if (*bracketed_r) {
        end = memchr(at->at, ']', at->len);
        if (end == NULL)
            return false;
        *name_r = (struct span){at->at + 1, (size_t)(end - at->at) - 1};
        *at = span_after(*at, name_r->len + 2);
        return name_r->len > 0;
    }
    end = at->len == 0 ? NULL : memchr(at->at, ':', at->len);
    *name_r = span_first(*at, end == NULL ? at->len : (size_t)(end - at->at));
    *at = span_after(*at, name_r->len);
    return name_r->len > 0;
}

static bool is_address(struct span name, unsigned char address_r[NETWORK_ADDRESS_LEN])
{
    (void)scan_nocase(&name, SPAN("IPv6:"));
    return network_address(name, address_r);
}

bool relay_hop_parse(enum relay_transport transport, struct span nexthop, struct relay_hop *hop_r)
{
    bool is_lmtp = transport == RELAY_BY_LMTP, bracketed;
    struct span at = nexthop;

    *hop_r = (struct relay_hop){.port = is_lmtp ? 24 : 25};
    if (nexthop.len > RELAY_NEXTHOP_MAX || !scan_is_printable(nexthop))
        return false;
    if (is_lmtp && scan_nocase(&at, SPAN("unix:"))) {
        hop_r->kind = RELAY_HOP_UNIX;
        hop_r->name = at;
        hop_r->port = 0;
        return at.len > 0;
    }
    if (is_lmtp)
        (void)scan_nocase(&at, SPAN("inet:"));
    if (!take_name(&at, &hop_r->name, &bracketed))
        return false;
    if (at.len > 0) {
        if (!scan_byte(&at, ':') || !port_parse(at, &hop_r->port))
            return false;
        hop_r->has_port = true;
    }
    if (is_address(hop_r->name, hop_r->address)) {
        hop_r->kind = RELAY_HOP_ADDRESS;
        return bracketed || is_lmtp;
    }
    hop_r->kind = bracketed || is_lmtp ? RELAY_HOP_HOST : RELAY_HOP_DOMAIN;
    return address_is_hostname(hop_r->name, true);
}
