/*
 * transcript_client: our side of SMTP conversations, with the mails of client_world, whose settings
 * are the X: lines. S: and R: are what the host says, C: is what we say. L: lines are what became
 * of each recipient, and of the connection.
 */
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/attr.h"
#include "tests/session/client_world.h"
#include "tests/session/transcript.h"

static void *client_open(const struct transcript_setting *settings, unsigned count,
                         struct chain *notes, struct session **session_r)
{
    struct client_world *w = xcalloc(1, sizeof(*w));

    client_world_init(w, notes);
    for (unsigned i = 0; i < count; i++)
        client_world_set(w, settings[i].name, settings[i].value);
    *session_r = client_world_session(w);
    return w;
}

static void client_answer(void *world, struct request *request, struct span how UNUSED,
                          struct chain *bodies UNUSED)
{
    client_world_answer(world, request);
}

static void client_close(void *world)
{
    client_world_close(world);
    free(world);
}

const struct transcript_kind transcript_client = {
    .name = "client",
    .speaks_first = true,
    .open = client_open,
    .answer = client_answer,
    .close = client_close,
};
