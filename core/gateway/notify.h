#ifndef CORE_GATEWAY_NOTIFY_H
#define CORE_GATEWAY_NOTIFY_H

/*
 * notify: words to whoever supervises this process, as sd_notify(3) defines them: that it is ready,
 * reads its configuration, stops, is alive. Without a supervisor (no NOTIFY_SOCKET) they go
 * nowhere. The main thread.
 */

#include <stdint.h>

#include "core/base/attr.h"

struct notify {
    int fd;
    uint64_t watchdog_ms; /* how often it wants to hear that all is well; 0: never */
};

/* Connects, and takes the words out of the environment. Before the process is confined. */
void notify_open(struct notify *n);
void notify_close(struct notify *n);

/* Lines "NAME=value", divided by \n. */
void notify_say(const struct notify *n, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
