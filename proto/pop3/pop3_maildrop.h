#ifndef PROTO_POP3_POP3_MAILDROP_H
#define PROTO_POP3_POP3_MAILDROP_H

/*
 * pop3_maildrop: the messages that a session was given at its login, and what it marked.
 *
 * Numbers from 1 stand for UIDs, which are kept as runs: a maildrop without gaps costs one run
 * however long it is. They are given out when a command first needs them, so that a login costs the
 * same for every maildrop; what came after the login never gets one. Marks are a bit for each
 * message, made when the first is set. The session owns it and lends it to its requests: one thread
 * at a time.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "proto/imap/imap_view.h"

/* Some of the messages, by number. The zero value is none. */
struct pop3_marks {
    uint64_t *bits;
    uint32_t count; /* marked */
};

struct pop3_maildrop {
    struct imap_view *uids; /* number <-> UID; also mailbox, uid_validity and uid_next */
    bool has_numbers;       /* the UIDs are there */
    uint32_t messages;      /* at the login */
    uint64_t octets;        /* of all of them */
    struct pop3_marks deleted, seen;
};

/* Without numbers. */
void pop3_maildrop_open(struct pop3_maildrop *d, uint64_t mailbox, uint32_t uid_validity,
                        uint32_t uid_next);
void pop3_maildrop_free(struct pop3_maildrop *d); /* d becomes empty */

size_t pop3_maildrop_held(const struct pop3_maildrop *d); /* bytes of memory */

/* The highest number: deleted ones are counted. */
uint32_t pop3_maildrop_count(const struct pop3_maildrop *d);

void pop3_marks_set(struct pop3_marks *m, const struct pop3_maildrop *d, uint32_t number);
bool pop3_marks_has(const struct pop3_marks *m, uint32_t number);
void pop3_marks_clear(struct pop3_marks *m);

/* The next run of UIDs of marked messages that follow each other, from *number on, which moves
 * behind it. Marked and in `but` as well (NULL: none) is passed over. False at the end. */
MUST_USE bool pop3_marks_next(const struct pop3_marks *m, const struct pop3_marks *but,
                              const struct pop3_maildrop *d, uint32_t *number,
                              struct imap_range *uids_r);

#endif
