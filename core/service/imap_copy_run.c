/* COPY and MOVE: one command of the store, however many messages it is about. */

#include <stdlib.h>

#include "core/service/imap_run.h"
#include "proto/imap/imap_fetch_write.h"

enum copy_phase {
    COPY_BEFORE,
    COPY_AFTER,
    COPY_SYNC
};

static struct imap_copy_request *copy_of(struct imap_run *run)
{
    return (struct imap_copy_request *)run->request;
}

/* A change of what the command names; NULL, with run->status, when there is nothing to do. */
static struct store_change *change_of(struct imap_run *run, store_mailbox to)
{
    const struct imap_copy_request *r = copy_of(run);
    struct store_change *change = NULL;
    struct store_copy copy = {
        .from = r->imap.view->mailbox, .to = to, .is_exact = r->is_exact, .is_move = r->is_move};
    struct store_range *ranges =
        imap_run_ranges(r->imap.view, &r->uids, &copy.count, &copy.messages);

    copy.uids = ranges;
    if (copy.count > STORE_RANGES_MAX || copy.messages > STORE_COPY_MAX) {
        run->status = REQUEST_FULL;
    } else if (copy.count > 0) {
        change = store_change_new(run->service->store);
        store_change_copy(change, &copy);
    }
    free(ranges);
    return change;
}

static enum imap_next copy_before(struct imap_run *run)
{
    struct imap_copy_request *r = copy_of(run);
    struct span name = {r->name, r->name_len};
    struct store_mailbox_info info;
    enum store_status status =
        store_mailbox_find(run->view, run->request->account->id, name, &info);

    if (status != STORE_OK)
        return imap_run_fail(run, status == STORE_INVALID ? STORE_NOT_FOUND : status);
    run->change = change_of(run, info.id);
    r->imap.phase = COPY_AFTER;
    return run->change != NULL ? IMAP_NEXT_CHANGE : IMAP_NEXT_DONE;
}

/* What came of it. A MOVE tells it before the messages vanish (RFC 6851 4.3). False: the run ends
 * here. */
static bool copy_after(struct imap_run *run)
{
    struct imap_request *r = run->request;

    run->status = r->change_failed ? r->change_status : REQUEST_OK;
    if (run->status != REQUEST_OK)
        return false;
    if (copy_of(run)->is_move && r->changed.count > 0) {
        chain_add(run->out, SPAN("* OK "));
        imap_write_copyuid(run->out, r->change_uid_validity, &r->changed, r->change_uid);
        chain_add(run->out, SPAN(" Moved UIDs.\r\n"));
    }
    return true;
}

static enum imap_next copy_step(struct imap_run *run)
{
    struct imap_request *r = run->request;
    enum imap_next next;

    if (r->phase == COPY_BEFORE)
        return copy_before(run);
    if (r->phase == COPY_AFTER) {
        if (!copy_after(run))
            return IMAP_NEXT_DONE;
        r->phase = COPY_SYNC;
    }
    /* The copies are there, whatever becomes of telling so. */
    next = imap_sync_step(run);
    run->status = REQUEST_OK;
    return next;
}

enum service_outcome imap_copy_run(struct service *s, struct request *r, struct job *job)
{
    return imap_run_step(s, r, job, copy_step);
}
