#ifndef CORE_GATEWAY_CONTROL_CLIENT_H
#define CORE_GATEWAY_CONTROL_CLIENT_H

/* control_client: the other end of control.h, for a command. Blocks. */

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"

/* What comes is handed on as it comes, in pieces of any size. False: no more of it is wanted. */
struct control_reader {
    bool (*out)(void *context, struct span bytes);
    bool (*say)(void *context, struct span bytes);
    void *context;
};

enum control_status {
    CONTROL_ANSWERED,
    CONTROL_NOBODY, /* no server listens there */
    CONTROL_DENIED, /* the socket is not for us */
    CONTROL_BROKEN, /* it went away in the middle, or what it said can't be */
};

/* `directory`: mail_store_directory. *code_r: the exit code, with CONTROL_ANSWERED only. The
 * request is emptied with all but CONTROL_NOBODY. */
MUST_USE enum control_status control_client_ask(const char *directory, struct chain *request,
                                                const struct control_reader *reader, int *code_r);

#endif
