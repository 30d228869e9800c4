#include "tests/sim/sim_client.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"

enum {
    CLIENT_LAZY_TIMES = 6, /* one in so many steps a lazy one reads */
    CLIENT_HANG_BYTES = 3000,
    CLIENT_PAUSE_MS = 200,        /* between two sessions */
    CLIENT_SLEEPY = 300,          /* one in so many pauses is so long ... */
    CLIENT_SLEEP_MS = 400 * 1000, /* ... that the gateway may lose patience */
};

struct client *client_new(struct run *run, const struct client_kind *kind, unsigned number,
                          unsigned sessions)
{
    struct client *c = xcalloc(1, sizeof(*c));

    c->run = run;
    c->kind = kind;
    c->sessions = sessions;
    c->is_lazy = run_one_in(run, 6);
    (void)snprintf(c->name, sizeof(c->name), "%s%u", kind->name, number);
    return c;
}

void client_free(struct client **client)
{
    struct client *c = *client;

    if (c->wire != NULL)
        client_leave(c);
    if (c->kind->free != NULL)
        c->kind->free(c);
    free(c->state);
    free(c->heard);
    free(c);
    *client = NULL;
}

bool client_is_done(const struct client *c)
{
    return c->sessions == 0 && c->wire == NULL;
}

void client_think(struct client *c, uint64_t most_ms)
{
    if (!c->is_auditor && run_one_in(c->run, CLIENT_SLEEPY))
        most_ms = CLIENT_SLEEP_MS;
    c->wake_ns = clock_monotonic_ns() + run_dice(c->run, most_ms * 1000 + 1) * 1000;
}

/* ---- sessions ---- */

static bool client_connect(struct client *c)
{
    static const char *const addresses[] = {"192.0.2.1", "192.0.2.2", "198.51.100.7", "127.0.0.9"};

    if (clock_monotonic_ns() < c->wake_ns || c->sessions == 0)
        return false;
    c->wire = sim_client_open(c->run->sim, c->kind->port,
                              addresses[run_dice(c->run, COUNT_OF(addresses))]);
    if (c->wire == NULL) {
        client_think(c, CLIENT_PAUSE_MS);
        return false;
    }
    c->sessions--;
    c->said = c->heard_len = 0;
    c->has_hung_up = false;
    c->hang_at = 0;
    if (!c->is_auditor && run_one_in(c->run, 4))
        c->hang_at = 1 + run_dice(c->run, run_dice(c->run, CLIENT_HANG_BYTES) + 1);
    c->hang_how = (enum client_end)run_dice(c->run, 3);
    run_trace(c->run, "%s connects", c->name);
    c->kind->begin(c);
    return true;
}

static void client_gone(struct client *c)
{
    c->run->tick++;
    sim_client_close(&c->wire);
    c->kind->lost(c);
    client_think(c, CLIENT_PAUSE_MS);
}

void client_leave(struct client *c)
{
    run_trace(c->run, "%s leaves", c->name);
    client_gone(c);
}

void client_drop(struct client *c)
{
    if (c->wire == NULL)
        return;
    sim_client_reset(c->wire);
    client_gone(c);
}

/* ---- saying ---- */

static void client_hang_up(struct client *c)
{
    static const char *const how[] = {"shuts", "closes", "resets"};

    run_trace(c->run, "%s %s in the middle", c->name, how[c->hang_how]);
    c->has_hung_up = true;
    c->run->counts.cut_off++;
    if (c->hang_how == CLIENT_SHUT)
        sim_client_shut(c->wire);
    else if (c->hang_how == CLIENT_RESET)
        sim_client_reset(c->wire);
}

bool client_say(struct client *c, struct span bytes)
{
    size_t len = bytes.len;

    if (c->has_hung_up)
        return false;
    if (c->hang_at > 0 && c->said + bytes.len >= c->hang_at)
        len = (size_t)(c->hang_at - c->said);
    c->run->tick++;
    c->said += len;
    run_trace_bytes(c->run, c->name, "says", span_first(bytes, len));
    sim_client_write(c->wire, span_first(bytes, len));
    if (c->hang_at > 0 && c->said >= c->hang_at)
        client_hang_up(c);
    return len == bytes.len;
}

/* ---- hearing ---- */

static bool client_read(struct client *c)
{
    struct span bytes = sim_client_bytes(c->wire);

    if (bytes.len == 0)
        return false;
    if (c->heard_len + bytes.len > c->heard_size) {
        c->heard_size = (c->heard_len + bytes.len) * 2;
        c->heard = xrealloc(c->heard, c->heard_size);
    }
    memcpy(c->heard + c->heard_len, bytes.at, bytes.len);
    c->heard_len += bytes.len;
    sim_client_take(c->wire, bytes.len);
    return true;
}

static void client_hear(struct client *c)
{
    size_t taken = 0, len;

    while (!c->run->failed && c->wire != NULL &&
           (len = c->kind->hear(c, (struct span){c->heard + taken, c->heard_len - taken})) > 0) {
        run_trace_bytes(c->run, c->name, "hears", (struct span){c->heard + taken, len});
        c->run->tick++;
        taken += len;
    }
    if (taken == 0)
        return;
    c->heard_len -= taken;
    memmove(c->heard, c->heard + taken, c->heard_len);
}

bool client_step(struct client *c, bool hurry)
{
    bool closes = c->has_hung_up && c->hang_how != CLIENT_SHUT;

    if (c->wire == NULL)
        return client_connect(c);
    if (c->is_lazy && !hurry && !run_one_in(c->run, CLIENT_LAZY_TIMES))
        return false;
    if (!closes && client_read(c)) {
        client_hear(c);
        return true;
    }
    if (closes || sim_client_ended(c->wire)) {
        run_trace(c->run, "%s is disconnected", c->name);
        client_gone(c);
        return true;
    }
    if (c->has_hung_up || c->kind->is_waiting(c) || clock_monotonic_ns() < c->wake_ns)
        return false;
    c->kind->act(c);
    return true;
}
