#ifndef CORE_BASE_METRIC_H
#define CORE_BASE_METRIC_H

/*
 * metric: what happened in this process and how often, for who watches it (/metrics). A metric is a
 * row of the table in metric.c; counting is one relaxed addition to a part that few threads share,
 * so it costs nanoseconds wherever it stands. What somebody already knows (the store's numbers,
 * memory) is not counted here but asked when it is wanted (core/gateway/http_metrics.c).
 *
 * Any thread. Counts begin with the process and are never reset.
 */

#include <stdint.h>

#include "core/base/attr.h"

/* Connections of our own to other hosts, then the rows of core/gateway/services.c in their order.
 */
enum {
    METRIC_SERVICES = 9,
};

enum metric {
    METRIC_CONNECTIONS,                                   /* + a service */
    METRIC_OPEN = METRIC_CONNECTIONS + METRIC_SERVICES,   /* + a service */
    METRIC_REFUSED_TOTAL = METRIC_OPEN + METRIC_SERVICES, /* CONN_TOO_MANY */
    METRIC_REFUSED_CLIENT,                                /* CONN_CLIENT_MANY */
    METRIC_REFUSED_RATE,                                  /* CONN_CLIENT_OFTEN */
    METRIC_REFUSED_STRESS,
    METRIC_TLS_DONE,
    METRIC_TLS_FAILED,
    METRIC_SMTP_MESSAGES,
    METRIC_SMTP_RECIPIENTS,
    METRIC_SMTP_BYTES,
    METRIC_SMTP_REJECTS,
    METRIC_SMTP_RATE_LIMITED,
    METRIC_SMTP_LOST,
    METRIC_SMTP_TIMEOUTS,
    METRIC_RELAY_DELIVERED, /* tries of a recipient, by what came of them */
    METRIC_RELAY_DEFERRED,
    METRIC_RELAY_BOUNCED,
    METRIC_LOGINS,
    METRIC_LOGIN_FAILURES,
    METRIC_LOGIN_BLOCKS,
    METRIC_HTTP_OK,
    METRIC_HTTP_REFUSED,
    METRIC_COUNT,
};

enum metric_kind {
    METRIC_IS_COUNTER,
    METRIC_IS_GAUGE,
};

/* Rows of one name are a family: they stand together and differ in their labels. */
struct metric_row {
    const char *name; /* without "_total"; one that ends in _seconds counts nanoseconds */
    enum metric_kind kind;
    const char *labels; /* protocol="smtp"; "": none */
    const char *help;   /* one sentence, of the family's first row */
};
extern const struct metric_row metric_rows[METRIC_COUNT];

void metric_add(enum metric metric, int64_t more); /* less than 0 for gauges only */

/* The sum of all parts; a moment's picture. */
int64_t metric_value(enum metric metric);

#endif
