#include <stdlib.h>

#include "core/service/imap_run.h"
#include "core/work/watch.h"
#include "proto/imap/imap_fetch_write.h"

/* ---- SELECT ---- */

static enum store_status select_uids(struct imap_run *run, struct imap_view *view)
{
    struct store_range *ranges = NULL;
    size_t count = 0;
    enum store_status status = store_uids(run->view, view->mailbox, &ranges, &count);

    for (size_t i = 0; i < count && status == STORE_OK; i++)
        imap_view_append(view, (struct imap_range){ranges[i].from, ranges[i].to});
    free(ranges);
    return status;
}

static void select_write(struct imap_run *run, const struct store_mailbox_info *info)
{
    const struct imap_view *view = run->request->view;
    uint32_t unseen = info->first_unseen_uid == 0 ? 0 : imap_view_seq(view, info->first_unseen_uid);

    imap_flags_write_mailbox(run->out, view->keywords, imap_run_names(run, view->keywords),
                             view->read_only);
    imap_write_number(run->out, imap_view_count(view), "EXISTS");
    imap_write_number(run->out, view->recent_told, "RECENT");
    if (unseen > 0)
        chain_addf(run->out, "* OK [UNSEEN %u] First unseen.\r\n", unseen);
    chain_addf(run->out, "* OK [UIDVALIDITY %u] UIDs valid\r\n", view->uid_validity);
    chain_addf(run->out, "* OK [UIDNEXT %u] Predicted next UID\r\n", view->uid_next);
}

static enum store_status select_fill(struct imap_run *run, const struct store_mailbox_info *info,
                                     bool read_only)
{
    struct imap_view *view = run->request->view;
    uint32_t recent;
    enum store_status status;

    view->mailbox = info->id;
    view->uid_validity = info->uid_validity;
    view->uid_next = info->uid_next;
    view->modseq = view->vanish_modseq = info->modseq;
    view->keywords = info->keywords;
    view->read_only = read_only;
    status = select_uids(run, view);
    if (status != STORE_OK)
        return status;
    recent = read_only ? info->recent_from_uid : store_recent_take(run->service->store, info);
    if (recent < info->uid_next)
        imap_view_recent_add(view, (struct imap_range){recent, info->uid_next - 1});
    view->recent_told = imap_view_recent_count(view);
    return STORE_OK;
}

static enum imap_next select_step(struct imap_run *run)
{
    struct imap_select_request *r = (struct imap_select_request *)run->request;
    struct span name = {r->name, r->name_len};
    struct store_mailbox_info info;
    enum store_status status =
        store_mailbox_find(run->view, run->request->account->id, name, &info);

    if (status == STORE_OK && r->imap.base.watch != NULL && run->service->watches != NULL) {
        /* First the watch, then what there is: nothing that comes in between is missed. */
        watch_set(run->service->watches, r->imap.base.watch, info.id);
        status = imap_run_look_again(run);
        if (status == STORE_OK)
            status = store_mailbox_get(run->view, info.id, &info);
    }
    if (status == STORE_OK)
        status = select_fill(run, &info, r->read_only);
    if (status == STORE_OK)
        select_write(run, &info);
    return imap_run_fail(run, status);
}

enum service_outcome imap_select_run(struct service *s, struct request *r, struct job *job)
{
    return imap_run_step(s, r, job, select_step);
}

/* ---- STATUS ---- */

/* How many messages have a UID from `from` on. */
static enum store_status count_from(struct imap_run *run, const struct store_mailbox_info *info,
                                    uint32_t *count_r)
{
    struct store_range *ranges = NULL;
    size_t count = 0;
    enum store_status status = STORE_OK;

    *count_r = 0;
    if (info->recent_from_uid >= info->uid_next)
        return STORE_OK;
    status = store_uids(run->view, info->id, &ranges, &count);
    for (size_t i = 0; i < count && status == STORE_OK; i++) {
        uint32_t from =
            ranges[i].from > info->recent_from_uid ? ranges[i].from : info->recent_from_uid;

        if (ranges[i].to >= from)
            *count_r += ranges[i].to - from + 1;
    }
    free(ranges);
    return status;
}

static void status_write(struct imap_run *run, const struct store_mailbox_info *info,
                         uint32_t recent)
{
    const struct imap_status_request *r = (const struct imap_status_request *)run->request;
    const struct {
        enum imap_status_item item;
        const char *name;
        uint32_t number;
    } rows[] = {
        {IMAP_STATUS_MESSAGES,    "MESSAGES",    info->messages    },
        {IMAP_STATUS_RECENT,      "RECENT",      recent            },
        {IMAP_STATUS_UIDNEXT,     "UIDNEXT",     info->uid_next    },
        {IMAP_STATUS_UIDVALIDITY, "UIDVALIDITY", info->uid_validity},
        {IMAP_STATUS_UNSEEN,      "UNSEEN",      info->unseen      },
    };
    const char *before = " (";

    chain_add(run->out, SPAN("* STATUS "));
    imap_write_mailbox(run->out, (struct span){info->name, info->name_len});
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if ((r->items & rows[i].item) == 0)
            continue;
        chain_addf(run->out, "%s%s %u", before, rows[i].name, rows[i].number);
        before = " ";
    }
    chain_add(run->out, SPAN(")\r\n"));
}

static enum imap_next status_step(struct imap_run *run)
{
    const struct imap_status_request *r = (const struct imap_status_request *)run->request;
    struct span name = {r->name, r->name_len};
    struct store_mailbox_info info;
    uint32_t recent = 0;
    enum store_status status =
        store_mailbox_find(run->view, run->request->account->id, name, &info);

    if (status == STORE_OK && (r->items & IMAP_STATUS_RECENT) != 0)
        status = count_from(run, &info, &recent);
    if (status == STORE_OK)
        status_write(run, &info, recent);
    return imap_run_fail(run, status);
}

enum service_outcome imap_status_run(struct service *s, struct request *r, struct job *job)
{
    return imap_run_step(s, r, job, status_step);
}
