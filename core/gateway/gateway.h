#ifndef CORE_GATEWAY_GATEWAY_H
#define CORE_GATEWAY_GATEWAY_H

/*
 * gateway: the whole of it. What exists, and the order in which it starts and stops:
 * directory, sockets, store, service, workers, reactors; stopping goes the other way.
 *
 * Two ways to run it. In a process: gateway_open() starts all threads, and the caller waits for
 * signals. By hand (`manual`): no thread is started, and the caller moves one piece at a time with
 * gateway_step(), so that a simulator decides the order of everything.
 *
 * All calls belong to the thread that opened it. The log is open already, if one is wanted.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/gateway/config.h"

struct config_place;
struct disk;
struct gateway;
struct reactor_backend;

enum {
    GATEWAY_PATIENCE_MS = 4000, /* for peers that are being hung up on */
};

struct gateway_options {
    struct config *config; /* taken, also on failure */
    bool manual;

    /* Called (with `context`) when all files were read and all sockets are open, before the first
     * thread is started: the moment to give up privileges. False: the start ends here. */
    bool (*prepared)(void *context, const struct config *config, struct chain *why);

    /* Called when all threads run and all rings are made, before the first connection is taken: the
     * moment to give up what only a start needs. False: as above. */
    bool (*complete)(void *context, struct chain *why);

    /* For the simulator; NULL: the real ones. */
    const struct reactor_backend *backend;
    const struct disk *disk;
    bool without_sync; /* the negative control of the crash tests */

    /* A listening fd of `backend` for this place, in place of a socket. */
    int (*listen)(void *context, const char *service, const struct config_place *place);
    void *context;
};

/* NULL with one line "what is wrong; what to do" for each finding appended to `why`. */
MUST_USE struct gateway *gateway_open(struct gateway_options *options, struct chain *why);

/* Whether all reactors still go round: each is asked to answer until it is called again, and false
 * means that one has not. In a process only. */
MUST_USE bool gateway_is_alive(struct gateway *g);

/* Appends "smtp 127.0.0.1:20025, imap 127.0.0.1:20143 (io_uring)". */
void gateway_describe(const struct gateway *g, struct chain *out);

const char *gateway_backend(const struct gateway *g); /* "uring", "epoll": what moves bytes */

/* Logs what is held for clients, and what the allocator holds in all. */
void gateway_tell_memory(const struct gateway *g);

/* Takes the settings (for what may change while we run: not listeners, threads, paths of the store)
 * and reads users and aliases again. False: something is wrong with them, the old ones stay; one
 * line for each finding is appended to `why`, and one for each changed setting that holds from the
 * next start on. */
MUST_USE bool gateway_reload(struct gateway *g, struct config **config, struct chain *why);

/* Stops accepting, lets requests finish, hangs up, stops. Takes GATEWAY_PATIENCE_MS at most, and
 * as long as the disk keeps requests waiting. */
void gateway_close(struct gateway **gateway);

/* ---- by hand ---- */

enum gateway_piece {
    GATEWAY_TURN,  /* of the reactor, waiting at most until until_ns */
    GATEWAY_WORK,  /* one job of the workers */
    GATEWAY_STORE, /* one piece of the store's work: the `which`-th of those that wait */
};

/* False when that piece has nothing to do; a turn always has, until the gateway has stopped. */
bool gateway_step(struct gateway *g, enum gateway_piece piece, unsigned which, uint64_t until_ns);

/* What gateway_close() begins with, so that the caller can move the peers too while they are being
 * hung up on. It may be closed before it has stopped. */
void gateway_stop(struct gateway *g);

#endif
