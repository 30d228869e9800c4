#ifndef TESTS_SIM_SIM_RUN_H
#define TESTS_SIM_SIM_RUN_H

/*
 * sim_run: one seeded run: its dice, its trace, and what was found wrong.
 *
 * The dice decide everything that the network and the disk (which have dice of their own, seeded
 * from these) do not. The trace has a line for whatever was said, heard or done; its hash is the
 * run's fingerprint: the same seed gives the same one. Lines of the gateway's log are shown, but
 * are not part of it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"

enum {
    RUN_TRACE_LINES = 100, /* that are shown when something is wrong */
    RUN_TRACE_WIDTH = 200,
};

struct model;
struct sim;

/* What happened, for the summary: a run in which nothing happens finds nothing. */
struct run_counts {
    uint64_t runs, steps, mails, acked, refused, cut_off, commands, expunged, flags, fetched;
    uint64_t copied, pop3_sessions, folder_changes;
    uint64_t cuts, kills, stops, lost_indexes, full_disks, jumps, resets, simulated_s;
};

struct run {
    uint64_t seed, dice[4];
    struct sim *sim;
    struct model *model;
    uint64_t tick; /* counts what clients say and hear, so that any two of these have an order */
    uint64_t step; /* of the driver */
    bool verbose, quiet;
    struct run_counts counts;

    bool failed;
    char why[300];

    uint64_t hash, line_count;
    char lines[RUN_TRACE_LINES][RUN_TRACE_WIDTH];
};

void run_begin(struct run *r, uint64_t seed);

uint64_t run_dice(struct run *r, uint64_t below); /* 0..below-1 */
bool run_one_in(struct run *r, uint64_t n);

void run_trace(struct run *r, const char *format, ...) PRINTF_LIKE(2, 3);
/* "who said what", with what is no plain text shown as a dot, cut to a line. */
void run_trace_bytes(struct run *r, const char *who, const char *said, struct span bytes);
void run_trace_log(struct run *r, struct span line); /* of the gateway's own */
void run_print(const struct run *r);                 /* the last lines, to standard output */

/* Something that must never be. The first is kept and printed; the run ends soon. */
void run_violated(struct run *r, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
