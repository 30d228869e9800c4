/* Noise: a client whose bytes are no SMTP, or half of it. It never ends a mail. */

#include "tests/sim/sim_client.h"

enum {
    NOISE_BYTES = 20000, /* of a session, at most */
    NOISE_THINK_MS = 50,
};

static void noise_begin(struct client *c)
{
    c->hang_at = 1 + run_dice(c->run, NOISE_BYTES);
}

static size_t noise_hear(struct client *c, struct span heard)
{
    (void)c;
    return heard.len;
}

static bool noise_is_waiting(const struct client *c)
{
    (void)c;
    return false;
}

static void noise_act(struct client *c)
{
    static const char *const pieces[] = {"MAIL FROM:<a@b>\r\n",
                                         "RCPT TO:<ann@sim.example>\r\n",
                                         "EHLO x\r\n",
                                         "BDAT 99999999999\r\n",
                                         "BDAT 40\r\n",
                                         "\r\n",
                                         "DATA\r\n",
                                         "\0\0\n",
                                         "a1 LOGIN {3}\r\n",
                                         "GET / HTTP/1.0\r\n"};
    char bytes[600];
    size_t len = (size_t)run_dice(c->run, sizeof(bytes));
    const char *piece = pieces[run_dice(c->run, COUNT_OF(pieces))];

    client_think(c, NOISE_THINK_MS);
    if (!run_one_in(c->run, 4)) {
        client_say(c, span_str(piece));
        return;
    }
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)run_dice(c->run, 256);
    client_say(c, (struct span){bytes, len});
}

static void noise_lost(struct client *c)
{
    (void)c;
}

const struct client_kind client_noise = {
    "noise",          CLIENT_SMTP_PORT, noise_begin, noise_hear,
    noise_is_waiting, noise_act,        noise_lost,  NULL};
