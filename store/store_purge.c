/* Mailboxes that were deleted: has what they hold released, one slice after the other. Runs on the
 * housekeeper's thread. */

#include "store/store_private.h"

enum {
    PURGE_MESSAGES = 2048, /* in one command: some ten milliseconds of the applier */
};

/* The deleted mailbox that comes first; 0 when there is none. */
static store_mailbox first_deleted(struct store *s)
{
    store_mailbox mailbox = 0;
    struct span key, value;
    struct index_txn *txn;

    if (index_read_begin(s->index, &txn) != STORE_OK)
        return 0;
    if (index_seek(txn, INDEX_DEAD, SPAN(""), &key, &value) && key.len == 8)
        mailbox = key_get64(key.at);
    index_read_end(&txn);
    return mailbox;
}

static void purge_done(void *context, enum store_status status, const struct store_result *results,
                       size_t count)
{
    struct store *s = context;

    (void)status;
    (void)results;
    (void)count;
    gauge_add(s->moving, -1);
}

/* The last slice is waited for, so that each finds what the one before left. */
bool store_purge(void *store)
{
    struct store *s = store;
    struct command_text args = {0};
    store_mailbox mailbox;

    if (gauge_get(s->moving) > 0)
        return false;
    mailbox = first_deleted(s);
    if (mailbox == 0)
        return false;
    command_purge_write(&args, mailbox,
                        s->config.purge_messages ? s->config.purge_messages : PURGE_MESSAGES);
    gauge_add(s->moving, 1);
    store_space_submit(s, JOURNAL_PURGE, &args, (struct span){0}, (struct span){0}, purge_done, s);
    return true;
}
