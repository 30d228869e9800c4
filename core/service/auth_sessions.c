/* auth_sessions: how many sessions an account has from one address. */

#include <limits.h>
#include <stddef.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/map.h"
#include "core/service/auth_private.h"

struct seat {
    struct auth_seat seat;
    struct tally *sessions;
    uint64_t key;
};

static uint64_t session_key(struct span account, const char *address)
{
    char text[AUTH_NAME_MAX + 64];
    size_t len = account.len < AUTH_NAME_MAX ? account.len : AUTH_NAME_MAX;
    size_t address_len = strnlen(address, 46);

    memcpy(text, account.at, len);
    text[len++] = '\0';
    memcpy(text + len, address, address_len);
    return map_hash((struct span){text, len + address_len});
}

static void leave(struct auth_seat *seat)
{
    struct seat *s = CONTAINER_OF(seat, struct seat, seat);

    tally_remove(s->sessions, s->key);
    free(s);
}

struct auth_seat *auth_session_seat(struct auth *a, struct span account, const char *address,
                                    unsigned max)
{
    uint64_t key = session_key(account, address);
    struct seat *s;

    if (!tally_add(a->sessions, key, max))
        return NULL;
    s = xcalloc(1, sizeof(*s));
    *s = (struct seat){{leave}, a->sessions, key};
    return &s->seat;
}
