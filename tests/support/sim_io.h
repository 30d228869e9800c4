#ifndef TESTS_SUPPORT_SIM_IO_H
#define TESTS_SUPPORT_SIM_IO_H

/*
 * sim_io: a network in memory, decided by a seed. It is the third backend of the reactor, so that
 * the whole gateway runs in one thread, without sockets and without waiting, and a run that failed
 * can be had again from its seed.
 *
 * What the seed decides: how bytes are cut on the way and when read (one byte ... all), how long
 * they are under way, which of the things that may happen happens first, how many in a turn, when a
 * connection is reset and when accept() fails. How much of each is allowed is struct sim_habits.
 *
 * Time is the simulation's: sim_open() replaces both clocks (core/base/clock.h). It passes a little
 * in each turn; a turn that has nothing to do and may wait jumps to the next thing that is due.
 *
 *     struct sim *sim = sim_open(seed, NULL);
 *     reactor_open_with(&backend_sim, NULL, &r);        also several reactors, all on this thread
 *     fd = sim_listen(sim, 25);                         one for each reactor, as with SO_REUSEPORT
 *     reactor_accept(r, &op, fd, done);
 *     struct sim_client *c = sim_client_open(sim, 25, NULL);
 *     sim_client_write(c, SPAN("EHLO x\r\n"));
 *     while (sim_client_bytes(c).len == 0)
 *         reactor_turn(r, UINT64_MAX);
 *
 * With work beside the reactors (worker_pool_open(0), a stepped store), a driver picks by a seed of
 * its own among reactor_turn(r, 0), worker_pool_step() and the like, and only when nobody got
 * anything done it calls reactor_turn(r, UINT64_MAX) for each reactor, which lets time pass.
 *
 * Sockets are named by numbers from SIM_FD_FIRST on, which the kernel refuses: a call that goes
 * round the backend shows. One thread; one simulation at a time.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"
#include "core/io/backend.h"

enum {
    SIM_FD_FIRST = 1000000,
};

struct sim;
struct sim_client;

struct sim_habits {
    unsigned batch_max;            /* things that happen in one turn; 1: a turn is a step */
    unsigned cut_percent;          /* how often bytes that could go together are cut */
    unsigned delay_us_max;         /* how long a piece is under way */
    unsigned room_bytes;           /* what each end and each way holds before a send waits */
    unsigned resets_per_million;   /* pieces that end in a reset of their connection */
    unsigned accept_fails_percent; /* accepts that report -EMFILE before they go on */
};

extern const struct sim_habits sim_habits_default; /* cuts and delays, no resets, no failures */

/* `habits` NULL: the default. Replaces the clocks and seeds core/base/random.h. */
MUST_USE struct sim *sim_open(uint64_t seed, const struct sim_habits *habits);

/* All reactors and clients must be closed. The clocks are real again. */
void sim_close(struct sim **sim);
void sim_set_habits(struct sim *sim, const struct sim_habits *habits);

uint64_t sim_dice(struct sim *sim, uint64_t below); /* the simulation's own dice: 0..below-1 */
void sim_pass(struct sim *sim, uint64_t ns);        /* lets time pass */
void sim_wall_jump(struct sim *sim, int64_t us);    /* somebody sets the wall clock */

/* True when nothing more can happen before time passes or somebody does something: no piece is
 * due, and no op of any reactor could end. */
MUST_USE bool sim_is_idle(const struct sim *sim);

/* A listening fd for reactor_accept() at 127.0.0.1, any port but 0; and one for reactor_connect(),
 * whose address must be a sockaddr_in: its port finds the listener. Both closed by
 * reactor_close_fd(). */
int sim_listen(struct sim *sim, uint16_t port);
int sim_socket(struct sim *sim);

/* A peer played by the test. from: its IPv4 address as text, NULL: 192.0.2.1. NULL when nobody
 * listens at the port. */
MUST_USE struct sim_client *sim_client_open(struct sim *sim, uint16_t port, const char *from);
void sim_client_write(struct sim_client *c, struct span bytes); /* on their way, in pieces */
void sim_client_shut(struct sim_client *c);  /* nothing more will be written (half-close) */
void sim_client_reset(struct sim_client *c); /* both ways break; what was under way is lost */
void sim_client_close(struct sim_client **c);

/* What has arrived and was not yet taken; valid until the next call with this simulation. The
 * other side is held up once room_bytes wait here. */
struct span sim_client_bytes(struct sim_client *c);
void sim_client_take(struct sim_client *c, size_t len);
bool sim_client_ended(const struct sim_client *c); /* the other side will send nothing more */
bool sim_client_was_reset(const struct sim_client *c);

extern const struct reactor_backend backend_sim; /* for the simulation that is open */

#endif
