#ifndef CORE_GATEWAY_SERVICES_H
#define CORE_GATEWAY_SERVICES_H

/*
 * services: what is served: one row for each protocol, with where it listens, how its sessions are
 * made, and whose requests go where. A new protocol is a row here.
 */

#include "core/conn/conn.h"
#include "core/gateway/config.h"
#include "core/service/service.h"

struct services;

struct services_row {
    struct conn_service service;
    const struct config_list *places; /* where it listens, in the configuration */
};

enum {
    SERVICES_COUNT = 4, /* smtp, lmtp, imap, pop3 */
};

/* `service` and `config` must outlive it. */
MUST_USE struct services *services_open(struct service *service, const struct config *config);
void services_close(struct services **services); /* no connection may be left */

const struct services_row *services_get(const struct services *s, unsigned index);

#endif
