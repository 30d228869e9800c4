#include "core/service/smtp_networks.h"

#include "core/base/number.h"
#include "proto/text/ip.h"
#include "proto/text/scan.h"

static void network_unmap(struct ip *ip)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    if (!ip->is_v6 || memcmp(ip->bytes, mapped, sizeof(mapped)) != 0)
        return;
    ip->is_v6 = false;
    memmove(ip->bytes, ip->bytes + 12, 4);
}

/* "[::1]/128" -> address and bits; without "/" all bits count. */
static bool network_parse(struct span text, struct ip *ip_r, uint64_t *bits_r)
{
    bool brackets = scan_byte(&text, '[');
    size_t len = 0;

    while (len < text.len && text.at[len] != (brackets ? ']' : '/'))
        len++;
    if (!ip_parse(span_first(text, len), ip_r))
        return false;
    text = span_after(text, len);
    if (brackets && !scan_byte(&text, ']'))
        return false;
    *bits_r = ip_r->is_v6 ? 128 : 32;
    return scan_end(&text) || (scan_byte(&text, '/') && number_parse(text, *bits_r, bits_r));
}

static bool network_has(const struct ip *net, uint64_t bits, const struct ip *ip)
{
    size_t whole = (size_t)bits / 8;
    unsigned rest = (unsigned)bits % 8;

    if (net->is_v6 != ip->is_v6 || memcmp(net->bytes, ip->bytes, whole) != 0)
        return false;
    return rest == 0 || (net->bytes[whole] ^ ip->bytes[whole]) >> (8 - rest) == 0;
}

bool smtp_networks_have(const struct smtp_words *list, const char *address)
{
    struct ip ip, net;
    uint64_t bits;

    if (!ip_parse(span_str(address), &ip))
        return false;
    network_unmap(&ip);
    for (unsigned i = 0; i < list->count; i++) {
        if (network_parse(span_str(list->at[i]), &net, &bits) && network_has(&net, bits, &ip))
            return true;
    }
    return false;
}
