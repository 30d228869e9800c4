#ifndef CORE_GATEWAY_GATEWAY_RELAY_H
#define CORE_GATEWAY_GATEWAY_RELAY_H

/*
 * gateway_relay: the relay with what the configuration says about it. Main's thread.
 */

#include "core/gateway/config.h"
#include "core/relay/relay.h"

struct gateway_relay;

/* Before privileges are given up: it reads files. `config` and `service` outlive it; the service's
 * store and workers may come later. NULL with lines in `why`. */
MUST_USE struct gateway_relay *gateway_relay_open(const struct config *config,
                                                  struct service *service, struct chain *why);

/* All reactors go round. From here on what is queued is delivered. False: no thread. */
MUST_USE bool gateway_relay_start(struct gateway_relay *g, const struct relay_reactor *reactors,
                                  unsigned count);

/* Somebody made mail due, or wants all that is due to be tried now. Any thread. */
void gateway_relay_flush(struct gateway_relay *g);

/* Lets what is under way end; before the reactors are stopped. */
void gateway_relay_drain(struct gateway_relay *g);

/* After they stopped, and before workers and store are closed. */
void gateway_relay_stop(struct gateway_relay *g);

/* After the reactors were closed. */
void gateway_relay_close(struct gateway_relay **relay);

#endif
