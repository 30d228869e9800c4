#ifndef CORE_IO_SOCKET_H
#define CORE_IO_SOCKET_H

/*
 * socket: what the two backends of the kernel do alike. The reactor's thread.
 */

#include "core/io/reactor.h"

/* A listening socket as both backends need it: non-blocking, and with TCP_NODELAY and
 * the times after which a lost peer is given up, which the sockets that it accepts inherit. */
void socket_prepare_listening(int fd);

/* One fd kept for bad times. When no other is left, it is given up for a moment to accept who
 * waits and to turn them away, so that they are not left hanging. */
int socket_reserve_open(void);
void socket_reserve_turn_away(int *reserve, const struct io_op *op); /* of an accept */

/* True when accept() failed for one peer only and goes on. */
MUST_USE bool socket_accept_goes_on(int error);

/* The bytes of all parts. */
size_t socket_parts_len(const struct iovec *parts, unsigned count);

void socket_shutdown(struct reactor *r, int fd, int how);
int socket_address(struct reactor *r, int fd, bool peer, struct sockaddr_storage *address_r);

/* An eventfd by which other threads wake the reactor. */
int socket_bell_open(void);
void socket_bell_ring(int bell);

#endif
