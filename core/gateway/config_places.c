/* config_places: the addresses that stand in lists of the configuration. */

#include <arpa/inet.h>
#include <string.h>

#include "core/base/number.h"
#include "core/gateway/config.h"

/* "a.b.c.d" as ::ffff:a.b.c.d, or IPv6 text. */
static bool address_parse(struct span text, bool is_v6, unsigned char *address)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    char copy[46];

    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (is_v6)
        return inet_pton(AF_INET6, copy, address) == 1;
    memcpy(address, mapped, sizeof(mapped));
    return inet_pton(AF_INET, copy, address + sizeof(mapped)) == 1;
}

/* Cuts the address off the front: with or without brackets. */
static bool address_cut(struct span *text, struct span *address_r, bool *is_v6_r, char end)
{
    const char *stop;

    *is_v6_r = text->len > 0 && text->at[0] == '[';
    if (*is_v6_r) {
        stop = memchr(text->at, ']', text->len);
        if (!stop)
            return false;
        *address_r = (struct span){text->at + 1, (size_t)(stop - text->at) - 1};
        *text = span_after(*text, address_r->len + 2);
        return true;
    }
    stop = memchr(text->at, end, text->len);
    *address_r = span_first(*text, stop ? (size_t)(stop - text->at) : text->len);
    *text = span_after(*text, address_r->len);
    return true;
}

bool config_network_parse(const char *text, struct config_network *network_r)
{
    struct span rest = span_str(text), address;
    uint64_t bits;
    bool is_v6;

    if (!address_cut(&rest, &address, &is_v6, '/'))
        return false;
    if (!is_v6 && memchr(address.at, ':', address.len))
        is_v6 = true; /* Postfix wants the brackets; without them it is as clear */
    if (!address_parse(address, is_v6, network_r->address))
        return false;
    network_r->bits = 128;
    if (rest.len == 0)
        return true;
    if (rest.at[0] != '/' || !number_parse(span_after(rest, 1), is_v6 ? 128 : 32, &bits))
        return false;
    network_r->bits = (unsigned)bits + (is_v6 ? 0 : 96);
    return true;
}

bool config_place_parse(const char *text, struct config_place *place_r)
{
    struct span rest = span_str(text), host;
    unsigned char address[16];
    uint64_t port;
    bool is_v6;

    *place_r = (struct config_place){0};
    if (strncmp(text, "unix:", 5) == 0) {
        place_r->path = text + 5;
        return text[5] != '\0' && strlen(text + 5) < 108; /* sun_path of unix(7) */
    }
    if (!address_cut(&rest, &host, &is_v6, ':') || rest.len < 2 || rest.at[0] != ':')
        return false;
    if (!number_parse(span_after(rest, 1), UINT16_MAX, &port) || host.len >= sizeof(place_r->host))
        return false;
    if (!span_eq(host, SPAN("*")) && !address_parse(host, is_v6, address))
        return false;
    memcpy(place_r->host, host.at, host.len);
    place_r->port = (uint16_t)port;
    return true;
}
