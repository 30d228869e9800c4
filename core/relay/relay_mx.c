#include "core/relay/relay_mx.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/map.h"
#include "proto/text/address.h"

enum {
    LABEL_MAX = 63, /* RFC 1035 2.3.4 */
    MX_HEADER_LEN = 2,
};

/* ---- records ---- */

bool relay_mx_name(struct span wire, char name_r[RELAY_NAME_MAX + 1])
{
    size_t len = 0, at = 0;

    while (at < wire.len && wire.at[at] != 0) {
        size_t label = (unsigned char)wire.at[at++];
        if (label > LABEL_MAX || label > wire.len - at || len + label + 1 > RELAY_NAME_MAX + 1)
            return false;
        for (size_t i = 0; i < label; i++) {
            char c = wire.at[at + i];
            if (c == '.')
                return false; /* a dot inside of a label: no host's name */
            name_r[len++] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
        }
        name_r[len++] = '.';
        at += label;
    }
    if (at + 1 != wire.len)
        return false;
    name_r[len > 0 ? len - 1 : 0] = '\0';
    return len == 0 || address_is_hostname((struct span){name_r, len - 1}, false);
}

bool relay_mx_parse(struct span rdata, struct relay_mx *mx_r)
{
    const unsigned char *head = (const unsigned char *)rdata.at;

    if (rdata.len <= MX_HEADER_LEN)
        return false;
    mx_r->preference = (uint16_t)(head[0] << 8 | head[1]);
    return relay_mx_name(span_after(rdata, MX_HEADER_LEN), mx_r->host);
}

bool relay_mx_is_null(const struct relay_mx *mx, unsigned count)
{
    return count == 1 && mx[0].host[0] == '\0';
}

/* ---- order ---- */

/* Fisher and Yates; the modulo's bias is nothing to load. */
static void shuffle(void *items, unsigned count, size_t size, uint64_t (*draw)(void))
{
    char *bytes = items, held[sizeof(struct relay_mx) > sizeof(struct relay_mx_address)
                                  ? sizeof(struct relay_mx)
                                  : sizeof(struct relay_mx_address)];

    for (unsigned i = count; i > 1; i--) {
        char *a = bytes + (i - 1) * size, *b = bytes + (size_t)(draw() % i) * size;
        if (a == b)
            continue;
        memcpy(held, a, size);
        memcpy(a, b, size);
        memcpy(b, held, size);
    }
}

/* Sorts by preference and keeps the order of equals: lists are short. */
static void sort_mx(struct relay_mx *mx, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        struct relay_mx held = mx[i];
        unsigned to = i;
        for (; to > 0 && mx[to - 1].preference > held.preference; to--)
            mx[to] = mx[to - 1];
        mx[to] = held;
    }
}

unsigned relay_mx_order(struct relay_mx *mx, unsigned count, uint64_t (*draw)(void))
{
    unsigned kept = 0;

    shuffle(mx, count, sizeof(*mx), draw);
    sort_mx(mx, count);
    for (unsigned i = 0; i < count; i++) {
        bool known = count > 1 && mx[i].host[0] == '\0';
        for (unsigned k = 0; k < kept && !known; k++)
            known = strcmp(mx[k].host, mx[i].host) == 0;
        if (!known && kept != i)
            mx[kept] = mx[i];
        kept += !known;
    }
    return kept;
}

static int by_site(const void *first, const void *second)
{
    const struct relay_mx *a = first, *b = second;

    if (a->preference != b->preference)
        return a->preference < b->preference ? -1 : 1;
    return strcmp(a->host, b->host);
}

void relay_mx_site(const struct relay_mx *mx, unsigned count, char *site, unsigned size)
{
    struct relay_mx sorted[RELAY_MX_HOSTS_MAX];
    char all[RELAY_MX_HOSTS_MAX * (RELAY_NAME_MAX + 1)];
    size_t len = 0;

    if (count > RELAY_MX_HOSTS_MAX)
        count = RELAY_MX_HOSTS_MAX;
    memcpy(sorted, mx, count * sizeof(*mx));
    qsort(sorted, count, sizeof(*sorted), by_site);
    all[0] = '\0';
    for (unsigned i = 0; i < count; i++) {
        char divider = sorted[i].preference == sorted[i ? i - 1 : 0].preference ? '|' : ',';
        size_t host = strlen(sorted[i].host);
        if (i > 0)
            all[len++] = divider;
        memcpy(all + len, sorted[i].host, host);
        len += host;
    }
    if (len < size)
        (void)snprintf(site, size, "%.*s", (int)len, all);
    else
        (void)snprintf(site, size, "%.*s#%016llx", (int)(size - 18), all,
                       (unsigned long long)map_hash((struct span){all, len}));
}

/* ---- addresses ---- */

enum relay_address_kind relay_mx_address_kind(const unsigned char address[NETWORK_ADDRESS_LEN])
{
    static const unsigned char zero[NETWORK_ADDRESS_LEN];
    const unsigned char *v4 = address + 12;

    if (network_is_ipv4(address)) {
        if (v4[0] == 127)
            return RELAY_ADDRESS_LOOPBACK;
        return v4[0] == 0 || v4[0] >= 224 || (v4[0] == 169 && v4[1] == 254) ? RELAY_ADDRESS_UNUSABLE
                                                                            : RELAY_ADDRESS_PUBLIC;
    }
    if (memcmp(address, zero, 15) == 0 && address[15] == 1)
        return RELAY_ADDRESS_LOOPBACK;
    if (memcmp(address, zero, 12) == 0 || address[0] == 0xff ||
        (address[0] == 0xfe && (address[1] & 0xc0) == 0x80))
        return RELAY_ADDRESS_UNUSABLE;
    return RELAY_ADDRESS_PUBLIC;
}

static void sort_addresses(struct relay_mx_address *a, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        struct relay_mx_address held = a[i];
        unsigned to = i;
        for (; to > 0 && a[to - 1].preference > held.preference; to--)
            a[to] = a[to - 1];
        a[to] = held;
    }
}

static unsigned count_v6(const struct relay_mx_address *a, unsigned count)
{
    unsigned v6 = 0;

    for (unsigned i = 0; i < count; i++)
        v6 += a[i].is_v6;
    return v6;
}

/* Of one preference: the families in turn, `v6_first` begins; or the preferred one in front. */
static void arrange(struct relay_mx_address *a, unsigned count, bool alternate, bool v6_first)
{
    struct relay_mx_address held[RELAY_MX_ADDRESSES_MAX];
    unsigned next[2] = {0, 0}; /* where the next of IPv4 and of IPv6 is looked for */
    bool want_v6 = v6_first;

    memcpy(held, a, count * sizeof(*a));
    for (unsigned to = 0; to < count; to++) {
        for (unsigned tries = 0; tries < 2; tries++) {
            unsigned *from = &next[want_v6];
            while (*from < count && held[*from].is_v6 != want_v6)
                (*from)++;
            if (*from < count)
                break;
            want_v6 = !want_v6;
        }
        a[to] = held[next[want_v6]++];
        if (alternate)
            want_v6 = !want_v6;
    }
}

/* Leaves `max`: of each family at most its half, or what the other does not fill. */
static unsigned cut(struct relay_mx_address *a, unsigned count, unsigned max)
{
    unsigned v6 = count_v6(a, count), v4 = count - v6, kept = 0, half = max / 2;
    unsigned may[2];

    may[1] = v4 < max - half ? max - v4 : v6 < half ? v6 : half;
    may[0] = max - may[1];
    for (unsigned i = 0; i < count && kept < max; i++) {
        if (may[a[i].is_v6] == 0)
            continue;
        may[a[i].is_v6]--;
        a[kept++] = a[i];
    }
    return kept;
}

unsigned relay_mx_choose(struct relay_mx_address *addresses, unsigned count, unsigned max,
                         enum relay_mx_prefer prefer, uint64_t (*draw)(void))
{
    if (count > RELAY_MX_ADDRESSES_MAX)
        count = RELAY_MX_ADDRESSES_MAX;
    shuffle(addresses, count, sizeof(*addresses), draw);
    sort_addresses(addresses, count);
    for (unsigned first = 0, end; first < count; first = end) {
        for (end = first; end < count; end++)
            if (addresses[end].preference != addresses[first].preference)
                break;
        arrange(addresses + first, end - first, prefer == RELAY_MX_PREFER_ANY,
                prefer == RELAY_MX_PREFER_ANY ? (draw() & 1) != 0 : prefer == RELAY_MX_PREFER_IPV6);
    }
    return count > max && prefer == RELAY_MX_PREFER_ANY ? cut(addresses, count, max)
           : count > max                                ? max
                                                        : count;
}
