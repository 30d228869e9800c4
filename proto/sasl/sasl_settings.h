#ifndef PROTO_SASL_SASL_SETTINGS_H
#define PROTO_SASL_SASL_SETTINGS_H

/*
 * sasl_settings: which ways to log in are offered, the same for every protocol. Mechanisms are in
 * upper case, divided by blanks, as AUTH lines and capability lists show them; "" offers none.
 */

#include <stdbool.h>
#include <stdint.h>

struct network;

struct sasl_settings {
    const char *mechanisms_clear; /* where others may listen */
    const char *mechanisms_tls;   /* where nobody can: sasl_offer.h says when that is */
    bool allow_clear; /* user and password may come without TLS (LOGIN, USER and PASS, PLAIN) */
    const struct network *trusted; /* between them and us nobody listens */
    unsigned trusted_count;
    uint32_t response_max; /* bytes of a response, encoded; 0: AUTH_RESPONSE_MAX */
};

#endif
