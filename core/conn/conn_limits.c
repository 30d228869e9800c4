#include "core/conn/conn_limits.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/work/usage.h"

struct conn_limits {
    struct usage *users;              /* only their memory; keys are session.user */
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
    limits->users = usage_open(UINT_MAX, 1);
    limits->config = *config;
    limits->config.exempt = exempt;
    return limits;
}

void conn_limits_close(struct conn_limits **limits)
{
    usage_close(&(*limits)->users);
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
    if (ticket->user != NULL)
        usage_leave(limits->users, &ticket->user);
}

/* ---- memory ---- */

void conn_limits_user(struct conn_limits *limits, struct conn_ticket *ticket, uint64_t user,
                      int64_t bytes)
{
    unsigned count;

    if (ticket->user_number == user)
        return;
    if (ticket->user != NULL) {
        usage_charge(ticket->user, -bytes);
        usage_leave(limits->users, &ticket->user);
    }
    ticket->user_number = user;
    if (user == 0)
        return;
    ensure(usage_enter(limits->users, user, UINT_MAX, &ticket->user, &count) == USAGE_OK);
    usage_charge(ticket->user, bytes);
}

static bool charge(struct usage_client *who, int64_t bytes, uint64_t max)
{
    if (who == NULL)
        return true;
    usage_charge(who, bytes);
    return max == 0 || usage_charged(who) <= max;
}

bool conn_limits_charge(struct conn_limits *limits, const struct conn_ticket *ticket, int64_t bytes)
{
    const struct conn_limits_config *c = &limits->config;
    bool client_fits = charge(ticket->client, bytes, ticket->is_exempt ? 0 : c->client_bytes_max);
    bool user_fits = charge(ticket->user, bytes, c->user_bytes_max);

    return client_fits && user_fits;
}
