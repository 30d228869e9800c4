#ifndef STORE_COMMIT_COMMAND_QUEUE_H
#define STORE_COMMIT_COMMAND_QUEUE_H

/*
 * command_queue: what the queue's commands say, as bytes, and back.
 *
 * A message is queued by its delivery record, whose arguments (command_args.h) have its queue part
 * behind the targets: the envelope's record, then one for each recipient, in the order of their
 * numbers. Each has its length u32 in front. What becomes of recipients is a record of its own.
 */

#include "store/commit/command_args.h"
#include "store/store_queue.h"

/* The queue part of a delivery, into a text of its own. */
void command_queue_write(struct command_text *text, const struct store_queue_envelope *envelope,
                         const struct store_queue_recipient *recipients, size_t count);
/* True when the part is whole; the recipients are for command_queue_next(), as many as the envelope
 * says. */
MUST_USE bool command_queue_read(struct span part, struct store_queue_envelope *envelope_r,
                                 struct span *recipients_r);
MUST_USE bool command_queue_next(struct span *recipients,
                                 struct store_queue_recipient *recipient_r);

struct command_queue_state {
    store_queue_id id;
    bool is_exact;
    uint32_t count;
    struct span updates; /* as command_queue_update_next() reads them */
};
void command_queue_state_write(struct command_text *text, store_queue_id id,
                               const struct store_queue_update *updates, size_t count,
                               bool is_exact);
MUST_USE bool command_queue_state_read(struct span args, struct command_queue_state *state_r);
MUST_USE bool command_queue_update_next(struct span *updates, struct store_queue_update *update_r);

#endif
