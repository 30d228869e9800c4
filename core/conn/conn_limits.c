#include "core/conn/conn_limits.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/work/usage.h"

struct conn_limits {
    struct conn_limits_config config; /* exempt is ours */
};

static unsigned or_any(unsigned max)
{
    return max > 0 ? max : UINT_MAX;
}

struct conn_limits *conn_limits_open(const struct conn_limits_config *config)
{
    struct conn_limits *limits = xcalloc(1, sizeof(*limits));
    struct network *exempt = xcalloc(config->exempt_count + 1, sizeof(*exempt));

    if (config->exempt_count > 0)
        memcpy(exempt, config->exempt, config->exempt_count * sizeof(*exempt));
    limits->config = *config;
    limits->config.exempt = exempt;
    return limits;
}

void conn_limits_close(struct conn_limits **limits)
{
    free((struct network *)(uintptr_t)(*limits)->config.exempt);
    free(*limits);
    *limits = NULL;
}

enum conn_admission conn_limits_admit(struct conn_limits *limits, const char *address,
                                      uint64_t now_ns, struct conn_ticket *ticket_r,
                                      unsigned *count_r)
{
    const struct conn_limits_config *c = &limits->config;
    struct span text = span_str(address);
    uint64_t key = network_client(text);
    bool is_exempt = network_any_has(c->exempt, c->exempt_count, text);
    enum usage_status status;

    *ticket_r = (struct conn_ticket){.is_exempt = is_exempt};
    if (c->client_rate_max > 0 && !is_exempt) {
        *count_r = usage_count(c->usage, key, USAGE_CONNECTIONS, now_ns);
        if (*count_r > c->client_rate_max)
            return CONN_CLIENT_OFTEN;
    }
    status = usage_enter(c->usage, key, is_exempt ? UINT_MAX : or_any(c->client_max),
                         &ticket_r->client, count_r);
    return status == USAGE_OK     ? CONN_ADMITTED
           : status == USAGE_FULL ? CONN_CLIENT_MANY
                                  : CONN_TOO_MANY;
}

void conn_limits_leave(struct conn_limits *limits, struct conn_ticket *ticket)
{
    if (ticket->client != NULL)
        usage_leave(limits->config.usage, &ticket->client);
}

bool conn_limits_charge(struct conn_limits *limits, const struct conn_ticket *ticket, int64_t bytes)
{
    uint64_t max = limits->config.client_bytes_max;

    if (ticket->client == NULL)
        return true;
    usage_charge(ticket->client, bytes);
    return max == 0 || ticket->is_exempt || usage_charged(ticket->client) <= max;
}
