#include "core/conn/conn_limits.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/number.h"
#include "core/work/tally.h"

struct conn_limits {
    struct tally *tally;
    unsigned address_max;
    unsigned exempt_count;
    struct conn_network *exempt;
};

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool address_parse(const char *text, unsigned char bytes_r[16])
{
    if (strchr(text, ':') != NULL)
        return inet_pton(AF_INET6, text, bytes_r) == 1;
    memcpy(bytes_r, mapped, sizeof(mapped));
    return inet_pton(AF_INET, text, bytes_r + sizeof(mapped)) == 1;
}

static bool network_has(const struct conn_network *n, const unsigned char bytes[16])
{
    unsigned whole = n->bits / 8, rest = n->bits % 8;

    if (memcmp(n->address, bytes, whole) != 0)
        return false;
    return rest == 0 || (n->address[whole] ^ bytes[whole]) >> (8 - rest) == 0;
}

bool conn_network_has(const struct conn_network *networks, unsigned count, const char *address)
{
    unsigned char bytes[16];

    if (count == 0 || !address_parse(address, bytes))
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (network_has(&networks[i], bytes))
            return true;
    }
    return false;
}

struct conn_limits *conn_limits_open(const struct conn_limits_config *config)
{
    struct conn_limits *limits = xcalloc(1, sizeof(*limits));

    limits->address_max = config->address_max > 0 ? config->address_max : UINT_MAX;
    limits->tally = tally_open(config->total_max);
    limits->exempt_count = config->exempt_count;
    limits->exempt = xcalloc(config->exempt_count + 1, sizeof(*limits->exempt));
    if (config->exempt_count > 0)
        memcpy(limits->exempt, config->exempt, config->exempt_count * sizeof(*limits->exempt));
    return limits;
}

void conn_limits_close(struct conn_limits **limits)
{
    tally_close(&(*limits)->tally);
    free((*limits)->exempt);
    free(*limits);
    *limits = NULL;
}

/* The /64, or the IPv4 address behind a prefix that is not in use (0:1::/32). */
static uint64_t key_of(const char *address)
{
    unsigned char bytes[16] = {0};

    if (!address_parse(address, bytes))
        return 0;
    if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
        return (uint64_t)number_get32(bytes + sizeof(mapped)) << 32 | 1u << 24;
    return number_get64(bytes);
}

bool conn_limits_admit(struct conn_limits *limits, const char *address, uint64_t *key_r,
                       bool *exempt_r)
{
    *exempt_r = conn_network_has(limits->exempt, limits->exempt_count, address);
    *key_r = key_of(address);
    return tally_add(limits->tally, *key_r, *exempt_r ? UINT_MAX : limits->address_max);
}

void conn_limits_leave(struct conn_limits *limits, uint64_t key)
{
    tally_remove(limits->tally, key);
}

unsigned conn_limits_total(struct conn_limits *limits)
{
    return tally_total(limits->tally);
}
