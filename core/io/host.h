#ifndef CORE_IO_HOST_H
#define CORE_IO_HOST_H

/*
 * host: socket addresses from numbers as text, without a name look-up. Any thread.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/attr.h"
#include "core/base/span.h"

uint16_t host_port(const struct sockaddr_storage *a); /* 0 where there is none */

/* An address without a name look-up, IPv6 also in brackets. False when it is none. */
MUST_USE bool host_parse(struct span text, uint16_t port, struct sockaddr_storage *a_r,
                         socklen_t *size_r);

#endif
