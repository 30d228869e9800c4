#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/service/imap_run.h"

/* ---- STORE ---- */

enum store_phase {
    STORE_BEFORE,
    STORE_AFTER,
    STORE_TELL,
    STORE_SYNC
};

static struct imap_store_request *store_of(struct imap_run *run)
{
    return (struct imap_store_request *)run->request;
}

/* A change of what the command names; NULL when it names nothing. */
static struct store_change *store_change_of(struct imap_run *run)
{
    static const enum store_flag_mode modes[] = {
        [IMAP_STORE_ADD] = STORE_FLAGS_ADD,
        [IMAP_STORE_REMOVE] = STORE_FLAGS_REMOVE,
        [IMAP_STORE_SET] = STORE_FLAGS_SET,
    };
    struct imap_store_request *r = store_of(run);
    size_t count;
    uint32_t messages;
    struct store_range *ranges = imap_run_ranges(r->imap.view, &r->uids, &count, &messages);
    struct store_flag_change flags = {.mailbox = r->imap.view->mailbox,
                                      .uids = ranges,
                                      .count = count,
                                      .mode = modes[r->mode],
                                      .flags = r->flags,
                                      .keywords = r->keywords,
                                      .keyword_count = r->keyword_count,
                                      .unchanged_since = UINT64_MAX};
    struct store_change *change = NULL;

    if (count > STORE_RANGES_MAX) {
        run->status = REQUEST_FULL;
    } else if (count > 0) {
        change = store_change_new(run->service->store);
        store_change_flags(change, &flags);
    }
    free(ranges);
    return change;
}

/* First what others did is told, so that afterwards the change of this client's is the only one. */
static enum imap_next store_before(struct imap_run *run)
{
    struct imap_store_request *r = store_of(run);
    enum imap_next next = imap_sync_step(run);

    if (next != IMAP_NEXT_DONE || run->status != REQUEST_OK)
        return next;
    if (r->mode != IMAP_STORE_REMOVE &&
        !imap_run_keywords_fit(run, r->keywords, r->keyword_count)) {
        run->status = REQUEST_FULL;
        return IMAP_NEXT_DONE;
    }
    run->change = store_change_of(run);
    r->imap.phase = STORE_AFTER;
    return run->change != NULL ? IMAP_NEXT_CHANGE : IMAP_NEXT_DONE;
}

/* RFC 3501 6.4.6: the new flags of each message named, changed or not. */
static enum imap_next store_tell(struct imap_run *run)
{
    struct imap_store_request *r = store_of(run);

    while (!r->silent && r->range < r->uids.count) {
        const struct imap_range *range = &r->uids.at[r->range];
        size_t count;
        enum store_status status;

        if (r->uid < range->from)
            r->uid = range->from;
        status = imap_run_entries(run, r->uid, range->to, &count);
        if (status != STORE_OK)
            return imap_run_fail(run, status);
        for (size_t i = 0; i < count; i++)
            imap_run_write_flags(run, &run->entries[i], r->says_uid);
        if (count == IMAP_ENTRIES) {
            r->uid = run->entries[count - 1].uid + 1;
        } else {
            r->range++;
            r->uid = 0;
        }
        if (imap_run_is_full(run))
            return IMAP_NEXT_MORE;
    }
    return IMAP_NEXT_DONE;
}

/* What came of the change. False: the run ends here. */
static bool store_after(struct imap_run *run)
{
    struct store_mailbox_info info;
    enum store_status status;

    if (run->request->change_failed) {
        run->status = run->request->change_status;
        return false;
    }
    status = store_mailbox_get(run->view, run->request->view->mailbox, &info);
    run->status = imap_run_status(status);
    if (status != STORE_OK)
        return false;
    imap_sync_keywords(run, info.keywords);
    imap_run_own_change(run);
    return true;
}

static enum imap_next flags_step(struct imap_run *run)
{
    struct imap_request *r = run->request;
    enum imap_next next;

    if (r->phase == STORE_BEFORE)
        return store_before(run);
    if (r->phase == STORE_AFTER) {
        if (!store_after(run))
            return IMAP_NEXT_DONE;
        r->phase = STORE_TELL;
    }
    if (r->phase == STORE_TELL) {
        next = store_tell(run);
        if (next != IMAP_NEXT_DONE || run->status != REQUEST_OK)
            return next;
        r->phase = STORE_SYNC;
    }
    return imap_sync_step(run);
}

enum service_outcome imap_store_run(struct service *s, struct request *r, struct job *job)
{
    return imap_run_step(s, r, job, flags_step);
}

/* ---- EXPUNGE and CLOSE ---- */

enum expunge_phase {
    EXPUNGE_BEFORE,
    EXPUNGE_AFTER
};

/* All that are deleted, or those of UID EXPUNGE; NULL when there are none. */
static struct store_change *expunge_change(struct imap_run *run,
                                           const struct imap_expunge_request *r)
{
    struct store_change *change = NULL;
    struct store_range *ranges = NULL;
    size_t count = 0;
    uint32_t messages;

    if (r->is_some)
        ranges = imap_run_ranges(r->imap.view, &r->uids, &count, &messages);
    if (count > STORE_RANGES_MAX) {
        run->status = REQUEST_FULL;
    } else if (count > 0 || !r->is_some) {
        change = store_change_new(run->service->store);
        store_change_expunge(change, r->imap.view->mailbox, ranges, count);
    }
    free(ranges);
    return change;
}

static enum imap_next expunge_step(struct imap_run *run)
{
    struct imap_request *r = run->request;
    struct store_mailbox_info info;
    enum store_status status;

    if (r->phase == EXPUNGE_BEFORE) {
        status = store_mailbox_get(run->view, r->view->mailbox, &info);
        if (status != STORE_OK)
            return imap_run_fail(run, status);
        r->phase = EXPUNGE_AFTER;
        if (info.deleted > 0)
            run->change = expunge_change(run, (const struct imap_expunge_request *)r);
        if (run->change != NULL)
            return IMAP_NEXT_CHANGE;
        if (run->status != REQUEST_OK)
            return IMAP_NEXT_DONE;
    }
    if (r->change_failed) {
        run->status = r->change_status;
        return IMAP_NEXT_DONE;
    }
    return r->may_expunge ? imap_sync_step(run) : IMAP_NEXT_DONE;
}

enum service_outcome imap_expunge_run(struct service *s, struct request *r, struct job *job)
{
    return imap_run_step(s, r, job, expunge_step);
}
