#ifndef PROTO_SASL_SASL_SETTINGS_H
#define PROTO_SASL_SASL_SETTINGS_H

/*
 * sasl_settings: which ways to log in are offered, the same for every protocol. Mechanisms are in
 * upper case, divided by blanks, as AUTH lines and capability lists show them; "" offers none.
 */

#include <stdbool.h>

struct sasl_settings {
    const char *mechanisms_clear; /* without TLS */
    const char *mechanisms_tls;
    bool allow_clear; /* user and password may come without TLS (LOGIN, USER and PASS, PLAIN) */
};

#endif
