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
    SERVICES_COUNT = 8, /* rows of services.c */
};

/* All three must outlive it; `tls` has a struct tls_context or NULL in it. */
MUST_USE struct services *services_open(struct service *service, const struct config *config,
                                        struct shared *tls);
void services_close(struct services **services); /* no connection may be left */

const struct services_row *services_get(const struct services *s, unsigned index);

#endif
