#ifndef CORE_BASE_LOG_LIMIT_H
#define CORE_BASE_LOG_LIMIT_H

/*
 * log_limit: no stranger fills the log (HOSTILE X10, G6). Lines that a source causes at no cost of
 * its own are counted for each second of the wall clock; those past LOG_LIMIT_LINES are not
 * written, and a later line says how many they were. Bounded; any thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/span.h"

enum {
    LOG_LIMIT_LINES = 100,    /* of one source in one second, the line about the others included */
    LOG_LIMIT_SOURCES = 1024, /* that are told apart in one second; the rest share */
    LOG_LIMIT_NAME = 48,      /* bytes kept of a source's name */
};

/* What was left unsaid about a source. */
struct log_limit_rest {
    char source[LOG_LIMIT_NAME];
    unsigned count; /* 0: nothing */
};

/* May a line about this source be written in this second? *rest_r is what its place of the table
 * has left unsaid in a second before; the caller says that first. */
MUST_USE bool log_limit_take(struct span source, int64_t second, struct log_limit_rest *rest_r);

/* What is left unsaid of seconds before this one, one source with each call; false at the end.
 * Cheap when there is nothing. */
MUST_USE bool log_limit_rest(int64_t second, struct log_limit_rest *rest_r);

#endif
