#ifndef TESTS_CRASH_CRASH_STORE_MAKING_H
#define TESTS_CRASH_CRASH_STORE_MAKING_H

/* crash_store_making: a change being made, on the model's next state and on the store's. Private to
 * the load. */

#include "tests/crash/crash_store_load.h"

struct making {
    struct load *load;
    struct model *m;
    struct store_change *change;
    struct expected *expected;
    bool touched[MODEL_ACCOUNTS]; /* by the command at hand */
    bool alters;
    bool is_full; /* nothing may follow: a change is judged before any of it happens */
};

/* A mailbox that was there before the change; false when the one that was drawn was not. */
bool making_mailbox(struct making *g, unsigned *mailbox_r);
/* The state before the change. */
const struct model *making_before(const struct making *g);
store_mailbox making_id(const struct model *m, unsigned mailbox);
/* A command was added, with this UID as its result. */
void making_expect(struct making *g, uint32_t uid);
/* The mailbox has the account's next modseq, which is one for all that a command does. */
void making_touch(struct making *g, unsigned mailbox);

bool making_may_queue(const struct making *g);
/* The message of this record is queued too, for some recipients. */
void make_queued(struct making *g, unsigned record, uint32_t message);

/* Each adds a command, or none when what was drawn cannot be or would alter nothing: that would
 * make two equal states. */
void make_delivery(struct making *g);
void make_append(struct making *g);
void make_flags(struct making *g);
void make_expunge(struct making *g);
void make_purge(struct making *g);
void make_recent(struct making *g);
void make_copy(struct making *g, bool is_move);
void make_relayed(struct making *g);
void make_queue_state(struct making *g);
void make_account(struct making *g);
void make_folders(struct making *g);
void make_mailbox(struct making *g);
void make_delete(struct making *g);
void make_rename(struct making *g);
void make_subscription(struct making *g);

#endif
