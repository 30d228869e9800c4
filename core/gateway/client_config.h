#ifndef CORE_GATEWAY_CLIENT_CONFIG_H
#define CORE_GATEWAY_CLIENT_CONFIG_H

/*
 * client_config: what a mail program must be told to use this server, in the forms that mail
 * programs read. It is what is served: hosts, ports and TLS come from the configuration, and what
 * is nowhere listened for is not told. Any thread.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"
#include "core/gateway/config.h"

enum client_config_format {
    CLIENT_CONFIG_TEXT,        /* for people */
    CLIENT_CONFIG_THUNDERBIRD, /* autoconfig, config-v1.1.xml */
    CLIENT_CONFIG_OUTLOOK,     /* autodiscover, the answer to a POX request */
    CLIENT_CONFIG_APPLE,       /* a profile (.mobileconfig), not signed; the same for an account
                                * each time, so that a new one replaces the old one */
    CLIENT_CONFIG_DNS,         /* SRV records of RFC 6186 and RFC 8314, as in a zone file */
};

/* "text", "thunderbird", ...; false for other words. */
MUST_USE bool client_config_format(struct span word, enum client_config_format *format_r);

/* Appends the description for an address (user@domain; a user alone is of the first domain). False
 * with one line "what; what to do" in `why`: no address of ours, or nothing is served. */
MUST_USE bool client_config_render(const struct config *config, const char *address,
                                   enum client_config_format format, struct chain *out,
                                   struct chain *why);

#endif
