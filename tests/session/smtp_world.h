#ifndef TESTS_SESSION_SMTP_WORLD_H
#define TESTS_SESSION_SMTP_WORLD_H

/*
 * smtp_world: a host for SMTP sessions in tests. Our domain is mailserver.local; its users are
 * vagrant, ann, bob and postmaster, without a domain too. Also: full@... gets 452, later@... 451,
 * and a sender no@... 550. Notes are written as lines.
 */

#include "core/base/chain.h"
#include "proto/smtp/smtp_session.h"

struct smtp_world {
    struct smtp_host host;
    struct smtp_settings settings;
    struct chain *notes; /* NULL: not written */
    bool may_xclient, is_ours, can_tls;
    uint32_t stress;   /* enum session_stress */
    uint32_t rate_max; /* of each enum smtp_rate; 0: any number */
    unsigned counts[3];
    unsigned queued;                                /* queue ids given out */
    struct smtp_verdict mail_verdict, rcpt_verdict; /* when not 0: for all */
    char myhostname[64], mail_name[64], banner[64];
};

void smtp_world_init(struct smtp_world *w, bool is_lmtp, struct chain *notes);

/* Returns false when it does not know the name. */
bool smtp_world_set(struct smtp_world *w, struct span name, struct span value);

struct session *smtp_world_session(struct smtp_world *w);

#endif
