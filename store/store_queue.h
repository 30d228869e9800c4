#ifndef STORE_STORE_QUEUE_H
#define STORE_STORE_QUEUE_H

/*
 * store_queue: mail that waits to go on to others.
 *
 * A queued message is a message (store.h) with an envelope and recipients. It is queued by a
 * change, the same one that delivers it to mailboxes here when it has both kinds of recipients, and
 * its bytes stay for as long as anybody of it waits: store_message_lend(view, id, ...) has them.
 * Each recipient is due at a time of its own, or held. The message goes with its last recipient.
 *
 * The store keeps what it is told and decides nothing: who tries when, and what becomes of a
 * recipient, is the relay's. Times are microseconds since 1970, by the caller's clock. Texts are
 * bytes without a NUL, up to STORE_QUEUE_TEXT_MAX of them, kept as they are.
 */

#include "store/store.h"

typedef store_message store_queue_id; /* the message's number; ascending in order of queueing */

enum {
    STORE_QUEUE_TEXT_MAX = 1024,        /* bytes; a change with a longer text is STORE_INVALID */
    STORE_QUEUE_STATUS_MAX = 512,       /* of a status; what is longer is cut */
    STORE_QUEUE_RECIPIENTS_MAX = 20000, /* of a message */
    STORE_QUEUE_UPDATES_MAX = 20000,    /* in one call */
};

/* ---- what is queued ---- */

enum store_queue_flag {              /* of a message */
    STORE_QUEUE_UTF8 = 1 << 0,       /* SMTPUTF8 (RFC 6531) */
    STORE_QUEUE_REQUIRETLS = 1 << 1, /* RFC 8689 */
    STORE_QUEUE_BY_RETURN = 1 << 2, /* deliver_by_us: then return it; else only notify (RFC 2852) */
    STORE_QUEUE_BY_TRACE = 1 << 3,  /* and tell of what became of it on the way */
    STORE_QUEUE_FLAGS_ALL = (1 << 4) - 1,
};

struct store_queue_envelope {
    struct span queue_id; /* its name in logs and commands; at least a byte */
    struct span sender;   /* without brackets; "" is the null sender */
    struct span envid;    /* decoded (RFC 3461 4.4); "": unsaid */
    struct span client;   /* who brought it, name[address] */
    struct span login;    /* who that was; "": nobody is known */
    struct span auth;     /* of AUTH=, decoded (RFC 4954 5); "": unsaid */
    struct span verp;     /* the delimiters of XVERP; "": none */
    int64_t arrival_us;
    int64_t deliver_by_us; /* 0: unsaid */
    int64_t hold_until_us; /* RFC 4865; 0: unsaid. Recipients' due_us is what holds it. */
    uint8_t ret;           /* RFC 3461 4.3: 0 unsaid, 1 FULL, 2 HDRS */
    uint8_t body;          /* RFC 6152, 3030: 0 unsaid, 1 7BIT, 2 8BITMIME, 3 BINARYMIME */
    int8_t priority;       /* RFC 6710 */
    unsigned flags;        /* enum store_queue_flag */
    uint32_t size;         /* out: bytes of the message */
    uint32_t recipients;   /* out: how many there were */
};

enum store_queue_mark {           /* of a recipient */
    STORE_QUEUE_HELD = 1 << 0,    /* not due, until it is released */
    STORE_QUEUE_EXPIRED = 1 << 1, /* somebody wants it returned, whatever its age */
    STORE_QUEUE_WARNED = 1 << 2,  /* its sender was told of the delay */
    STORE_QUEUE_MARKS_ALL = (1 << 3) - 1,
};

struct store_queue_recipient {
    struct span address;  /* where it goes, without brackets; at least a byte */
    struct span original; /* what RCPT said, when that was another; else "" */
    struct span orcpt;    /* "type;address", decoded (RFC 3461 4.2); "": unsaid */
    struct span nexthop;  /* a hint where to; "": whatever the routes say when it is due */
    unsigned notify;      /* RFC 3461 4.1: 0 unsaid, 1 NEVER, 2 SUCCESS, 4 FAILURE, 8 DELAY; sum */
    unsigned marks;       /* enum store_queue_mark */
    int64_t due_us;       /* try it then; 0 or before now: at once */

    /* Out; nothing of it counts when it is queued. */
    store_queue_id id;
    uint32_t number;    /* 0 for the first of the message, and so on */
    uint32_t tries;     /* that ended with STORE_QUEUE_LATER */
    int64_t tried_us;   /* when the last of them did; 0: none yet */
    uint16_t code;      /* what it ended with: the reply's code, 0 when there was no reply, */
    struct span dsn;    /* its status code ("4.4.1"), */
    struct span host;   /* who said so ("name[address]:port"; "": nobody), */
    struct span status; /* and the text */
};

/* The message goes into the queue: once in a change, for a message of store_change_message() that
 * belongs to the same change. At least one recipient. Everything is copied. Its result has the id
 * as `message`. STORE_INVALID: a text is too long, or one is empty that may not be. */
void store_change_queue(struct store_change *c, unsigned message,
                        const struct store_queue_envelope *envelope,
                        const struct store_queue_recipient *recipients, size_t count);

/* ---- what becomes of recipients ---- */

enum store_queue_what {
    STORE_QUEUE_DONE,     /* delivered, returned or deleted: the recipient goes */
    STORE_QUEUE_LATER,    /* a try failed: due_us, code, dsn, host, status; one more of `tries` */
    STORE_QUEUE_HOLD,     /* is not due any more */
    STORE_QUEUE_RELEASE,  /* is not held any more: due_us */
    STORE_QUEUE_RETRY,    /* due_us; who is held stays so, and has it when released */
    STORE_QUEUE_REQUEUE,  /* as if it was new: due_us, nexthop; status and marks but HELD go */
    STORE_QUEUE_REDIRECT, /* as REQUEUE, to `address`; `original` stays what RCPT said */
    STORE_QUEUE_EXPIRE,   /* marks it EXPIRED: due_us */
    STORE_QUEUE_WARN,     /* marks it WARNED, nothing else */
    STORE_QUEUE_WHATS,    /* written to disk: never renumber */
};

struct store_queue_update {
    uint32_t number; /* of the recipient */
    enum store_queue_what what;
    int64_t due_us;
    uint16_t code;
    struct span dsn, host, status;
    struct span nexthop, address;
};

/* At most STORE_QUEUE_UPDATES_MAX, one after the other; a recipient may have several. A recipient
 * that is gone is passed over: the result's ranges name those (in any order, more than once
 * perhaps), and is_over says that nobody of the message waits any more. With `is_exact` the whole
 * change is STORE_GONE instead, with nothing done: so a notification that is queued by the same
 * change is made once, however many want to make it.
 *
 * STORE_ACK_NONE is for what was delivered: it costs no sync of its own. A crash that takes it away
 * has the recipient tried once more. */
void store_change_queue_state(struct store_change *c, store_queue_id id,
                              const struct store_queue_update *updates, size_t count,
                              bool is_exact);

/* ---- reading ---- */

/* Spans are valid until the view closes. A long walk does not keep one view: it takes some hundred
 * rows, closes it, and goes on behind the last of them in another. Up to `max` rows come back,
 * *count_r 0 past the last. */

struct store_queue_due {
    int64_t due_us;
    store_queue_id id;
    uint32_t number;
};
/* Who is not held, in order of due_us, behind `after` (NULL: from the front). What is due long
 * since stands in front. */
MUST_USE enum store_status store_queue_due(struct store_view *v,
                                           const struct store_queue_due *after,
                                           struct store_queue_due *rows_r, size_t max,
                                           size_t *count_r);

struct store_queue_message {
    store_queue_id id;
    struct store_queue_envelope envelope;
};
/* All messages behind `after` (0: all), in order of their ids. */
MUST_USE enum store_status store_queue_messages(struct store_view *v, store_queue_id after,
                                                struct store_queue_message *rows_r, size_t max,
                                                size_t *count_r);
/* STORE_NOT_FOUND: nobody of it waits any more. */
MUST_USE enum store_status store_queue_message(struct store_view *v, store_queue_id id,
                                               struct store_queue_envelope *envelope_r);
/* By its name: reads the queue up to it, some tenths of a second for a million. */
MUST_USE enum store_status store_queue_find(struct store_view *v, struct span queue_id,
                                            store_queue_id *id_r);

/* Those of one message who still wait, from `from` on. */
MUST_USE enum store_status store_queue_recipients(struct store_view *v, store_queue_id id,
                                                  uint32_t from,
                                                  struct store_queue_recipient *rows_r, size_t max,
                                                  size_t *count_r);
/* STORE_NOT_FOUND: it is gone. */
MUST_USE enum store_status store_queue_recipient(struct store_view *v, store_queue_id id,
                                                 uint32_t number,
                                                 struct store_queue_recipient *recipient_r);
/* The same for all messages from this recipient on (0, 0: all), in order of ids, then numbers. */
MUST_USE enum store_status store_queue_everybody(struct store_view *v, store_queue_id id,
                                                 uint32_t from,
                                                 struct store_queue_recipient *rows_r, size_t max,
                                                 size_t *count_r);

/* How many there are, held ones too; costs nothing. */
struct store_queue_numbers {
    uint64_t messages, recipients, held;
};
MUST_USE enum store_status store_queue_numbers(struct store_view *v,
                                               struct store_queue_numbers *numbers_r);

#endif
