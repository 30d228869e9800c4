#ifndef CORE_SERVICE_AUTH_SETTINGS_H
#define CORE_SERVICE_AUTH_SETTINGS_H

/* auth_settings: what the operator decides about logins, part of struct service_settings. Texts are
 * never NULL. */

#include <stdint.h>

#include "proto/sasl/sasl_settings.h"

struct auth_jwt_keys;

struct auth_words {
    const char *const *at;
    unsigned count;
};

/* Tokens (OAUTHBEARER, XOAUTH2). */
struct auth_oauth_settings {
    const struct auth_jwt_keys *keys; /* of those who sign tokens; NULL: none */
    const char *url;                  /* who tells what a token is worth; "": nobody */
    bool sends_bearer; /* the token is what we come with; else it is asked about (RFC 7662) */
    const char *client_id, *client_secret; /* who we are to him; "": nobody */
    uint32_t timeout_ms;
    const char *username_attribute;               /* has the user's name */
    const char *active_attribute, *active_value;  /* "": a token that is told about is good */
    struct auth_words scopes, issuers, audiences; /* none: any will do */
    const char *configuration_url;                /* said to clients; "": not */
};

struct auth_settings {
    struct sasl_settings sasl; /* as all protocols offer it */
    uint32_t queue_limit;      /* logins that may wait for a thread; more are asked to come back */

    /* failures: HOSTILE L14 */
    uint32_t failure_delay_ms;     /* before the first refusal; doubled by each further one, */
    uint32_t failure_delay_max_ms; /* up to this */
    uint32_t failure_decay_ms;     /* after so long without one all is forgotten */
    uint32_t failure_limit;        /* so many from one address */
    uint32_t failure_window_ms;    /* in this time */
    uint32_t block_ms;             /* block it for so long */

    struct auth_oauth_settings oauth;
};

#endif
