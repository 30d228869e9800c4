#include "core/base/network.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/base/number.h"

enum {
    ALL_BITS = 8 * NETWORK_ADDRESS_LEN,
    MAPPED_LEN = 12,
};

static const unsigned char mapped[MAPPED_LEN] = {[10] = 0xff, [11] = 0xff};

bool network_address(struct span text, unsigned char address_r[NETWORK_ADDRESS_LEN])
{
    char copy[INET6_ADDRSTRLEN];

    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.at, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (strchr(copy, ':') != NULL)
        return inet_pton(AF_INET6, copy, address_r) == 1;
    memcpy(address_r, mapped, MAPPED_LEN);
    return inet_pton(AF_INET, copy, address_r + MAPPED_LEN) == 1;
}

bool network_is_ipv4(const unsigned char address[NETWORK_ADDRESS_LEN])
{
    return memcmp(address, mapped, MAPPED_LEN) == 0;
}

bool network_parse(struct span text, struct network *network_r)
{
    const char *slash = text.len == 0 ? NULL : memchr(text.at, '/', text.len);
    struct span address = span_first(text, slash == NULL ? text.len : (size_t)(slash - text.at));
    bool has_colon = address.len > 0 && memchr(address.at, ':', address.len) != NULL;
    uint64_t bits = has_colon ? ALL_BITS : ALL_BITS - 8 * MAPPED_LEN;

    if (has_colon && address.at[0] == '[' && address.at[address.len - 1] == ']')
        address = (struct span){address.at + 1, address.len - 2};
    if (slash != NULL &&
        !number_parse(span_after(text, (size_t)(slash - text.at) + 1), bits, &bits))
        return false;
    network_r->bits = (unsigned)bits + (has_colon ? 0 : 8 * MAPPED_LEN);
    return network_address(address, network_r->address);
}

bool network_has(const struct network *n, const unsigned char address[NETWORK_ADDRESS_LEN])
{
    unsigned whole = n->bits / 8, rest = n->bits % 8;

    if (memcmp(n->address, address, whole) != 0)
        return false;
    return rest == 0 || (n->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

bool network_any_has(const struct network *networks, unsigned count, struct span address)
{
    unsigned char bytes[NETWORK_ADDRESS_LEN];

    if (count == 0 || !network_address(address, bytes))
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (network_has(&networks[i], bytes))
            return true;
    }
    return false;
}

/* The IPv4 address stands behind a prefix that is not in use (0:1::/32). */
uint64_t network_client(struct span address)
{
    unsigned char bytes[NETWORK_ADDRESS_LEN];

    if (!network_address(address, bytes))
        return 0;
    if (network_is_ipv4(bytes))
        return (uint64_t)number_get32(bytes + MAPPED_LEN) << 32 | 1u << 24;
    return number_get64(bytes);
}
