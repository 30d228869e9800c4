#include "core/conn/conn_limits.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/number.h"
#include "core/work/tally.h"

/* All addresses as IPv6, the others as v4-mapped ones (::ffff:a.b.c.d). */
struct address {
    unsigned char bytes[16];
};

struct network {
    struct address address;
    unsigned bits;
};

struct conn_limits {
    struct tally *tally;
    unsigned address_max;
    unsigned exempt_count;
    struct network *exempt;
};

enum {
    MAPPED_BITS = 96
};
static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool address_parse(const char *text, struct address *a_r)
{
    if (strchr(text, ':') != NULL)
        return inet_pton(AF_INET6, text, a_r->bytes) == 1;
    memcpy(a_r->bytes, mapped, sizeof(mapped));
    return inet_pton(AF_INET, text, a_r->bytes + sizeof(mapped)) == 1;
}

static bool network_has(const struct network *n, const struct address *a)
{
    unsigned whole = n->bits / 8, rest = n->bits % 8;

    if (memcmp(n->address.bytes, a->bytes, whole) != 0)
        return false;
    return rest == 0 || (n->address.bytes[whole] ^ a->bytes[whole]) >> (8 - rest) == 0;
}

/* "192.0.2.0/24", "[2001:db8::]/32", "2001:db8::/32", or without "/": one address. */
static bool network_parse(struct span text, struct network *n_r)
{
    const char *slash = memchr(text.at, '/', text.len);
    struct span host = span_first(text, slash == NULL ? text.len : (size_t)(slash - text.at));
    char address[INET6_ADDRSTRLEN];
    uint64_t bits;
    unsigned before;

    if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']')
        host = (struct span){host.at + 1, host.len - 2};
    if (host.len >= sizeof(address))
        return false;
    memcpy(address, host.at, host.len);
    address[host.len] = '\0';
    if (!address_parse(address, &n_r->address))
        return false;
    before = strchr(address, ':') == NULL ? MAPPED_BITS : 0;
    bits = 128 - before;
    if (slash != NULL &&
        !number_parse(span_after(text, (size_t)(slash + 1 - text.at)), bits, &bits))
        return false;
    n_r->bits = before + (unsigned)bits;
    return true;
}

struct conn_limits *conn_limits_open(const struct conn_limits_config *config, struct chain *why)
{
    struct conn_limits *limits = xcalloc(1, sizeof(*limits));

    limits->address_max = config->address_max > 0 ? config->address_max : UINT_MAX;
    limits->tally = tally_open(config->total_max);
    limits->exempt = xcalloc(config->exempt_count + 1, sizeof(*limits->exempt));
    limits->exempt_count = config->exempt_count;
    for (unsigned i = 0; i < config->exempt_count; i++) {
        if (network_parse(span_str(config->exempt[i]), &limits->exempt[i]))
            continue;
        chain_addf(why, "\"%s\" is not a network; write 192.0.2.0/24 or [2001:db8::]/32\n",
                   config->exempt[i]);
        conn_limits_close(&limits);
        return NULL;
    }
    return limits;
}

void conn_limits_close(struct conn_limits **limits)
{
    tally_close(&(*limits)->tally);
    free((*limits)->exempt);
    free(*limits);
    *limits = NULL;
}

static bool is_exempt(const struct conn_limits *limits, const struct address *a)
{
    for (unsigned i = 0; i < limits->exempt_count; i++) {
        if (network_has(&limits->exempt[i], a))
            return true;
    }
    return false;
}

/* The /64, or the IPv4 address behind a prefix that is not in use (0:1::/32). */
static uint64_t key_of(const struct address *a)
{
    if (memcmp(a->bytes, mapped, sizeof(mapped)) == 0)
        return (uint64_t)number_get32(a->bytes + sizeof(mapped)) << 32 | 1u << 24;
    return number_get64(a->bytes);
}

bool conn_limits_admit(struct conn_limits *limits, const char *address, uint64_t *key_r,
                       bool *exempt_r)
{
    struct address a = {{0}};

    *exempt_r = address_parse(address, &a) && is_exempt(limits, &a);
    *key_r = key_of(&a);
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
