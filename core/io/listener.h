#ifndef CORE_IO_LISTENER_H
#define CORE_IO_LISTENER_H

/*
 * listener: a socket that waits for connections. Each reactor opens its own for the same port
 * (SO_REUSEPORT) and the kernel shares the connections out. Any thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"

struct listener_config {
    const char *host; /* an address; "": all, of both families where there is IPv6 */
    uint16_t port;    /* 0: any free one (listener_port() says which) */
    const char *path; /* of a unix socket, instead of host and port; NULL: none */
    unsigned path_mode;
    int backlog; /* 0: as many as the system allows */
};

/* The listening fd, or -errno with one line in `why` that says what failed and for which address.
 */
MUST_USE int listener_open(const struct listener_config *config, char *why, size_t why_size);

uint16_t listener_port(int fd);

/* Removes the path of a unix socket too (NULL: none). No op of the fd may be armed. */
void listener_close(int *fd, const char *path);

#endif
