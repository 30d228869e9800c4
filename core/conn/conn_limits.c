#include "core/conn/conn_limits.h"

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
    struct network *exempt;
};

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
    unsigned char bytes[NETWORK_ADDRESS_LEN];

    if (!network_address(span_str(address), bytes))
        return 0;
    if (network_is_ipv4(bytes))
        return (uint64_t)number_get32(bytes + 12) << 32 | 1u << 24;
    return number_get64(bytes);
}

bool conn_limits_admit(struct conn_limits *limits, const char *address, uint64_t *key_r,
                       bool *exempt_r)
{
    *exempt_r = network_any_has(limits->exempt, limits->exempt_count, span_str(address));
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
