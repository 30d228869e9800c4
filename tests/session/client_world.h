#ifndef TESTS_SESSION_CLIENT_WORLD_H
#define TESTS_SESSION_CLIENT_WORLD_H

/*
 * client_world: whoever gives mails to our side of an SMTP conversation, and notes what became of
 * them. It ensures what the session promises: each mail comes back once, no recipient of a session
 * that came so far is left without a word, and ended() is the last call.
 */

#include "core/base/chain.h"
#include "proto/smtp/smtp_client.h"

enum {
    CLIENT_WORLD_MAILS_MAX = 16,
    CLIENT_WORLD_RECIPIENTS_MAX = 32,
};

struct client_world {
    struct smtp_client_settings settings;
    struct smtp_client_target target;
    struct smtp_client_host host;
    struct session_peer peer;
    struct chain *notes; /* NULL: nobody reads them */
    char *texts[8];      /* that settings point to */
    unsigned text_count;
    struct chain body;                                      /* what each mail has */
    struct smtp_client_mail *given[CLIENT_WORLD_MAILS_MAX]; /* that are not back yet */
    unsigned given_count;
    struct smtp_client_mail *first, *later[CLIENT_WORLD_MAILS_MAX];
    unsigned later_count, later_given;
    unsigned delivered, uncertain; /* recipients */
    unsigned ended;
};

void client_world_init(struct client_world *w, struct chain *notes);

/*
 * mail=SENDER RCPT,RCPT word...  a mail that is there from the start, with the body set before it;
 * later=...                      one that REQUEST_RELAY_NEXT brings, each time one
 * body=text, with \r \n \0 \xHH; pad=bytes of "x" lines behind it
 * tls=none|may|encrypt|verify, lmtp, user, password, clear-login, discard, no-ahead, no-chunking,
 * line=limit, name=myhostname, no-ehlo
 * The words: 8bit, binary, utf8, utf8-header, requiretls, priority=N, by=SECONDS;R, ret=full|hdrs,
 * envid=X, notify=success|never|..., orcpt=X
 */
void client_world_set(struct client_world *w, struct span name, struct span value);

MUST_USE struct session *client_world_session(struct client_world *w);
void client_world_answer(struct client_world *w, struct request *request);
void client_world_close(struct client_world *w);

#endif
