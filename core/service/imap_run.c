#include "core/service/imap_run.h"

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/work/inbox.h"
#include "proto/imap/imap_fetch_write.h"

enum request_status imap_run_status(enum store_status status)
{
    switch (status) {
    case STORE_OK:
        return REQUEST_OK;
    case STORE_NOT_FOUND:
        return REQUEST_NOT_FOUND;
    case STORE_GONE:
        return REQUEST_GONE;
    case STORE_EXISTS:
        return REQUEST_EXISTS;
    case STORE_INVALID:
        return REQUEST_REFUSED;
    case STORE_OVER_QUOTA:
    case STORE_FULL:
        return REQUEST_FULL;
    case STORE_CORRUPT:
        return REQUEST_DAMAGED;
    default:
        return REQUEST_TRY_LATER;
    }
}

enum imap_next imap_run_fail(struct imap_run *run, enum store_status status)
{
    run->status = imap_run_status(status);
    return IMAP_NEXT_DONE;
}

bool imap_run_is_full(const struct imap_run *run)
{
    return run->out->held >= run->request->settings->output_size || run->out->len >= IMAP_LENT_MAX;
}

const struct imap_keywords *imap_run_names(struct imap_run *run, uint64_t keywords)
{
    uint64_t unknown = keywords & ~run->names_known;

    run->names_known |= keywords;
    for (; unknown != 0; unknown &= unknown - 1) {
        unsigned number = (unsigned)__builtin_ctzll(unknown);
        struct span *name = &run->names.name[number];

        if (store_keyword_name(run->view, run->request->account->id, number, name) != STORE_OK)
            *name = (struct span){0};
    }
    return &run->names;
}

void imap_run_write_flags(struct imap_run *run, const struct store_entry *entry, bool says_uid)
{
    const struct imap_view *view = run->request->view;
    uint32_t seq = imap_view_seq(view, entry->uid);
    struct imap_fetch_writer w;

    if (seq == 0)
        return;
    w = imap_fetch_write_begin(run->out, seq);
    if (says_uid)
        imap_fetch_write_uid(&w, entry->uid);
    imap_fetch_write_flags(&w, entry->flags, imap_view_is_recent(view, entry->uid), entry->keywords,
                           imap_run_names(run, entry->keywords));
    imap_fetch_write_end(&w);
}

enum store_status imap_run_look_again(struct imap_run *run)
{
    store_view_close(&run->view);
    run->names_known = 0;
    return store_view_open(run->service->store, &run->view);
}

void imap_run_own_change(struct imap_run *run)
{
    const struct imap_request *r = run->request;

    if (!r->change_failed && r->change_modseq == r->view->modseq + 1)
        r->view->modseq = r->change_modseq;
}

struct store_range *imap_run_ranges(const struct imap_view *view, const struct imap_ranges *uids,
                                    size_t *count_r, uint32_t *messages_r)
{
    struct store_range *ranges = xcalloc(uids->count + 1, sizeof(*ranges));

    *count_r = *messages_r = 0;
    for (size_t i = 0; i < uids->count; i++) {
        struct imap_range range = uids->at[i];
        uint32_t known;

        if (range.from >= view->uid_next)
            break;
        if (range.to >= view->uid_next)
            range.to = view->uid_next - 1;
        known = imap_view_count_in(view, range);
        if (known > 0)
            ranges[(*count_r)++] = (struct store_range){range.from, range.to};
        *messages_r += known;
    }
    return ranges;
}

bool imap_run_keywords_fit(struct imap_run *run, const struct span *keywords, unsigned count)
{
    store_account account = run->request->account->id;
    unsigned known = 0, new = 0, number;
    struct span name;

    for (unsigned i = 0; i < count; i++)
        new += store_keyword_find(run->view, account, keywords[i], &number) != STORE_OK;
    while (new > 0 && known < STORE_KEYWORDS_MAX &&
           store_keyword_name(run->view, account, known, &name) == STORE_OK)
        known++;
    return known + new <= STORE_KEYWORDS_MAX;
}

enum store_status imap_run_entries(struct imap_run *run, uint32_t uid, uint32_t last,
                                   size_t *count_r)
{
    enum store_status status = store_entries(run->view, run->request->view->mailbox, uid,
                                             run->entries, IMAP_ENTRIES, count_r);

    if (status != STORE_OK)
        *count_r = 0;
    while (*count_r > 0 && run->entries[*count_r - 1].uid > last)
        --*count_r;
    return status;
}

/* What a change brought or copied: its first result has the first UID. */
static void imap_run_note(struct imap_request *r, const struct store_result *result)
{
    r->change_uid = result->uid;
    r->change_uid_validity = result->uid_validity;
    if (r->base.kind != REQUEST_IMAP_COPY)
        return;
    free(r->changed.at);
    r->changed.at = xcalloc(result->range_count + 1, sizeof(*r->changed.at));
    r->changed.count = result->range_count;
    for (size_t i = 0; i < result->range_count; i++)
        r->changed.at[i] = (struct imap_range){result->ranges[i].from, result->ranges[i].to};
}

/* On the applier's thread: notes what became of the change and has the request run again. */
static void imap_run_changed(void *context, enum store_status status,
                             const struct store_result *results, size_t count)
{
    struct imap_request *r = context;
    struct job *job = r->job;

    for (size_t i = 0; i < count && status == STORE_OK; i++)
        status = results[i].status;
    r->change_failed = status != STORE_OK;
    r->change_status = imap_run_status(status);
    r->change_modseq = count > 0 && status == STORE_OK ? results[count - 1].modseq : 0;
    if (count > 0 && status == STORE_OK)
        imap_run_note(r, &results[0]);
    r->base.status = REQUEST_OK;
    r->base.more = true;
    inbox_post(job->inbox, job);
}

static enum imap_next imap_run_account_new(struct imap_run *run)
{
    if (run->request->change_failed) {
        run->status = run->request->change_status;
        return IMAP_NEXT_DONE;
    }
    run->change = store_change_new(run->service->store);
    store_change_account(run->change, run->request->account->name);
    return IMAP_NEXT_CHANGE;
}

/* An account from before there were mailboxes that come with it gets them now. */
static enum imap_next imap_run_folders(struct imap_run *run)
{
    run->request->gives_folders = true;
    run->change = store_change_new(run->service->store);
    store_change_account(run->change, run->request->account->name);
    return IMAP_NEXT_CHANGE;
}

/* INBOX was renamed: it is another mailbox now, with the UIDVALIDITY of the one that the client
 * knows, and all that the client knows has vanished from it. */
static enum store_status imap_run_follow(struct imap_run *run)
{
    struct imap_view *view = run->request->view;
    struct watch *watch = run->request->base.watch;
    struct store_mailbox_info info;
    enum store_status status =
        store_mailbox_find(run->view, run->request->account->id, SPAN("INBOX"), &info);

    if (status != STORE_OK)
        return status;
    if (info.uid_validity != view->uid_validity)
        return STORE_NOT_FOUND;
    view->mailbox = info.id;
    if (watch != NULL && run->service->watches != NULL)
        watch_set(run->service->watches, watch, info.id);
    return STORE_OK;
}

/* Whether the selected mailbox is still there. False: run->status says what is wrong. */
static bool imap_run_is_selected(struct imap_run *run)
{
    const struct imap_request *r = run->request;
    enum store_status status;
    uint32_t validity;

    if (r->view == NULL || r->view->mailbox == 0 ||
        (r->base.kind == REQUEST_IMAP_MAILBOX && r->phase > 0)) /* it may be what was deleted */
        return true;
    status = store_mailbox_state(run->view, r->view->mailbox, &validity);
    if (status == STORE_OK && validity != r->view->uid_validity)
        status = imap_run_follow(run);
    run->status = status == STORE_NOT_FOUND ? REQUEST_DELETED : imap_run_status(status);
    return status == STORE_OK;
}

/* Finds the account, the first time; a user who never got mail has none yet. */
static enum imap_next imap_run_account(struct imap_run *run, imap_step_fn *step)
{
    struct imap_account *account = run->request->account;
    enum store_status status;

    if (account->id == 0) {
        status = store_account_find(run->view, account->name, &account->id);

        if (status == STORE_NOT_FOUND)
            return imap_run_account_new(run);
        if (status != STORE_OK)
            return imap_run_fail(run, status);
        if (store_account_wants_folders(run->view, account->id))
            return imap_run_folders(run);
    } else if (run->request->gives_folders) { /* whether it could be done or not */
        run->request->gives_folders = run->request->change_failed = false;
        run->request->change_modseq = 0;
    }
    return imap_run_is_selected(run) ? step(run) : IMAP_NEXT_DONE;
}

enum service_outcome imap_run_step(struct service *s, struct request *r, struct job *job,
                                   imap_step_fn *step)
{
    struct imap_request *request = (struct imap_request *)r;
    /* Too big for clearing with each step: 22 KiB of entries are filled before they are read. */
    struct imap_run *run = xmalloc(sizeof(*run));
    enum imap_next next;
    enum store_status status;
    struct store_change *change;

    r->more = false;
    run->service = s;
    run->request = request;
    run->out = &r->out;
    run->change = NULL;
    run->status = REQUEST_OK;
    run->names_known = 0;
    status = store_view_open(s->store, &run->view);
    next = status == STORE_OK ? imap_run_account(run, step) : imap_run_fail(run, status);
    if (run->view != NULL)
        store_view_close(&run->view);
    request->out_bytes += r->out.len;
    r->status = next == IMAP_NEXT_DONE ? run->status : REQUEST_OK;
    r->more = next == IMAP_NEXT_MORE;
    change = run->change;
    free(run);
    if (next != IMAP_NEXT_CHANGE)
        return SERVICE_ANSWERED;
    /* From here on the request is the applier's, then the driver's. */
    request->job = job;
    store_submit(s->store, &change, STORE_ACK_APPLIED, imap_run_changed, request);
    return SERVICE_LATER;
}
