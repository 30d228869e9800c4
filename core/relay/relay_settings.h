#ifndef CORE_RELAY_RELAY_SETTINGS_H
#define CORE_RELAY_RELAY_SETTINGS_H

/*
 * relay_settings: what the operator decides about mail for others, under Postfix's names.
 * Immutable; outlives the relay. Times are microseconds unless they say otherwise.
 */

#include <stdint.h>

#include "proto/smtp/smtp_client.h"

struct relay_settings {
    const char *myhostname, *mail_name;
    int64_t minimal_backoff_us, maximal_backoff_us;
    int64_t maximal_queue_lifetime_us, bounce_queue_lifetime_us;
    int64_t queue_run_delay_us;
    unsigned initial_destination_concurrency, destination_concurrency_limit;
    unsigned destination_recipient_limit;
    unsigned connection_limit;    /* of all destinations together */
    unsigned mx_session_limit;    /* hosts that a recipient is tried at before it waits */
    unsigned bounce_size_limit;   /* bytes of a message that its notification returns */
    uint32_t connect_timeout_ms;  /* of one address */
    uint32_t connection_cache_ms; /* an idle connection is kept so long */
    struct smtp_client_settings client;
};

#endif
