#include "core/service/pop3_run.h"

#include "core/service/imap_run.h"
#include "core/work/inbox.h"

enum pop3_next pop3_run_fail(struct pop3_run *run, enum store_status status)
{
    run->status = imap_run_status(status);
    return POP3_NEXT_DONE;
}

enum pop3_next pop3_run_change(struct pop3_run *run, struct store_change *change,
                               enum store_ack ack)
{
    run->change = change;
    run->ack = ack;
    return POP3_NEXT_CHANGE;
}

bool pop3_run_is_full(const struct pop3_run *run)
{
    return run->out->held >= run->request->settings->output_size || run->out->len >= POP3_LENT_MAX;
}

enum store_status pop3_run_entry(const struct pop3_run *run, uint32_t number,
                                 struct store_entry *entry_r)
{
    const struct imap_view *uids = run->request->drop->uids;
    uint32_t uid = imap_view_uid(uids, number);
    size_t count;
    enum store_status status = store_entries(run->view, uids->mailbox, uid, entry_r, 1, &count);

    if (status == STORE_OK && (count == 0 || entry_r->uid != uid))
        status = STORE_NOT_FOUND;
    return status;
}

/* The mailbox number of INBOX goes with its messages when it is renamed (store_mailbox_state()):
 * from then on the maildrop is another mailbox, which this session has no business with. An answer
 * that has begun is finished, and so is an update: that is how they would be, had the RENAME come
 * just behind them. */
static enum store_status pop3_run_state(const struct pop3_run *run)
{
    const struct pop3_request *r = run->request;
    uint32_t validity;
    enum store_status status;

    if (r->drop->uids == NULL || r->has_begun || r->has_changed)
        return STORE_OK;
    status = store_mailbox_state(run->view, r->drop->uids->mailbox, &validity);
    if (status == STORE_OK && validity != r->drop->uids->uid_validity)
        status = STORE_NOT_FOUND;
    return status;
}

static enum pop3_next pop3_run_checked(struct pop3_run *run, pop3_step_fn *step)
{
    enum store_status status = pop3_run_state(run);

    if (status == STORE_OK)
        return step(run);
    run->status = status == STORE_NOT_FOUND ? REQUEST_DELETED : imap_run_status(status);
    return POP3_NEXT_DONE;
}

/* On a thread of the store's: notes what became of the change and has the request run again. */
static void pop3_run_changed(void *context, enum store_status status,
                             const struct store_result *results, size_t count)
{
    struct pop3_request *r = context;
    struct job *job = r->job;

    for (size_t i = 0; i < count && status == STORE_OK; i++)
        status = results[i].status;
    r->has_changed = true;
    r->change_status = imap_run_status(status);
    r->base.status = REQUEST_OK;
    r->base.more = true;
    inbox_post(job->inbox, job);
}

enum service_outcome pop3_run_step(struct service *s, struct request *r, struct job *job,
                                   pop3_step_fn *step)
{
    struct pop3_request *request = (struct pop3_request *)r;
    struct pop3_run run = {.service = s, .request = request, .out = &r->out, .status = REQUEST_OK};
    enum pop3_next next;
    enum store_status status;

    r->more = false;
    status = store_view_open(s->store, &run.view);
    next = status == STORE_OK ? pop3_run_checked(&run, step) : pop3_run_fail(&run, status);
    if (run.view != NULL)
        store_view_close(&run.view);
    r->status = next == POP3_NEXT_DONE ? run.status : REQUEST_OK;
    r->more = next == POP3_NEXT_MORE;
    if (next != POP3_NEXT_CHANGE)
        return SERVICE_ANSWERED;
    /* From here on the request is the store's, then the driver's. */
    request->job = job;
    store_submit(s->store, &run.change, run.ack, pop3_run_changed, request);
    return SERVICE_LATER;
}
