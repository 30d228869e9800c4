#include "core/gateway/sockets.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/gateway/activation.h"
#include "core/gateway/listen.h"

enum {
    TAKEN_TRIES = 40, /* looks at a port that is in use, 50 ms apart */
};

struct sockets_place {
    const char *text;
    int *fds; /* one for each reactor; -1: none, or taken */
};

struct sockets {
    struct activation given;
    unsigned reactors, count;
    struct sockets_place *places;
};

/* A process that was just killed may hold its sockets for some milliseconds more, as the kernel
 * takes its ring apart. */
static bool is_taken_for_good(const struct config_place *place)
{
    static const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};

    for (unsigned i = 0; i < TAKEN_TRIES; i++) {
        if (!listen_is_taken(place))
            return false;
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

static struct sockets_place *place_add(struct sockets *s, const char *text)
{
    struct sockets_place *p;

    s->places = xrealloc(s->places, (s->count + 1) * sizeof(*s->places));
    p = &s->places[s->count++];
    p->text = text;
    p->fds = xcalloc(s->reactors, sizeof(*p->fds));
    for (unsigned i = 0; i < s->reactors; i++)
        p->fds[i] = -1;
    return p;
}

/* HTTP is one thread's, and a unix socket has no room for two: the first takes it. */
static unsigned place_sockets(const struct sockets *s, const char *option,
                              const struct config_place *place)
{
    return place->path != NULL || strcmp(option, "http_listen") == 0 ? 1 : s->reactors;
}

/* True when all of `count` were handed over. */
static bool place_take_given(struct sockets *s, struct sockets_place *p,
                             const struct config_place *place, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        p->fds[i] = activation_socket(&s->given, place, i);
        if (p->fds[i] < 0)
            return false;
    }
    return true;
}

static bool place_open(struct sockets *s, const char *option, const char *text, struct chain *why)
{
    struct sockets_place *p = place_add(s, text);
    struct config_place place;
    unsigned count;

    if (!config_place_parse(text, &place))
        return false;
    count = place_sockets(s, option, &place);
    if (place_take_given(s, p, &place, count))
        return true;
    if (is_taken_for_good(&place)) {
        chain_addf(why, "%s is taken; stop what listens there, or choose another in %s\n", text,
                   option);
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        p->fds[i] = listen_open(&place, why);
        if (p->fds[i] < 0)
            return false;
    }
    return true;
}

static bool is_listen_option(const struct config_option *option)
{
    size_t len = strlen(option->name);

    return option->type == CONFIG_LIST && len > 7 && strcmp(option->name + len - 7, "_listen") == 0;
}

static bool places_open(struct sockets *s, const struct config *config, struct chain *why)
{
    bool good = true;

    for (unsigned i = 0; i < config_option_count; i++) {
        const struct config_option *option = &config_options[i];
        const struct config_list *list;

        if (!is_listen_option(option))
            continue;
        list = (const struct config_list *)(const void *)((const char *)config + option->offset);
        for (unsigned p = 0; p < list->count; p++)
            good = place_open(s, option->name, list->at[p], why) && good;
    }
    return good;
}

struct sockets *sockets_open(const struct config *config, unsigned reactors, struct chain *why)
{
    struct sockets *s = xcalloc(1, sizeof(*s));
    bool good;

    s->reactors = reactors;
    activation_take(&s->given);
    good = places_open(s, config, why);
    activation_close(&s->given, why);
    if (!good)
        sockets_close(&s);
    return s;
}

void sockets_close(struct sockets **sockets)
{
    struct sockets *s = *sockets;

    for (unsigned p = 0; p < s->count; p++) {
        for (unsigned i = 0; i < s->reactors; i++) {
            if (s->places[p].fds[i] >= 0)
                close(s->places[p].fds[i]);
        }
        free(s->places[p].fds);
    }
    free(s->places);
    free(s);
    *sockets = NULL;
}

int sockets_take(struct sockets *s, const char *place, unsigned reactor)
{
    for (unsigned p = 0; p < s->count; p++) {
        if (strcmp(s->places[p].text, place) == 0) {
            int fd = s->places[p].fds[reactor];
            s->places[p].fds[reactor] = -1;
            return fd;
        }
    }
    return -1;
}
