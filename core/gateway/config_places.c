/* config_places: the addresses that stand in lists of the configuration. */

#include <string.h>

#include "core/base/network.h"
#include "core/base/number.h"
#include "core/gateway/config.h"

/* "*", or an address: IPv6 in brackets and nothing else in them. Takes the brackets off. */
static bool host_is_good(struct span *host)
{
    unsigned char address[NETWORK_ADDRESS_LEN];
    bool has_colon = host->len > 0 && memchr(host->at, ':', host->len) != NULL;
    bool has_brackets = host->len > 2 && host->at[0] == '[' && host->at[host->len - 1] == ']';

    if (has_colon != has_brackets)
        return false;
    if (has_brackets)
        *host = (struct span){host->at + 1, host->len - 2};
    return span_eq(*host, SPAN("*")) || network_address(*host, address);
}

bool config_place_parse(const char *text, struct config_place *place_r)
{
    const char *colon = strrchr(text, ':');
    struct span host;
    uint64_t port;

    *place_r = (struct config_place){0};
    if (strncmp(text, "unix:", 5) == 0) {
        place_r->path = text + 5;
        return text[5] != '\0' && strlen(text + 5) < 108; /* sun_path of unix(7) */
    }
    if (!colon || !number_parse(span_str(colon + 1), UINT16_MAX, &port))
        return false;
    host = (struct span){text, (size_t)(colon - text)};
    if (!host_is_good(&host) || host.len >= sizeof(place_r->host))
        return false;
    memcpy(place_r->host, host.at, host.len);
    place_r->port = (uint16_t)port;
    return true;
}
