#ifndef CORE_IO_HOST_H
#define CORE_IO_HOST_H

/*
 * host: where a peer is, as text and as a member of networks. IPv4 addresses that come over an
 * IPv6 socket (::ffff:192.0.2.1) are IPv4 addresses to everybody here. Any thread.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/attr.h"
#include "core/base/span.h"

enum {
    HOST_TEXT_MAX = 46,      /* bytes, with a NUL */
    HOST_NETWORKS_MAX = 256, /* in one list */
};

/* "192.0.2.1", "2001:db8::1", or "local" for a unix socket. Returns the length; NUL-terminated. */
size_t host_write(const struct sockaddr_storage *a, char at[HOST_TEXT_MAX]);
uint16_t host_port(const struct sockaddr_storage *a); /* 0 where there is none */

/* An address without a name look-up, IPv6 also in brackets. False when it is none. */
MUST_USE bool host_parse(struct span text, uint16_t port, struct sockaddr_storage *a_r,
                         socklen_t *size_r);

/* 127.0.0.0/8, ::1, and unix sockets. */
MUST_USE bool host_is_loopback(const struct sockaddr_storage *a);

/* 16 bytes that are equal for equal hosts (IPv4 mapped into IPv6, unix all zero): for tables. */
void host_bytes(const struct sockaddr_storage *a, unsigned char host_r[16]);

struct host_network {
    unsigned char host[16];
    unsigned bits; /* of host that count */
};

struct host_networks {
    struct host_network rows[HOST_NETWORKS_MAX];
    unsigned count;
};

/* A list as in Postfix's mynetworks: "127.0.0.0/8 [::1]/128, 10.0.0.1". False with one line in
 * `why` for a bad or a 257th network, and for one with host bits set ("10.0.0.1/8"). */
MUST_USE bool host_networks_parse(struct span text, struct host_networks *networks_r, char *why,
                                  size_t why_size);

/* Unix sockets are in no network. */
MUST_USE bool host_networks_have(const struct host_networks *networks,
                                 const struct sockaddr_storage *a);

#endif
