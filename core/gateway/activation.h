#ifndef CORE_GATEWAY_ACTIVATION_H
#define CORE_GATEWAY_ACTIVATION_H

/*
 * activation: listening sockets that whoever started us has opened already, as systemd.socket(5)
 * hands them over: descriptors from 3 on, counted by LISTEN_FDS. So ports below 1024 need no
 * privilege of ours, and connections wait in them while we restart.
 *
 * The configuration stays the truth about what is served: a socket is used for the place in a
 * *_listen option that has the same address. Its name (FileDescriptorName=) may say the service.
 * The main thread, before others start.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/gateway/config.h"

enum {
    ACTIVATION_MAX = 64,      /* sockets; more are left alone */
    ACTIVATION_NAME_MAX = 32, /* bytes of a name that says a service */
};

struct activation {
    unsigned count;
    struct activation_socket {
        int fd; /* -1: given back or closed */
        char name[ACTIVATION_NAME_MAX];
        bool is_used;
    } at[ACTIVATION_MAX];
};

/* What was handed to this process; takes it out of the environment, so that it is taken once. */
void activation_take(struct activation *a);

/* The `index`-th of the sockets that listen at this place, counted around when there are fewer:
 * a descriptor of the caller's own. -1 when there is none. */
MUST_USE int activation_socket(struct activation *a, const struct config_place *place,
                               unsigned index);

/* Closes all that were handed over. A line in `why` for each that no place asked for. */
void activation_close(struct activation *a, struct chain *why);

#endif
