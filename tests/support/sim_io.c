#include "tests/support/sim_io.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "core/base/random.h"
#include "tests/support/sim_io_private.h"

enum {
    SIM_PORT_FIRST = 32768,
};

struct sim_client {
    struct sim_socket *socket;
};

struct sim *sim_now;

const struct sim_habits sim_habits_default = {
    .batch_max = 8,
    .cut_percent = 50,
    .delay_us_max = 2000,
    .room_bytes = 64 * 1024,
};

static uint64_t sim_monotonic_ns(void)
{
    return sim_now->now_ns;
}

static int64_t sim_wall_us(void)
{
    return INT64_C(1700000000000000) + (int64_t)(sim_now->now_ns / 1000) + sim_now->wall_jumped_us;
}

struct sim *sim_open(uint64_t seed, const struct sim_habits *habits)
{
    static const struct clock_source clock = {sim_monotonic_ns, sim_wall_us};
    struct sim *sim = xcalloc(1, sizeof(*sim));

    ensure(sim_now == NULL);
    sim_now = sim;
    sim->now_ns = 1000000000;
    sim->dice = seed;
    sim->port_next = SIM_PORT_FIRST;
    sim_set_habits(sim, habits == NULL ? &sim_habits_default : habits);
    clock_replace(&clock);
    random_seed(seed);
    return sim;
}

static void socket_free(struct sim_socket *s)
{
    if (s->peer != NULL)
        s->peer->peer = NULL;
    chain_free(&s->flight);
    chain_free(&s->arrived);
    sim_now->sockets[s->fd - SIM_FD_FIRST] = NULL;
    free(s);
}

void sim_close(struct sim **sim)
{
    ensure(*sim == sim_now);
    for (unsigned i = 0; i < (*sim)->size; i++) {
        struct sim_socket *s = (*sim)->sockets[i];

        if (s == NULL)
            continue;
        ensure(s->in == NULL && s->out == NULL);
        socket_free(s);
    }
    free(*sim);
    *sim = sim_now = NULL;
    clock_replace(NULL);
}

void sim_set_habits(struct sim *sim, const struct sim_habits *habits)
{
    ensure(habits->batch_max > 0 && habits->room_bytes > 0);
    sim->habits = *habits;
}

/* splitmix64: every seed is a good one. */
uint64_t sim_dice(struct sim *sim, uint64_t below)
{
    uint64_t z = sim->dice += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (z ^ (z >> 31)) % below;
}

void sim_pass(struct sim *sim, uint64_t ns)
{
    sim->now_ns += ns;
}

void sim_wall_jump(struct sim *sim, int64_t us)
{
    sim->wall_jumped_us += us;
}

bool sim_chance(unsigned of, unsigned out_of)
{
    return of > 0 && sim_dice(sim_now, out_of) < of;
}

size_t sim_cut(size_t len)
{
    static const size_t shorter[] = {1, 2, 16, 600, 4000};
    size_t most;

    if (!sim_chance(sim_now->habits.cut_percent, 100))
        return len;
    most = shorter[sim_dice(sim_now, COUNT_OF(shorter))];
    if (most > len)
        most = len;
    return 1 + (size_t)sim_dice(sim_now, most);
}

uint64_t sim_delay(void)
{
    return sim_dice(sim_now, (uint64_t)sim_now->habits.delay_us_max * 1000 + 1);
}

static struct sim_socket *socket_new(void)
{
    struct sim_socket *s = xcalloc(1, sizeof(*s));
    unsigned index = 0;

    while (sim_now->sockets[index] != NULL)
        ensure(++index < SIM_SOCKETS_MAX);
    if (index >= sim_now->size)
        sim_now->size = index + 1;
    sim_now->sockets[index] = s;
    s->fd = SIM_FD_FIRST + (int)index;
    return s;
}

struct sim_socket *sim_socket_at(int fd)
{
    struct sim_socket *s;

    ensure(fd >= SIM_FD_FIRST && fd < SIM_FD_FIRST + (int)sim_now->size);
    s = sim_now->sockets[fd - SIM_FD_FIRST];
    ensure(s != NULL && !s->closed);
    return s;
}

static struct sockaddr_in address(const char *host, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

    ensure(inet_pton(AF_INET, host, &a.sin_addr) == 1);
    return a;
}

int sim_socket(struct sim *sim)
{
    ensure(sim == sim_now);
    return socket_new()->fd;
}

int sim_listen(struct sim *sim, uint16_t port)
{
    struct sim_socket *s;

    ensure(sim == sim_now && port > 0);
    s = socket_new();
    s->listening = true;
    s->here = address("127.0.0.1", port);
    return s->fd;
}

/* One of the listeners at the port, each as likely as the others. */
static struct sim_socket *listener_at(uint16_t port)
{
    struct sim_socket *found = NULL;
    unsigned count = 0;

    for (unsigned i = 0; i < sim_now->size; i++) {
        struct sim_socket *s = sim_now->sockets[i];

        if (s != NULL && s->listening && s->here.sin_port == htons(port) &&
            sim_dice(sim_now, ++count) == 0)
            found = s;
    }
    return found;
}

static void backlog_add(struct sim_socket *listener, struct sim_socket *s)
{
    if (listener->backlog_first == NULL)
        listener->backlog_first = s;
    else
        listener->backlog_last->backlog_next = s;
    listener->backlog_last = s;
}

struct sim_socket *sim_backlog_take(struct sim_socket *listener)
{
    struct sim_socket *s = listener->backlog_first;

    listener->backlog_first = s->backlog_next;
    s->backlog_next = NULL;
    return s;
}

bool sim_socket_connect(struct sim_socket *s, uint16_t port)
{
    struct sim_socket *listener = listener_at(port), *peer;

    if (listener == NULL)
        return false;
    if (s->here.sin_port == 0)
        s->here = address("127.0.0.1", sim_now->port_next++);
    if (sim_now->port_next == 0)
        sim_now->port_next = SIM_PORT_FIRST;
    s->there = listener->here;
    peer = socket_new();
    peer->here = s->there;
    peer->there = s->here;
    peer->peer = s;
    s->peer = peer;
    s->due_ns = sim_now->now_ns + sim_delay();
    peer->due_ns = sim_now->now_ns + sim_delay();
    backlog_add(listener, peer);
    return true;
}

size_t sim_room(const struct sim_socket *s)
{
    size_t room = sim_now->habits.room_bytes;

    return s->flight.len < room ? room - s->flight.len : 0;
}

/* The end of the stream is the last piece. */
static bool has_piece(const struct sim_socket *s)
{
    bool stays_out = s->peer == NULL || s->peer->closed;

    if (s->listening || s->reset)
        return false;
    if (stays_out)
        return s->flight.len > 0 || s->closed;
    if (s->flight.len > 0)
        return s->peer->arrived.len < sim_now->habits.room_bytes;
    return s->shut_wr && !s->peer->fin_arrived;
}

uint64_t sim_piece_due_ns(const struct sim_socket *s)
{
    return has_piece(s) ? s->due_ns : UINT64_MAX;
}

bool sim_piece_is_due(const struct sim_socket *s)
{
    return sim_piece_due_ns(s) <= sim_now->now_ns;
}

static void socket_break(struct sim_socket *s)
{
    chain_free(&s->flight);
    s->reset = true;
}

void sim_socket_reset(struct sim_socket *s)
{
    struct sim_socket *peer = s->peer;

    if (peer != NULL) {
        socket_break(peer);
        s->peer = peer->peer = NULL;
        if (peer->closed)
            socket_free(peer);
    }
    socket_break(s);
}

/* A closed end is gone as soon as all that it had to say has arrived. */
static void free_if_done(struct sim_socket *s)
{
    if (s->closed && s->flight.len == 0 && (s->peer == NULL || s->peer->fin_arrived))
        socket_free(s);
}

void sim_piece_arrive(struct sim_socket *s)
{
    struct sim_socket *peer = s->peer;
    bool stays_out = peer == NULL || peer->closed;

    s->due_ns = sim_now->now_ns + sim_delay();
    if (stays_out && s->flight.len > 0) {
        socket_break(s); /* nobody is there any more */
        if (s->closed) {
            socket_free(s);
            return;
        }
    } else if (!stays_out && sim_chance(sim_now->habits.resets_per_million, 1000000)) {
        sim_socket_reset(s);
    } else if (s->flight.len > 0) {
        size_t room = sim_now->habits.room_bytes - peer->arrived.len;
        size_t len = s->flight.len < room ? s->flight.len : room;

        chain_move_first(&peer->arrived, &s->flight, sim_cut(len));
        return;
    } else if (!stays_out) {
        peer->fin_arrived = true;
    } else if (peer != NULL) {
        peer->fin_arrived = true; /* both ends closed: nobody needs this one any more */
    }
    free_if_done(s);
}

static void listener_close(struct sim_socket *s)
{
    while (s->backlog_first != NULL) {
        struct sim_socket *waiting = sim_backlog_take(s);

        sim_socket_reset(waiting);
        socket_free(waiting);
    }
    socket_free(s);
}

/* As a kernel does it: closing with bytes unread resets, else the rest still arrives. */
void sim_socket_close(struct sim_socket *s)
{
    ensure(s->in == NULL && s->out == NULL);
    if (s->listening) {
        listener_close(s);
        return;
    }
    if (s->arrived.len > 0)
        sim_socket_reset(s);
    s->closed = s->shut_wr = true;
    if (s->reset || s->peer == NULL)
        socket_free(s);
    else
        free_if_done(s);
}

bool sim_is_idle(const struct sim *sim)
{
    for (unsigned i = 0; i < sim->size; i++) {
        const struct sim_socket *s = sim->sockets[i];

        if (s != NULL &&
            (sim_piece_is_due(s) || sim_op_can_end(s, s->in) || sim_op_can_end(s, s->out)))
            return false;
    }
    return true;
}

struct sim_client *sim_client_open(struct sim *sim, uint16_t port, const char *from)
{
    struct sim_client *c;
    struct sim_socket *s;

    ensure(sim == sim_now);
    s = socket_new();
    s->here = address(from == NULL ? "192.0.2.1" : from, sim->port_next++);
    if (!sim_socket_connect(s, port)) {
        socket_free(s);
        return NULL;
    }
    c = xcalloc(1, sizeof(*c));
    c->socket = s;
    return c;
}

void sim_client_write(struct sim_client *c, struct span bytes)
{
    if (!c->socket->reset && !c->socket->shut_wr)
        chain_add(&c->socket->flight, bytes);
}

void sim_client_shut(struct sim_client *c)
{
    c->socket->shut_wr = true;
}

void sim_client_reset(struct sim_client *c)
{
    sim_socket_reset(c->socket);
}

void sim_client_close(struct sim_client **c)
{
    sim_socket_close((*c)->socket);
    free(*c);
    *c = NULL;
}

struct span sim_client_bytes(struct sim_client *c)
{
    return chain_flat(&c->socket->arrived);
}

void sim_client_take(struct sim_client *c, size_t len)
{
    chain_drop(&c->socket->arrived, len);
}

bool sim_client_ended(const struct sim_client *c)
{
    return c->socket->fin_arrived || c->socket->reset;
}

bool sim_client_was_reset(const struct sim_client *c)
{
    return c->socket->reset;
}
