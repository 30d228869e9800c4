#ifndef CORE_GATEWAY_HTTP_METRICS_H
#define CORE_GATEWAY_HTTP_METRICS_H

/*
 * http_metrics: the figures of this process as text: what was counted (core/base/metric.h), and
 * what the store, the workers and the budget know at this moment. A new figure of the latter is a
 * row in http_metrics.c. Any thread; takes some microseconds and a look into /proc/self.
 */

#include <stdbool.h>

#include "core/base/chain.h"

struct auth;
struct budget;
struct pressure;
struct store;
struct worker_pool;

struct http_metrics {
    struct store *store;
    struct worker_pool *workers;
    struct auth *auth;
    struct budget *budget;
    struct pressure *pressure;
};

/* OpenMetrics 1.0, or else Prometheus' text format 0.0.4: nearly the same. */
void http_metrics_render(const struct http_metrics *from, bool openmetrics, struct chain *out);

#endif
