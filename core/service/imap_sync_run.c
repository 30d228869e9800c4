#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/service/imap_run.h"
#include "proto/imap/imap_fetch_write.h"

enum {
    EXPUNGES_AT_ONCE = 8192, /* EXPUNGE responses in a step: each is some 16 bytes */
};

void imap_sync_keywords(struct imap_run *run, uint64_t keywords)
{
    struct imap_view *view = run->request->view;

    if ((keywords & ~view->keywords) == 0)
        return;
    view->keywords |= keywords;
    imap_flags_write_mailbox(run->out, view->keywords, imap_run_names(run, view->keywords),
                             view->read_only);
}

/* ---- what vanished ---- */

/* Tells of the last messages in `range`, at most `room`, from above, so that the numbers of those
 * below are not moved by it. Narrows the range to them; returns how many there are. */
static uint32_t sync_expunge_range(struct imap_run *run, struct imap_range *range, uint32_t room)
{
    const struct imap_view *view = run->request->view;
    uint32_t known = imap_view_count_in(view, *range), last;

    if (known == 0)
        return 0;
    last = imap_view_count_in(view, (struct imap_range){1, range->to});
    if (known > room) {
        known = room;
        range->from = imap_view_uid(view, last - room + 1);
    }
    for (uint32_t i = 0; i < known; i++)
        imap_write_number(run->out, last - i, "EXPUNGE");
    return known;
}

/* Tells of up to EXPUNGES_AT_ONCE, from the end of the mailbox on, and forgets them. */
static enum imap_next sync_expunge(struct imap_run *run, const struct store_range *gone,
                                   size_t count)
{
    struct imap_range *told = xcalloc(EXPUNGES_AT_ONCE, sizeof(*told));
    uint32_t first = EXPUNGES_AT_ONCE, room = EXPUNGES_AT_ONCE;

    while (count > 0 && room > 0) {
        struct imap_range range = {gone[count - 1].from, gone[count - 1].to};
        uint32_t n = sync_expunge_range(run, &range, room);

        if (n > 0)
            told[--first] = range;
        room -= n;
        count -= range.from == gone[count - 1].from;
    }
    imap_view_remove(run->request->view, told + first, EXPUNGES_AT_ONCE - first);
    run->request->expunged += EXPUNGES_AT_ONCE - room;
    free(told);
    return count > 0 ? IMAP_NEXT_MORE : IMAP_NEXT_DONE;
}

static enum imap_next sync_vanished(struct imap_run *run)
{
    struct imap_view *view = run->request->view;
    struct store_range *gone = NULL;
    enum imap_next next;
    size_t count = 0;
    enum store_status status;

    if (!run->request->may_expunge || view->vanish_modseq >= run->request->sync_modseq)
        return IMAP_NEXT_DONE;
    status = store_vanished(run->view, view->mailbox, view->vanish_modseq, &gone, &count);
    if (status != STORE_OK) {
        free(gone);
        return imap_run_fail(run, status);
    }
    next = count == 0 ? IMAP_NEXT_DONE : sync_expunge(run, gone, count);
    free(gone);
    if (next == IMAP_NEXT_DONE)
        view->vanish_modseq = run->request->sync_modseq;
    return next;
}

/* ---- flags that changed ---- */

static enum imap_next sync_flags(struct imap_run *run)
{
    struct imap_request *r = run->request;
    size_t count;

    if (r->view->modseq >= r->sync_modseq)
        return IMAP_NEXT_DONE;
    for (;;) {
        enum store_status status =
            store_entries_since(run->view, r->view->mailbox, r->view->modseq, r->sync_uid,
                                run->entries, IMAP_ENTRIES, &count);

        if (status != STORE_OK)
            return imap_run_fail(run, status);
        for (size_t i = 0; i < count && run->entries[i].uid < r->view->uid_next; i++)
            imap_run_write_flags(run, &run->entries[i], r->base.kind == REQUEST_IMAP_STORE);
        if (count < IMAP_ENTRIES || run->entries[count - 1].uid >= r->view->uid_next)
            return IMAP_NEXT_DONE;
        r->sync_uid = run->entries[count - 1].uid + 1;
        if (imap_run_is_full(run))
            return IMAP_NEXT_MORE;
    }
}

/* ---- what is new ---- */

static enum store_status sync_new(struct imap_run *run, const struct store_mailbox_info *info)
{
    struct imap_view *view = run->request->view;
    uint32_t known = imap_view_count(view), uid = view->uid_next, recent;
    size_t count;

    if (info->uid_next <= uid)
        return STORE_OK;
    do {
        enum store_status status = imap_run_entries(run, uid, info->uid_next - 1, &count);

        if (status != STORE_OK)
            return status;
        for (size_t i = 0; i < count; i++)
            imap_view_append(view, (struct imap_range){run->entries[i].uid, run->entries[i].uid});
        if (count > 0)
            uid = run->entries[count - 1].uid + 1;
    } while (count == IMAP_ENTRIES);
    recent = view->read_only ? info->recent_from_uid : store_recent_take(run->service->store, info);
    if (recent < view->uid_next)
        recent = view->uid_next;
    if (recent < info->uid_next)
        imap_view_recent_add(view, (struct imap_range){recent, info->uid_next - 1});
    view->uid_next = info->uid_next;
    if (imap_view_count(view) != known)
        imap_write_number(run->out, imap_view_count(view), "EXISTS");
    return STORE_OK;
}

static void sync_recent(struct imap_run *run)
{
    struct imap_view *view = run->request->view;
    uint32_t count = imap_view_recent_count(view);

    if (count == view->recent_told)
        return;
    view->recent_told = count;
    imap_write_number(run->out, count, "RECENT");
}

/* ---- all of it ---- */

/* Is there anything to tell? If so, begins. */
static bool sync_begins(struct imap_request *r, const struct store_mailbox_info *info)
{
    if (!r->is_syncing) {
        if (info->modseq <= r->view->modseq &&
            (!r->may_expunge || info->modseq <= r->view->vanish_modseq))
            return false;
        r->is_syncing = true;
        r->sync_modseq = info->modseq;
        r->sync_uid = 1;
    }
    return true;
}

enum imap_next imap_sync_step(struct imap_run *run)
{
    struct imap_request *r = run->request;
    struct store_mailbox_info info;
    enum store_status status = store_mailbox_get(run->view, r->view->mailbox, &info);
    enum imap_next next;

    if (status != STORE_OK)
        return imap_run_fail(run, status);
    if (!sync_begins(r, &info))
        return IMAP_NEXT_DONE;
    imap_sync_keywords(run, info.keywords);
    next = sync_vanished(run);
    if (next == IMAP_NEXT_DONE && run->status == REQUEST_OK)
        next = sync_flags(run);
    if (next == IMAP_NEXT_MORE || run->status != REQUEST_OK)
        return next;
    status = sync_new(run, &info);
    if (status != STORE_OK)
        return imap_run_fail(run, status);
    sync_recent(run);
    if (r->view->modseq < r->sync_modseq)
        r->view->modseq = r->sync_modseq;
    r->is_syncing = false;
    return IMAP_NEXT_DONE;
}

enum service_outcome imap_sync_run(struct service *s, struct request *r, struct job *job)
{
    return imap_run_step(s, r, job, imap_sync_step);
}
