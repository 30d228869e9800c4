#include "core/base/metric.h"

#include <stdatomic.h>

#include "core/base/ensure.h"

enum {
    METRIC_PARTS = 8, /* threads take turns at them */
};

#define EACH_SERVICE(name, kind, help)                                                             \
    {name, kind, "service=\"relay\"", help}, {name, kind, "service=\"smtp\"", ""},                 \
        {name, kind, "service=\"lmtp\"", ""}, {name, kind, "service=\"submission\"", ""},          \
        {name, kind, "service=\"submissions\"", ""}, {name, kind, "service=\"imap\"", ""},         \
        {name, kind, "service=\"imaps\"", ""}, {name, kind, "service=\"pop3\"", ""},               \
    {                                                                                              \
        name, kind, "service=\"pop3s\"", ""                                                        \
    }

/* In the order of enum metric. */
const struct metric_row metric_rows[METRIC_COUNT] = {
    EACH_SERVICE("ringpost_connections", METRIC_IS_COUNTER,
                 "Connections that were accepted, or made to other hosts."),
    EACH_SERVICE("ringpost_open_connections", METRIC_IS_GAUGE, "Connections that are open now."),
    {"ringpost_connections_refused", METRIC_IS_COUNTER, "reason=\"total\"",
                                                                                      "Connections that were turned away: there are connection_count_limit already, the client has "
     "too many, came too often, or the server is under stress."                                                                                                                                               },
    {"ringpost_connections_refused", METRIC_IS_COUNTER, "reason=\"client\"",     ""                                          },
    {"ringpost_connections_refused", METRIC_IS_COUNTER, "reason=\"rate\"",       ""                                          },
    {"ringpost_connections_refused", METRIC_IS_COUNTER, "reason=\"stress\"",     ""                                          },
    {"ringpost_tls_handshakes",      METRIC_IS_COUNTER, "result=\"done\"",       "TLS handshakes that ended."                },
    {"ringpost_tls_handshakes",      METRIC_IS_COUNTER, "result=\"failed\"",     ""                                          },
    {"ringpost_smtp_messages",       METRIC_IS_COUNTER, "",                      "Messages that were taken by SMTP and LMTP."},
    {"ringpost_smtp_recipients",     METRIC_IS_COUNTER, "",
                                                                                      "Recipients of the messages that were taken."                                                                           },
    {"ringpost_smtp_message_bytes",  METRIC_IS_COUNTER, "",
                                                                                      "Bytes of the messages that were taken, as stored."                                                                     },
    {"ringpost_smtp_rejects",        METRIC_IS_COUNTER, "",
                                                                                      "Commands of SMTP that policy refused; each is a line \"reject:\" in the log."                                          },
    {"ringpost_smtp_rate_limited",   METRIC_IS_COUNTER, "",
                                                                                      "Commands of SMTP that were refused because the client gave too many in a unit of time."                                },
    {"ringpost_smtp_lost",           METRIC_IS_COUNTER, "",                      "SMTP clients that hung up without QUIT."   },
    {"ringpost_smtp_timeouts",       METRIC_IS_COUNTER, "",
                                                                                      "SMTP clients that were silent for too long."                                                                           },
    {"ringpost_relay_outcomes",      METRIC_IS_COUNTER, "outcome=\"delivered\"",
                                                                                      "Recipients that were tried at other hosts, by what came of it."                                                        },
    {"ringpost_relay_outcomes",      METRIC_IS_COUNTER, "outcome=\"deferred\"",  ""                                          },
    {"ringpost_relay_outcomes",      METRIC_IS_COUNTER, "outcome=\"bounced\"",   ""                                          },
    {"ringpost_logins",              METRIC_IS_COUNTER, "",                      "Logins that succeeded, of all protocols."  },
    {"ringpost_login_failures",      METRIC_IS_COUNTER, "",
                                                                                      "Logins that were refused, of all protocols."                                                                           },
    {"ringpost_login_blocks",        METRIC_IS_COUNTER, "",
                                                                                      "Times that an address was blocked for having failed too often."                                                        },
    {"ringpost_http_requests",       METRIC_IS_COUNTER, "result=\"answered\"",
                                                                                      "Requests over HTTP that got what they asked for, or an error."                                                         },
    {"ringpost_http_requests",       METRIC_IS_COUNTER, "result=\"refused\"",    ""                                          },
};

/* A part for each few threads, so that they do not pull one line of memory to and fro. */
static struct {
    _Alignas(64) _Atomic int64_t values[METRIC_COUNT];
} parts[METRIC_PARTS];

static unsigned own_part(void)
{
    static _Atomic unsigned threads;
    static _Thread_local unsigned own; /* from 1 on; 0: not chosen yet */

    if (own == 0)
        own = 1 + atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % METRIC_PARTS;
    return own - 1;
}

void metric_add(enum metric metric, int64_t more)
{
    ensure(metric < METRIC_COUNT);
    (void)atomic_fetch_add_explicit(&parts[own_part()].values[metric], more, memory_order_relaxed);
}

int64_t metric_value(enum metric metric)
{
    int64_t sum = 0;

    ensure(metric < METRIC_COUNT);
    for (unsigned i = 0; i < METRIC_PARTS; i++)
        sum += atomic_load_explicit(&parts[i].values[metric], memory_order_relaxed);
    return sum;
}
