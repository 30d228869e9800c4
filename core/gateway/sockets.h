#ifndef CORE_GATEWAY_SOCKETS_H
#define CORE_GATEWAY_SOCKETS_H

/*
 * sockets: all listening sockets of the configuration. They are opened first of all, while we may
 * still bind any port, or were handed over by systemd (activation.h), and are taken by the
 * reactors later. Each reactor has its own for an address, so that the kernel spreads the
 * connections. The main thread.
 */

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/gateway/config.h"

struct sockets;

/* One for each of `reactors` at every place of every option named *_listen (`config` must outlive
 * it). NULL with one line "what is wrong; what to do" for each finding in `why`, where warnings go
 * as well. */
MUST_USE struct sockets *sockets_open(const struct config *config, unsigned reactors,
                                      struct chain *why);
void sockets_close(struct sockets **sockets); /* and those that nobody took */

/* A reactor's socket for a place, as it is written in the configuration; the caller's from now on.
 * -1 when this reactor has none: a unix socket belongs to the first. */
MUST_USE int sockets_take(struct sockets *s, const char *place, unsigned reactor);

#endif
