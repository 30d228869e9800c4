#ifndef CORE_GATEWAY_QUEUE_REQUEST_H
#define CORE_GATEWAY_QUEUE_REQUEST_H

/*
 * queue_request: what somebody wants to know of the queue, or done with it. As text it is one
 * "name value" a line, ended by an empty line: so a command hands it to the server (control.h).
 * The names are those of the command line: --to-domain example.com is "to-domain example.com".
 *
 *     act delete
 *     to-domain example.com
 *     age 7200
 *
 * One thread at a time.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"

struct map;

enum {
    QUEUE_IDS_MAX = 50000,               /* in one request */
    QUEUE_REQUEST_MAX = 2 * 1024 * 1024, /* bytes of text */
    QUEUE_VALUE_MAX = 1024,              /* bytes */
    QUEUE_BUCKETS_MAX = 30,              /* ages that are counted apart */
};

enum queue_act {
    QUEUE_LIST,
    QUEUE_SHOW,
    QUEUE_CAT,
    QUEUE_STAT,
    QUEUE_HOLD, /* from here on something is changed */
    QUEUE_RELEASE,
    QUEUE_RETRY,
    QUEUE_REQUEUE,
    QUEUE_DELETE,
    QUEUE_EXPIRE,
    QUEUE_REDIRECT,
    QUEUE_ACTS,
};

enum queue_format {
    QUEUE_TEXT, /* our own */
    QUEUE_JSON, /* one object a line */
    QUEUE_MAILQ,
    QUEUE_MAILQ_JSON, /* postqueue -j */
    QUEUE_POSTSUPER,  /* what was done, in its words */
    QUEUE_POSTCAT,
    QUEUE_QSHAPE,
    QUEUE_QUIET, /* says nothing of what was changed */
    QUEUE_FORMATS,
};

enum queue_state {              /* of a recipient */
    QUEUE_IS_ACTIVE = 1 << 0,   /* due: it is tried now, or next */
    QUEUE_IS_DEFERRED = 1 << 1, /* waits for its time */
    QUEUE_IS_HELD = 1 << 2,     /* waits for an operator */
    QUEUE_STATES_ALL = (1 << 3) - 1,
};

struct queue_request {
    enum queue_act act;
    enum queue_format format;

    /* Which recipients: all that is said must hold. */
    struct map *ids;         /* NULL: any */
    bool has_from;           /* `from` may be "": the null sender */
    struct span from, to;    /* an address, or "@domain" */
    struct span to_domain;   /* "example.com"; ".example.com": what is below it */
    struct span reason;      /* a part of the last status, in any case */
    uint64_t age_s, young_s; /* at least so old; at most (0: any) */
    unsigned states;         /* enum queue_state, a sum; 0: any */
    bool all;                /* said on purpose */

    uint64_t limit; /* messages; 0: any number */
    bool dry_run;
    struct span address; /* of a redirect */

    /* qshape and stat */
    bool by_sender, parents, is_linear;
    uint64_t parents_min, buckets, tick_minutes, width;
    uint64_t top; /* domains; 0: all */

    /* postcat: which parts; none: all */
    bool wants_envelope, wants_header, wants_body;
};

void queue_request_init(struct queue_request *q);
void queue_request_end(struct queue_request *q);

/* One line of it. The value's bytes stay where they are for as long as the request is used. False
 * with one line in `why`: there is no such name, or the value can't be. */
MUST_USE bool queue_request_set(struct queue_request *q, struct span name, struct span value,
                                struct chain *why);

/* Whether what was said makes sense together: a change must say whom it is for. As above. */
MUST_USE bool queue_request_check(const struct queue_request *q, struct chain *why);

/* All lines of a text, up to the empty line; then checks. As above. */
MUST_USE bool queue_request_read(struct queue_request *q, struct span text, struct chain *why);

/* Whether the name has a value behind it on the command line; false also for names that are none.
 */
MUST_USE bool queue_request_takes_value(struct span name);

MUST_USE bool queue_request_act(struct span word, enum queue_act *act_r);
MUST_USE bool queue_request_changes(const struct queue_request *q);

#endif
