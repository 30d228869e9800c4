#ifndef PROTO_POP3_POP3_WRITE_H
#define PROTO_POP3_POP3_WRITE_H

/* pop3_write: what a run says to a client, in the words of RFC 1939. */

#include <stdint.h>

#include "core/base/chain.h"

enum {
    POP3_UIDL_LEN = 16, /* digits of a unique id; RFC 1939 7 allows 70 */
};

void pop3_write_list_begin(struct chain *out, uint32_t messages); /* "+OK 3 messages:" */
void pop3_write_uidl_begin(struct chain *out);
void pop3_write_ok(struct chain *out); /* "+OK " of an answer of one line */
void pop3_write_size(struct chain *out, uint32_t number, uint64_t octets);

/* The UID, then the UIDVALIDITY, in hex digits: what Dovecot's default (%08Xu%08Xv) makes of them,
 * so that clients of a mailbox that was moved here know its messages. */
void pop3_write_uidl(struct chain *out, uint32_t number, uint32_t uid, uint32_t uid_validity);
void pop3_write_list_end(struct chain *out);

void pop3_write_retr_begin(struct chain *out, uint64_t octets); /* "+OK 120 octets" */
void pop3_write_top_begin(struct chain *out);

#endif
