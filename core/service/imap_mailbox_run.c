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

/* How many of a name's levels are no mailboxes yet, itself included. */
static unsigned levels_missing(struct imap_run *run, struct span name)
{
    struct store_mailbox_info info;
    unsigned missing = 0;

    for (size_t len = 1; len <= name.len; len++) {
        if (len < name.len && name.at[len] != '/')
            continue;
        missing += store_mailbox_find(run->view, run->request->account->id, span_first(name, len),
                                      &info) != STORE_OK;
    }
    return missing;
}

/* Two at the same time may both find room for the last one; STORE_MAILBOXES_MAX is never passed. */
static bool is_too_many(struct imap_run *run, const struct imap_mailbox_request *r)
{
    uint32_t count = store_account_mailboxes(run->view, run->request->account->id);
    unsigned made = 0;

    if (r->what == IMAP_MAILBOX_CREATE)
        made = levels_missing(run, (struct span){r->name, r->name_len});
    if (r->what == IMAP_MAILBOX_RENAME)
        made = levels_missing(run, (struct span){r->to, r->to_len});
    if (r->what == IMAP_MAILBOX_RENAME && made > 0 &&
        !span_eq((struct span){r->name, r->name_len}, SPAN("INBOX")))
        made--; /* the mailbox itself only moves */
    return made > 0 && count + made > run->request->settings->mailbox_max;
}

static enum imap_next mailbox_step(struct imap_run *run)
{
    struct imap_mailbox_request *r = (struct imap_mailbox_request *)run->request;
    const struct imap_view *view = r->imap.view;
    uint32_t validity;

    if (r->imap.phase == MAILBOX_BEFORE) {
        if (is_too_many(run, r))
            return imap_run_fail(run, STORE_OVER_QUOTA);
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
