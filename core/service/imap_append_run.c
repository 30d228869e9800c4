/*
 * APPEND: the messages' bytes go into drafts as they come, and all of them into one mailbox with
 * one change at the end: all or nothing.
 */

#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/service/imap_run.h"
#include "proto/mime/meta.h"

enum {
    /* Bytes of one APPEND's messages that the change carries itself; further messages become files
     * of their own, so that a change always fits into a segment. */
    APPEND_IN_LOG_MAX = STORE_BIG_BYTES,
};

enum append_phase {
    APPEND_BEFORE,
    APPEND_AFTER,
    APPEND_SYNC
};

/* What the service has of the messages: request->drafts. */
struct append_drafts {
    struct service *service;
    struct store_draft *at[IMAP_APPEND_MESSAGES_MAX];
    unsigned count;
    uint64_t in_log; /* bytes of those that are no files */
    struct job drop;
};

static struct imap_append_request *append_of(struct imap_run *run)
{
    return (struct imap_append_request *)run->request;
}

/* ---- drafts ---- */

static void drafts_drop_run(struct job *job)
{
    struct append_drafts *d = CONTAINER_OF(job, struct append_drafts, drop);

    for (unsigned i = 0; i < d->count; i++) {
        if (d->at[i] != NULL)
            store_draft_drop(&d->at[i]);
    }
    free(d);
}

/* request->drop. Called on a reactor, where no file may be removed: a worker does it. */
static void drafts_drop(void **drafts)
{
    struct append_drafts *d = *drafts;

    *drafts = NULL;
    if (d->service->workers == NULL) { /* in tests there are none */
        drafts_drop_run(&d->drop);
        return;
    }
    d->drop.run = drafts_drop_run;
    worker_pool_submit(d->service->workers, &d->drop, WORK_LATER);
}

static enum store_status drafts_add(struct append_drafts *d, unsigned message, struct span bytes)
{
    enum store_status status = STORE_OK;

    if (message == d->count) {
        status = store_draft_open(d->service->store, &d->at[message]);
        if (status != STORE_OK)
            return status;
        d->count++;
    }
    d->in_log += bytes.len;
    if (d->in_log > APPEND_IN_LOG_MAX)
        status = store_draft_spill(d->at[message]);
    return status == STORE_OK ? store_draft_add(d->at[message], bytes) : status;
}

/* Takes what the request carries. */
static enum store_status append_take(struct service *s, struct imap_append_request *r)
{
    enum store_status status = STORE_OK;
    struct append_drafts *d = r->drafts;

    if (r->body.len == 0)
        return STORE_OK;
    if (d == NULL) {
        d = xcalloc(1, sizeof(*d));
        d->service = s;
        r->drafts = d;
        r->drop = drafts_drop;
    }
    while (r->body.len > 0 && status == STORE_OK) {
        struct span first = chain_first(&r->body);

        status = drafts_add(d, r->body_of, first);
        chain_drop(&r->body, first.len);
    }
    chain_free(&r->body);
    return status;
}

/* ---- may it be? ---- */

static enum imap_next append_check(struct imap_run *run, store_account account)
{
    struct imap_append_request *r = append_of(run);
    struct span name = {r->name, r->name_len};
    struct store_mailbox_info info;
    enum store_status status = store_mailbox_find(run->view, account, name, &info);

    if (status == STORE_INVALID)
        status = STORE_NOT_FOUND;
    if (status == STORE_OK && store_is_full(run->service->store))
        status = STORE_FULL;
    r->is_checked = status == STORE_OK;
    return imap_run_fail(run, status);
}

/* Adds those of the message's keywords that are not there yet, up to `max` in all. */
static unsigned keywords_join(struct span *all, unsigned count, unsigned max,
                              const struct imap_append_message *m)
{
    for (unsigned i = 0; i < m->keyword_count && count < max; i++) {
        unsigned k = 0;

        while (k < count && !span_eq_nocase(all[k], m->keywords[i]))
            k++;
        all[k] = m->keywords[i];
        count += k == count;
    }
    return count;
}

/* The store would leave out keywords for which there is no room. */
static bool keywords_fit(struct imap_run *run, const struct imap_append_request *r)
{
    struct span all[STORE_KEYWORDS_MAX + 1];
    unsigned count = 0;

    for (unsigned i = 0; i < r->message_count; i++)
        count = keywords_join(all, count, COUNT_OF(all), &r->messages[i]);
    return imap_run_keywords_fit(run, all, count);
}

/* ---- the change ---- */

static enum store_status change_add(struct imap_run *run, unsigned number)
{
    struct imap_append_request *r = append_of(run);
    struct append_drafts *drafts = r->drafts;
    const struct imap_append_message *m = &r->messages[number];
    struct store_delivery delivery = {
        .account = run->request->account->name,
        .mailbox = {r->name, r->name_len},
        .missing = STORE_MISSING_REFUSE,
        .flags = m->flags,
        .keywords = m->keywords,
        .keyword_count = m->keyword_count,
        .received_us = m->received_us,
        .zone_minutes = m->zone_minutes,
    };
    struct mime_limits limits = service_mime_limits(run->service);
    struct chain meta = {0};
    struct span body;
    enum store_status status = store_draft_bytes(drafts->at[number], &body);

    if (status != STORE_OK)
        return status;
    meta_build_within(body, &limits, &meta);
    store_change_deliver(run->change,
                         store_change_message(run->change, &drafts->at[number], chain_flat(&meta)),
                         &delivery);
    chain_free(&meta);
    return STORE_OK;
}

static enum imap_next append_submit(struct imap_run *run)
{
    struct imap_append_request *r = append_of(run);
    enum store_status status = STORE_OK;

    if (!keywords_fit(run, r)) {
        run->status = REQUEST_REFUSED;
        return IMAP_NEXT_DONE;
    }
    run->change = store_change_new(run->service->store);
    for (unsigned i = 0; i < r->message_count && status == STORE_OK; i++)
        status = change_add(run, i);
    if (status != STORE_OK) {
        store_change_drop(&run->change);
        return imap_run_fail(run, status == STORE_INVALID ? STORE_FULL : status);
    }
    r->imap.phase = APPEND_AFTER;
    return IMAP_NEXT_CHANGE;
}

/* What came of it. False: the run ends here. */
static bool append_after(struct imap_run *run)
{
    struct imap_append_request *r = append_of(run);

    run->status = r->imap.change_failed ? r->imap.change_status : REQUEST_OK;
    r->uid_validity = r->imap.change_uid_validity;
    r->uid = r->imap.change_uid;
    return run->status == REQUEST_OK && r->imap.view != NULL;
}

static enum imap_next append_step(struct imap_run *run)
{
    struct imap_append_request *r = append_of(run);
    enum imap_next next = IMAP_NEXT_DONE;

    if (r->imap.phase == APPEND_BEFORE) {
        if (!r->is_checked)
            next = append_check(run, run->request->account->id);
        if (run->status != REQUEST_OK || !r->is_complete)
            return next;
        return append_submit(run);
    }
    if (r->imap.phase == APPEND_AFTER) {
        if (!append_after(run))
            return IMAP_NEXT_DONE;
        r->imap.phase = APPEND_SYNC;
    }
    /* The message is there, whatever becomes of telling so. */
    next = imap_sync_step(run);
    run->status = REQUEST_OK;
    return next;
}

enum service_outcome imap_append_run(struct service *s, struct request *r, struct job *job)
{
    struct imap_append_request *append = (struct imap_append_request *)r;
    enum store_status status = append_take(s, append);

    r->more = false;
    r->status = imap_run_status(status);
    if (status != STORE_OK || (append->is_checked && !append->is_complete))
        return SERVICE_ANSWERED;
    return imap_run_step(s, r, job, append_step);
}
