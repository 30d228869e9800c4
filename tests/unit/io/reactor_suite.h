#ifndef TESTS_UNIT_IO_REACTOR_SUITE_H
#define TESTS_UNIT_IO_REACTOR_SUITE_H

/*
 * reactor_suite: what reactor.h promises, tried over whatever backend stands behind it. Both ends
 * of each connection are served by the reactor under test.
 */

#include "core/io/reactor.h"

/* How the sockets of a backend come to be. */
struct suite_net {
    const char *name;
    struct reactor *(*open)(void);
    void (*close)(struct reactor **r);
    int (*listen)(struct sockaddr_storage *address_r, socklen_t *size_r);
    int (*socket)(void); /* to connect with */
};

/* Runs all; returns how many failed. */
int reactor_suite_run(const struct suite_net *net);

#endif
