#ifndef TESTS_SESSION_POP3_WORLD_H
#define TESTS_SESSION_POP3_WORLD_H

/*
 * pop3_world: what POP3 sessions ask for, answered from three messages in memory, as the runs of
 * the gateway answer. User "vagrant" is vagrant@mailserver.local, password "password".
 */

#include "core/base/chain.h"
#include "proto/pop3/pop3_requests.h"
#include "proto/pop3/pop3_session.h"

enum {
    POP3_WORLD_MESSAGES = 3,
};

struct pop3_world {
    struct pop3_host host;
    struct pop3_settings settings;
    struct chain *notes; /* a line for each; NULL: not wanted */
    bool is_gone[POP3_WORLD_MESSAGES];
    bool is_seen[POP3_WORLD_MESSAGES];
    bool is_locked; /* by somebody else */
    bool was_utf8;  /* the last RETR or TOP */
    unsigned locks, notes_count;
    unsigned updates; /* QUITs that reached the store */
};

void pop3_world_init(struct pop3_world *w, struct chain *notes);
struct session *pop3_world_session(struct pop3_world *w);

/* Sets status and output of the request. `how` is the status when it is not REQUEST_OK. */
void pop3_world_answer(struct pop3_world *w, struct request *r, enum request_status how);

/* The text of a message, from 0. */
struct span pop3_world_text(unsigned index);

#endif
