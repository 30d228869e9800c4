/* CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE: each is one change of the store, which judges it.
 */

#include "core/service/imap_run.h"

enum mailbox_phase {
    MAILBOX_BEFORE,
    MAILBOX_AFTER
};

_Static_assert((int)IMAP_USE_ARCHIVE == (int)STORE_USE_ARCHIVE, "the same bits");
_Static_assert((int)IMAP_USE_DRAFTS == (int)STORE_USE_DRAFTS, "the same bits");
_Static_assert((int)IMAP_USE_JUNK == (int)STORE_USE_JUNK, "the same bits");
_Static_assert((int)IMAP_USE_SENT == (int)STORE_USE_SENT, "the same bits");
_Static_assert((int)IMAP_USE_TRASH == (int)STORE_USE_TRASH, "the same bits");

static struct store_change *change_of(struct imap_run *run, const struct imap_mailbox_request *r)
{
    struct store_change *change = store_change_new(run->service->store);
    store_account account = run->request->account->id;
    struct span name = {r->name, r->name_len}, to = {r->to, r->to_len};

    switch (r->what) {
    case IMAP_MAILBOX_CREATE:
        store_change_mailbox_create(change, account, name, r->uses);
        break;
    case IMAP_MAILBOX_DELETE:
        store_change_mailbox_delete(change, account, name);
        break;
    case IMAP_MAILBOX_RENAME:
        store_change_mailbox_rename(change, account, name, to);
        break;
    case IMAP_MAILBOX_SUBSCRIBE:
    case IMAP_MAILBOX_UNSUBSCRIBE:
        store_change_subscribe(change, account, name, r->what == IMAP_MAILBOX_SUBSCRIBE);
        break;
    }
    return change;
}

static enum imap_next mailbox_step(struct imap_run *run)
{
    struct imap_mailbox_request *r = (struct imap_mailbox_request *)run->request;
    const struct imap_view *view = r->imap.view;
    uint32_t validity;

    if (r->imap.phase == MAILBOX_BEFORE) {
        r->imap.phase = MAILBOX_AFTER;
        run->change = change_of(run, r);
        return IMAP_NEXT_CHANGE;
    }
    if (r->imap.change_failed)
        run->status = r->imap.change_status;
    r->deleted_selected =
        view != NULL && view->mailbox != 0 &&
        store_mailbox_state(run->view, view->mailbox, &validity) == STORE_NOT_FOUND;
    return IMAP_NEXT_DONE;
}

enum service_outcome imap_mailbox_run(struct service *s, struct request *r, struct job *job)
{
    return imap_run_step(s, r, job, mailbox_step);
}
