#ifndef PROTO_POP3_POP3_REQUESTS_H
#define PROTO_POP3_POP3_REQUESTS_H

/*
 * What a POP3 session asks for, typed: one struct for each REQUEST_POP3_* kind.
 *
 * What stands under "place" is the run's, zero when the request is new: a run that stops with
 * base.more finds there where it was. A run writes an answer that is +OK as a whole to base.out
 * (pop3_write.h), the session says all others; of a LIST or RETR that fails when has_begun is set,
 * the client cannot be told, so the session hangs up. REQUEST_DELETED, of all but OPEN: INBOX was
 * renamed, and the mailbox of the maildrop with it.
 */

#include "core/base/attr.h"
#include "proto/pop3/pop3_maildrop.h"
#include "proto/pop3/pop3_settings.h"
#include "proto/pop3/pop3_stuff.h"
#include "proto/request.h"

/* The beginning of all requests here. */
struct pop3_request {
    struct request base;
    const struct pop3_settings *settings;
    struct span account; /* user@domain */
    struct pop3_maildrop *drop;
    bool has_begun; /* out: a part of the answer was written */

    /* place */
    void *job; /* of an answer that comes later */
    bool has_changed;
    enum request_status change_status;
};

/* After a login: fills the maildrop. */
struct pop3_open_request {
    struct pop3_request pop3;
};

/* Gives out the numbers: appends the UIDs of the maildrop. */
struct pop3_number_request {
    struct pop3_request pop3;
};

/* How much there is that is not marked as deleted; says nothing itself. */
struct pop3_stat_request {
    struct pop3_request pop3;
    uint32_t messages; /* out */
    uint64_t octets;   /* out */
};

/* LIST and UIDL, of all that is not marked as deleted or of one. REQUEST_NOT_FOUND: the one is
 * gone. */
struct pop3_list_request {
    struct pop3_request pop3;
    bool by_uid;     /* UIDL */
    uint32_t number; /* 0: all */

    /* place */
    uint32_t next;
};

/* RETR and TOP. REQUEST_NOT_FOUND: it is gone. */
struct pop3_retr_request {
    struct pop3_request pop3;
    uint32_t number;
    uint64_t lines; /* of the body: TOP; POP3_ALL_LINES: RETR */
    bool is_utf8;   /* 8-bit headers as they are, not their surrogate (proto/mime/surrogate.h) */
    uint64_t bytes; /* out: written, the first line left out */
    bool is_seen;   /* out: it is marked so already */

    /* place */
    uint32_t at;   /* bytes of the message that were written, or what stands for them */
    uint32_t part; /* all headers of parts below lie before `at` */
    struct pop3_stuff stuff;
};

/* The update of RFC 1939 6: removes what is marked as deleted, marks \Seen what was read. */
struct pop3_quit_request {
    struct pop3_request pop3;

    /* place */
    uint32_t deleted, seen; /* all numbers below were taken care of */
};

/* A zeroed request of this kind and size. */
MUST_USE void *pop3_request_new(enum request_kind kind, size_t size);
void pop3_request_free(struct request **request); /* of any kind above */

#endif
