#ifndef CORE_GATEWAY_CONTROL_H
#define CORE_GATEWAY_CONTROL_H

/*
 * control: the socket by which commands ask a server that runs, for only it may open the store:
 * <mail_store_directory>/control, for root and mail_owner (SO_PEERCRED is looked at as well as the
 * mode).
 *
 * A client writes one request as queue_request.h has it and reads blocks until the end:
 *     "o LEN\n" and LEN bytes for standard output, "e LEN\n" and LEN bytes for standard error,
 *     "x CODE\n", the exit code, at the end.
 *
 * One thread serves all clients in turns, one step of one request at a time. It begins when it is
 * told; control_close() hangs up on whoever is there, and must come before the store is closed.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/chain.h"

struct control;
struct store;

enum {
    CONTROL_CLIENTS_MAX = 16,         /* served at a time; more wait */
    CONTROL_ASK_MS = 10 * 1000,       /* for a whole request */
    CONTROL_READ_MS = 60 * 60 * 1000, /* without a byte being read: a pager, perhaps */
    CONTROL_OUT_MAX = 256 * 1024,     /* bytes that wait to be read, after which a run rests */
};

#define CONTROL_NAME "/control"

struct control_config {
    struct store *store;
    const char *directory;           /* where the socket is made */
    void (*made_due)(void *context); /* somebody may be due now; NULL: nobody wants to know */
    void *context;
};

/* NULL with a line in `why`. */
MUST_USE struct control *control_open(const struct control_config *config, struct chain *why);
void control_accept(struct control *c);
void control_close(struct control **control);

#endif
