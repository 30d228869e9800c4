#include "tests/sim/sim_game.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "tests/sim/sim_client.h"
#include "tests/sim/sim_world.h"

enum {
    GAME_CLIENTS_MAX = 14,
    GAME_CROWD = 8,
    GAME_LIVES_MAX = 5,
    GAME_LIFE_STEPS = 12000,   /* at most, of a life that ends by itself */
    GAME_TROUBLE_STEPS = 400,  /* between two troubles, on average */
    GAME_LOOK_STEPS = 6,       /* between two looks whether time must pass */
    GAME_LAST_STEPS = 2000000, /* in which everybody comes to an end without trouble ... */
    GAME_LAST_S = 3600,        /* ... and so much simulated time */
    GAME_STOP_STEPS = 100000,  /* of a stop in order */
    GAME_STOP_S = 60,
    GAME_CUT_OPERATIONS = 12,    /* a cut comes within so many of the disk */
    GAME_MEANWHILE_STEPS = 80,   /* of others while an operation of the disk takes its time, ... */
    GAME_MEANWHILE_NS = 1000000, /* ... each up to so long */
    GAME_JUMP_S = 3 * 24 * 3600, /* of the wall clock, either way */
    GAME_ROOM_BYTES = 3 << 20,   /* on a disk that is nearly full */
};
#define SECOND_NS UINT64_C(1000000000)

struct game {
    struct run *run;
    struct world world;
    struct client *clients[GAME_CLIENTS_MAX];
    unsigned client_count;
    bool disk_is_full;
    bool is_storing; /* the store is at work: a thread of its own, in a process */
};

/* ---- clients ---- */

static void add_clients(struct game *g, const struct client_kind *kind, uint64_t least,
                        uint64_t more, uint64_t sessions)
{
    uint64_t count = least + run_dice(g->run, more + 1);

    for (unsigned i = 0; i < count; i++) {
        ensure(g->client_count < GAME_CLIENTS_MAX);
        g->clients[g->client_count++] =
            client_new(g->run, kind, i, 1 + (unsigned)run_dice(g->run, sessions));
    }
}

static bool all_done(const struct game *g)
{
    for (unsigned i = 0; i < g->client_count; i++) {
        if (!client_is_done(g->clients[i]))
            return false;
    }
    return true;
}

static void drop_all(struct game *g)
{
    for (unsigned i = 0; i < g->client_count; i++)
        client_drop(g->clients[i]);
}

/* ---- moving ---- */

static bool store_step_of(struct game *g, unsigned which)
{
    bool did;

    g->is_storing = true;
    did = gateway_step(g->world.gateway, GATEWAY_STORE, which, 0);
    g->is_storing = false;
    return did;
}

/* While the store waits for its disk the reactor goes on, and so do the clients: whoever was told
 * too early that something is durable knows it now. */
static void meanwhile(void *context)
{
    struct game *g = context;
    struct run *r = g->run;

    if (!g->is_storing || run_one_in(r, 2))
        return;
    for (uint64_t n = run_dice(r, GAME_MEANWHILE_STEPS); n > 0; n--) {
        sim_pass(r->sim, run_dice(r, GAME_MEANWHILE_NS));
        if (run_one_in(r, 2))
            (void)gateway_step(g->world.gateway, GATEWAY_TURN, 0, 0);
        else
            (void)client_step(g->clients[run_dice(r, g->client_count)], false);
    }
}

/* The gateway has stopped when its turns say so. */
static bool step(struct game *g)
{
    struct run *r = g->run;
    unsigned which = (unsigned)run_dice(r, 10);

    r->step++;
    if (which < 4)
        return gateway_step(g->world.gateway, GATEWAY_TURN, 0, 0);
    if (which < 6)
        (void)client_step(g->clients[run_dice(r, g->client_count)], false);
    else if (which < 8)
        (void)gateway_step(g->world.gateway, GATEWAY_WORK, 0, 0);
    else
        (void)store_step_of(g, (unsigned)run_dice(r, 3));
    return true;
}

static bool anybody_does_something(struct game *g)
{
    struct gateway *gateway = g->world.gateway;
    bool did = false;

    if (!sim_is_idle(g->run->sim))
        return true;
    for (unsigned i = 0; i < g->client_count; i++)
        did |= client_step(g->clients[i], true);
    return did || gateway_step(gateway, GATEWAY_WORK, 0, 0) || store_step_of(g, 0) ||
           !sim_is_idle(g->run->sim);
}

static uint64_t next_wake_ns(const struct game *g)
{
    uint64_t now = clock_monotonic_ns(), next = UINT64_MAX;

    for (unsigned i = 0; i < g->client_count; i++) {
        const struct client *c = g->clients[i];
        if (!client_is_done(c) && c->wake_ns > now && c->wake_ns < next)
            next = c->wake_ns;
    }
    return next;
}

/* When nobody has anything to do, time passes to whatever is due next. */
static bool let_time_pass(struct game *g)
{
    if (anybody_does_something(g))
        return true;
    if (!gateway_step(g->world.gateway, GATEWAY_TURN, 0, 0))
        return false;
    if (anybody_does_something(g))
        return true;
    return gateway_step(g->world.gateway, GATEWAY_TURN, 0, next_wake_ns(g));
}

static bool move(struct game *g)
{
    bool running = step(g);

    if (running && g->run->step % GAME_LOOK_STEPS == 0)
        running = let_time_pass(g);
    return running;
}

/* ---- trouble ---- */

static void set_habits(struct game *g, bool calm)
{
    static const unsigned delays[] = {0, 200, 2000, 50000}, cuts[] = {0, 50, 100};
    static const unsigned rooms[] = {500, 8192, 65536};
    struct run *r = g->run;
    struct sim_habits habits = {
        .batch_max = 1 + (unsigned)run_dice(r, 8),
        .cut_percent = cuts[run_dice(r, COUNT_OF(cuts))],
        .delay_us_max = delays[run_dice(r, COUNT_OF(delays))],
        .room_bytes = rooms[run_dice(r, COUNT_OF(rooms))],
        .resets_per_million = run_one_in(r, 3) ? 2000 : 0,
        .accept_fails_percent = run_one_in(r, 4) ? 10 : 0,
    };

    if (calm) {
        habits.resets_per_million = habits.accept_fails_percent = 0;
        habits.room_bytes = 65536;
    }
    sim_set_habits(r->sim, &habits);
}

static void set_full(struct game *g, bool is_full)
{
    const struct disk *disk = sim_disk_table(g->world.disk);
    uint64_t free_bytes, total;

    if (g->disk_is_full == is_full)
        return;
    g->disk_is_full = is_full;
    sim_disk_set_capacity(g->world.disk, 0);
    if (is_full) {
        ensure(disk->free_bytes(disk, WORLD_ROOT, &free_bytes, &total) == 0);
        sim_disk_set_capacity(g->world.disk,
                              total - free_bytes + 1 + run_dice(g->run, GAME_ROOM_BYTES));
        g->run->counts.full_disks++;
    }
    run_trace(g->run, "the disk is %s", is_full ? "nearly full" : "large again");
}

static void jump(struct run *r)
{
    int64_t s = (int64_t)run_dice(r, 2 * GAME_JUMP_S) - GAME_JUMP_S;

    r->counts.jumps++;
    run_trace(r, "the wall clock jumps by %lld s", (long long)s);
    sim_wall_jump(r->sim, s * 1000000);
}

static void trouble(struct game *g)
{
    struct run *r = g->run;
    struct client *c;

    switch (run_dice(r, 7)) {
    case 0:
        set_full(g, !g->disk_is_full);
        break;
    case 1:
        jump(r);
        break;
    case 2:
        world_keep_index(&g->world);
        break;
    case 3:
        c = g->clients[run_dice(r, g->client_count)];
        if (c->wire != NULL) {
            run_trace(r, "%s is cut off", c->name);
            r->counts.resets++;
            client_drop(c);
        }
        break;
    case 4:
        sim_disk_set_short_writes(g->world.disk, run_one_in(r, 2) ? 0 : 3);
        break;
    default:
        set_habits(g, false);
        break;
    }
}

/* ---- lives ---- */

/* Moves the clients too, while they are being hung up on. */
static void stop_in_order(struct game *g)
{
    struct run *r = g->run;
    uint64_t last_step = r->step + GAME_STOP_STEPS;
    uint64_t last_ns = clock_monotonic_ns() + GAME_STOP_S * SECOND_NS;

    run_trace(r, "the gateway is told to stop");
    r->counts.stops++;
    gateway_stop(g->world.gateway);
    while (!r->failed && !world_was_cut(&g->world) && move(g)) {
        if (r->step > last_step || clock_monotonic_ns() > last_ns)
            run_violated(r, "the gateway does not stop");
    }
}

static void end_life(struct game *g)
{
    bool in_order = !world_was_cut(&g->world) && g->world.gateway != NULL && !g->run->failed;

    if (in_order)
        stop_in_order(g);
    drop_all(g);
    world_stop(&g->world);
    g->disk_is_full = false;
    if (!in_order)
        return;
    sim_disk_set_capacity(g->world.disk, 0);
    sim_disk_set_short_writes(g->world.disk, 0);
}

/* A life with trouble, which ends by itself or by a cut. */
static void live(struct game *g)
{
    struct run *r = g->run;
    uint64_t steps = run_dice(r, GAME_LIFE_STEPS);
    uint64_t cut_step = run_one_in(r, 4) ? UINT64_MAX : run_dice(r, steps + 1);
    uint64_t i;

    for (i = 0; i < steps && !r->failed && !world_was_cut(&g->world); i++) {
        if (i == cut_step && run_one_in(r, 3))
            world_cut_now(&g->world, "between two steps");
        else if (i == cut_step)
            world_cut_soon(&g->world, GAME_CUT_OPERATIONS);
        if (run_one_in(r, GAME_TROUBLE_STEPS))
            trouble(g);
        (void)move(g);
        if (all_done(g))
            break;
    }
    if (cut_step < i && run_one_in(r, 2))
        world_cut_now(&g->world, "at the end of a life");
}

static void play_life(struct game *g)
{
    struct run *r = g->run;

    set_habits(g, false);
    if (run_one_in(r, 5))
        world_cut_soon(&g->world, GAME_CUT_OPERATIONS); /* while it recovers */
    world_start(&g->world);
    if (!r->failed && !world_was_cut(&g->world))
        live(g);
    end_life(g);
    if (r->failed || run_one_in(r, 2))
        return;
    world_verify(&g->world); /* this recovers; before that the check would miss an index */
    if (!r->failed && run_one_in(r, 2))
        world_check(&g->world);
}

/* Without trouble everybody comes to an end. */
static void finish_all(struct game *g, const char *what)
{
    struct run *r = g->run;
    uint64_t last_step = r->step + GAME_LAST_STEPS;
    uint64_t last_ns = clock_monotonic_ns() + GAME_LAST_S * SECOND_NS;

    while (!all_done(g) && !r->failed) {
        (void)move(g);
        if (r->step <= last_step && clock_monotonic_ns() <= last_ns)
            continue;
        for (unsigned i = 0; i < g->client_count; i++) {
            if (!client_is_done(g->clients[i]))
                run_violated(r, "%s: %s does not come to an end", what, g->clients[i]->name);
        }
    }
}

static void audit(struct game *g)
{
    ensure(g->client_count < GAME_CLIENTS_MAX);
    g->clients[g->client_count] = client_new(g->run, &client_imap, 99, 1);
    client_imap_audit(g->clients[g->client_count++]);
    finish_all(g, "audit");
}

static void last_life(struct game *g)
{
    struct run *r = g->run;

    set_habits(g, true);
    world_start(&g->world);
    if (!r->failed)
        finish_all(g, "without trouble");
    if (!r->failed)
        audit(g);
    end_life(g);
    if (!r->failed)
        world_verify(&g->world);
    if (!r->failed)
        world_check(&g->world);
}

/* Fills the game in, and is the time when it began. */
static uint64_t game_begin(struct game *g, struct run *r, bool without_sync)
{
    uint64_t began;

    *g = (struct game){.run = r};
    r->sim = sim_open(run_dice(r, UINT64_MAX), NULL);
    r->model = model_new(r);
    began = clock_monotonic_ns();
    world_begin(&g->world, r, without_sync);
    g->world.meanwhile = meanwhile;
    g->world.context = g;
    return began;
}

static void game_end(struct game *g, uint64_t began)
{
    struct run *r = g->run;

    r->counts.runs = 1;
    r->counts.steps = r->step;
    r->counts.simulated_s = (clock_monotonic_ns() - began) / SECOND_NS;
    for (unsigned i = 0; i < g->client_count; i++)
        client_free(&g->clients[i]);
    world_end(&g->world);
    model_free(&r->model);
    sim_close(&r->sim);
}

void game_play_crowd(struct run *r)
{
    struct game g;
    uint64_t began = game_begin(&g, r, false);

    add_clients(&g, &client_imap, GAME_CROWD, 0, 2);
    for (unsigned i = 0; i < g.client_count; i++)
        client_imap_crowd(g.clients[i]);
    add_clients(&g, &client_smtp, 2, 0, 6);
    last_life(&g);
    game_end(&g, began);
}

void game_play(struct run *r, bool without_sync)
{
    struct game g;
    uint64_t began = game_begin(&g, r, without_sync), lives;

    add_clients(&g, &client_smtp, 1, 2, r->model->is_heavy ? 12 : 6);
    add_clients(&g, &client_lmtp, 0, 1, 3);
    add_clients(&g, &client_noise, 0, 1, 2);
    add_clients(&g, &client_imap, 1, 3, 8);
    add_clients(&g, &client_pop3, 0, 1, 6);
    add_clients(&g, &client_keeper, 0, 1, 6);
    lives = run_dice(r, GAME_LIVES_MAX);
    for (uint64_t i = 0; i < lives && !r->failed; i++)
        play_life(&g);
    if (!r->failed)
        last_life(&g);
    game_end(&g, began);
}
