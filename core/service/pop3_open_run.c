/* pop3_open_run: what is in the maildrop, after a login; its numbers; and STAT: what is left. */

#include <stdlib.h>

#include "core/service/pop3_run.h"

/* ---- the maildrop ---- */

static void open_fill(struct pop3_maildrop *drop, const struct store_mailbox_info *info)
{
    pop3_maildrop_open(drop, info->id, info->uid_validity, info->uid_next);
    drop->messages = info->messages;
    drop->octets = info->bytes;
}

/* A user who never got mail has no account in the store yet. */
static enum pop3_next open_account_new(struct pop3_run *run)
{
    struct store_change *change;

    if (run->request->has_changed) {
        run->status = run->request->change_status;
        return POP3_NEXT_DONE;
    }
    change = store_change_new(run->service->store);
    store_change_account(change, run->request->account);
    return pop3_run_change(run, change, STORE_ACK_APPLIED);
}

static enum pop3_next open_step(struct pop3_run *run)
{
    struct store_mailbox_info info;
    store_account account;
    enum store_status status = store_account_find(run->view, run->request->account, &account);

    if (status == STORE_NOT_FOUND)
        return open_account_new(run);
    if (status == STORE_OK)
        status = store_mailbox_find(run->view, account, SPAN("INBOX"), &info);
    if (status == STORE_OK)
        open_fill(run->request->drop, &info);
    return pop3_run_fail(run, status);
}

enum service_outcome pop3_open_run(struct service *s, struct request *r, struct job *job)
{
    return pop3_run_step(s, r, job, open_step);
}

/* ---- its numbers ---- */

static enum pop3_next number_step(struct pop3_run *run)
{
    struct pop3_maildrop *drop = run->request->drop;
    struct store_range *ranges = NULL;
    size_t count = 0;
    enum store_status status = store_uids(run->view, drop->uids->mailbox, &ranges, &count);
    uint32_t last = drop->uids->uid_next - 1;

    for (size_t i = 0; i < count && ranges[i].from <= last && status == STORE_OK; i++)
        imap_view_append(
            drop->uids,
            (struct imap_range){ranges[i].from, ranges[i].to < last ? ranges[i].to : last});
    free(ranges);
    drop->has_numbers = status == STORE_OK;
    return pop3_run_fail(run, status);
}

enum service_outcome pop3_number_run(struct service *s, struct request *r, struct job *job)
{
    return pop3_run_step(s, r, job, number_step);
}

/* ---- STAT ---- */

enum {
    STAT_ENTRIES = 256, /* read at a time */
};

/* Takes off what the mailbox has of these UIDs. */
static enum store_status stat_without(struct pop3_run *run, struct pop3_stat_request *r,
                                      struct imap_range uids)
{
    struct store_entry entries[STAT_ENTRIES];
    enum store_status status = STORE_OK;
    uint64_t uid = uids.from;
    size_t count = STAT_ENTRIES;

    while (status == STORE_OK && count == STAT_ENTRIES && uid <= uids.to) {
        status = store_entries(run->view, r->pop3.drop->uids->mailbox, (uint32_t)uid, entries,
                               STAT_ENTRIES, &count);
        for (size_t i = 0; i < count && entries[i].uid <= uids.to; i++) {
            r->messages--;
            r->octets -= entries[i].size;
        }
        if (count > 0)
            uid = (uint64_t)entries[count - 1].uid + 1;
    }
    return status;
}

/* What is there now, without what came after the login, without what is marked. So what others
 * removed meanwhile is not counted, as LIST leaves it out. */
static enum pop3_next stat_step(struct pop3_run *run)
{
    struct pop3_stat_request *r = (struct pop3_stat_request *)run->request;
    const struct pop3_maildrop *drop = r->pop3.drop;
    struct imap_range uids = {drop->uids->uid_next, UINT32_MAX};
    struct store_mailbox_info info;
    enum store_status status = store_mailbox_get(run->view, drop->uids->mailbox, &info);
    uint32_t number = 1;

    if (status != STORE_OK)
        return pop3_run_fail(run, status);
    r->messages = info.messages;
    r->octets = info.bytes;
    status = stat_without(run, r, uids);
    while (status == STORE_OK && pop3_marks_next(&drop->deleted, NULL, drop, &number, &uids))
        status = stat_without(run, r, uids);
    return pop3_run_fail(run, status);
}

enum service_outcome pop3_stat_run(struct service *s, struct request *r, struct job *job)
{
    return pop3_run_step(s, r, job, stat_step);
}
