#ifndef CORE_WORK_PRESSURE_H
#define CORE_WORK_PRESSURE_H

/*
 * pressure: how short the gateway is of what it needs, on a ladder of four colours. What is done
 * about it is for others; session.stress has the same steps.
 *
 * A colour is left upwards at once and downwards one at a time, when for PRESSURE_CALM_MS all has
 * been a tenth below what it takes, so that it does not flicker. Any thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"

enum pressure_colour {
    PRESSURE_GREEN,
    PRESSURE_YELLOW, /* nothing ahead of time, smaller buffers */
    PRESSURE_ORANGE, /* strangers are turned away, the longest idle are shed */
    PRESSURE_RED,    /* nothing begins that takes in a message */
};

/* A moment's figures. */
struct pressure_reading {
    unsigned memory;  /* percent of what may be held for peers */
    unsigned files;   /* percent of the descriptors that there can be */
    unsigned workers; /* jobs that wait, in percent of the workers */
    unsigned sync_ms; /* how long the oldest change waits for the disk */
};

enum {
    PRESSURE_LOOK_MS = 100,  /* between two looks */
    PRESSURE_CALM_MS = 1000, /* before a step down */
};

struct pressure_config {
    void (*read)(void *context, struct pressure_reading *reading_r); /* any thread, cheap */
    void (*changed)(void *context, enum pressure_colour before, enum pressure_colour now,
                    const struct pressure_reading *reading); /* any thread, one at a time */
    void *context;
};

struct pressure;

MUST_USE struct pressure *pressure_open(const struct pressure_config *config);
void pressure_close(struct pressure **pressure);

/* The colour; figured out anew when PRESSURE_LOOK_MS have gone by. A few instructions else. */
enum pressure_colour pressure_look(struct pressure *p, uint64_t now_ns);

/* The same at once: something was just used up in a big piece. */
enum pressure_colour pressure_look_now(struct pressure *p, uint64_t now_ns);

/* True while a lower colour would do, and is only waited for. */
bool pressure_is_easing(const struct pressure *p);

const char *pressure_word(enum pressure_colour colour); /* "green" */

/* The ladder alone: the colour that these figures ask for, seen from one that it is now. */
enum pressure_colour pressure_judge(enum pressure_colour now, const struct pressure_reading *r);

#endif
