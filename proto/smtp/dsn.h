#ifndef PROTO_SMTP_DSN_H
#define PROTO_SMTP_DSN_H

/*
 * dsn: the text of delivery status notifications (RFC 3461, 3462, 3464, 6533).
 *
 * A message of its own, in CRLF lines, that tells a sender what became of recipients: a text for
 * people, fields for programs, and the message, or its header, as it was. What is returned of the
 * message is lent from the chain that holds it. Who gets which notification is decided by
 * dsn_is_wanted(). Pure functions of any thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/chain.h"
#include "core/base/span.h"
#include "proto/smtp/smtp_requests.h"

enum {
    DSN_RETURN_MAX = 50000, /* bytes of a message that are returned: Postfix's bounce_size_limit */
};

enum dsn_action {
    DSN_FAILED,
    DSN_DELAYED,
    DSN_DELIVERED,
    DSN_RELAYED, /* to a host that tells no more about it */
    DSN_EXPANDED,
};

struct dsn_recipient {
    struct span address;  /* without brackets */
    struct span original; /* what it was before aliases; "" or the same: it was no other */
    struct span orcpt;    /* decoded "type;address"; "" for none */
    enum dsn_action action;
    struct span status;     /* "5.1.1" */
    struct span reason;     /* for people: what the log says in its brackets */
    struct span remote;     /* name of the host that said it; "" for none */
    struct span reply;      /* what it said; "": it was ours to say, and `reason` stands for it */
    int64_t attempt_us;     /* of the last attempt; 0: there was none */
    int64_t retry_until_us; /* of a delayed one; 0: not told */
};

/* One notification: of failure, of delay, or of success. */
struct dsn {
    const char *myhostname;
    const char *mail_name;    /* in the Received: field */
    struct span queue_id;     /* of the message that it is about, */
    struct span own_queue_id; /* and of the notification */
    struct span to;           /* the message's sender; a postmaster for double bounces */
    struct span sender;       /* of the message; "" is the null sender */
    struct span envid;        /* decoded; "" for none */
    enum smtp_ret ret;
    int64_t arrival_us, now_us;
    bool is_copy;                           /* for the postmaster: he gets the header only */
    bool is_utf8;                           /* the message came with SMTPUTF8 */
    bool has_8bit;                          /* the message has bytes above 127 */
    size_t return_max;                      /* bytes; 0: DSN_RETURN_MAX */
    const struct dsn_recipient *recipients; /* their actions are of one kind */
    size_t count;
};

/* Is the sender told that this became of a recipient? notify: what NOTIFY= said, 0 for nothing. A
 * null sender is never told. Failure is told unless it was not wanted, delay and success only to
 * who asked for them (RFC 3461 4.1; delay to who said nothing, too, as Postfix has it). */
MUST_USE bool dsn_is_wanted(enum dsn_action action, unsigned notify, struct span sender);

/* Appends the notification to `out`. Takes `message`, header and body, and lends from it what is
 * returned: all of it when that was failure, RET=HDRS was not said and return_max allows it; else
 * its header, up to return_max. */
void dsn_write(const struct dsn *dsn, struct chain *message, struct chain *out);

/* Does the notification need SMTPUTF8 to be sent? */
MUST_USE bool dsn_needs_utf8(const struct dsn *dsn);

#endif
