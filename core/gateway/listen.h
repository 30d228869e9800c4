#ifndef CORE_GATEWAY_LISTEN_H
#define CORE_GATEWAY_LISTEN_H

/*
 * listen: listening sockets (core/io/listener.h) for places in the configuration. Each reactor has
 * its own socket for an address, so that the kernel spreads the connections (SO_REUSEPORT).
 */

#include "core/base/chain.h"
#include "core/gateway/config.h"

/* A listening socket, or -1 with one line "what is wrong; what to do" appended to `why`. */
MUST_USE int listen_open(const struct config_place *place, struct chain *why);

/* True when somebody else listens there already: asked once, before the first listen_open(), for
 * with SO_REUSEPORT a second gateway of the same user would share the port with this one, and a
 * unix socket would be taken away from it. */
MUST_USE bool listen_is_taken(const struct config_place *place);

#endif
