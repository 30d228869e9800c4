#ifndef CORE_GATEWAY_OVERLOAD_H
#define CORE_GATEWAY_OVERLOAD_H

/*
 * overload: the gateway's own figures (memory held for peers, descriptors, workers, the disk) as a
 * pressure, whose changes are lines in the log; and the budget that the memory is charged to.
 */

#include <stdint.h>

#include "core/base/attr.h"

struct budget;
struct overload;
struct pressure;
struct store;
struct usage;
struct worker_pool;

struct overload_config {
    uint64_t memory_max; /* bytes */
    unsigned files_max;  /* descriptors that the process may have; 0: any number */
    unsigned workers;
    struct worker_pool *pool; /* these three outlive it */
    struct store *store;
    struct usage *usage;
};

MUST_USE struct overload *overload_open(const struct overload_config *config);
void overload_close(struct overload **overload);

/* A line for the log: what is held for clients, and what the allocator holds in all. */
void overload_tell(const struct overload *o);

struct budget *overload_budget(struct overload *o);
struct pressure *overload_pressure(struct overload *o);

#endif
